"""A short run of each fuzzer, and that a fuzzer sees what is wrong."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
import bundles
import corpora
import fuzzing
import raw_folders
import studies
from fuzzing import run

from lmindexer.common.errors import CorpusError

SHORT = [(corpora.case, 150), (raw_folders.case, 60), (bundles.case, 60), (studies.case, 60)]


@pytest.mark.parametrize(("case", "count"), SHORT, ids=["corpora", "raw folders", "bundles", "studies"])
def test_a_short_run(case, count):
    failed = []
    counts = run(case, seed=0, first=0, count=count, say=failed.append)
    assert not failed, "\n".join(failed)
    assert counts["read"] > count // 20 and counts["refused"] > count // 10, "both kinds of answer occur"


def wrong_answers():
    def traceback():
        raise KeyError("x")

    def hang():
        while True:
            pass

    def long_sentence():
        return fuzzing.answer(lambda: (_ for _ in ()).throw(CorpusError("a.csv: " + "word " * 1_000)), "a.csv")

    def no_name():
        return fuzzing.answer(lambda: (_ for _ in ()).throw(CorpusError("something is wrong")), "a.csv")

    return [traceback, hang, long_sentence, no_name]


@pytest.mark.parametrize("wrong", wrong_answers(), ids=lambda wrong: wrong.__name__)
def test_what_is_wrong_is_seen(wrong, monkeypatch):
    monkeypatch.setattr(fuzzing, "SECONDS", 1)
    said = []
    counts = run(lambda rng, folder: ("a case", wrong), seed=3, first=7, count=1, say=said.append)
    assert counts == {"failed": 1} and "--seed 3 --first 7 --count 1   a case" in said[0]
