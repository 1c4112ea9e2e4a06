"""One fit at a time in a run's folder, and a lock that ends with its process."""

import subprocess
import sys

import pytest

from lmindexer.common.errors import BundleError
from lmindexer.corpus.corpus import Corpus
from lmindexer.indexers import LMIndexer, RandomIndexer
from lmindexer.runs.lock import one_fit_in

CORPUS = Corpus.from_records([{"doc_id": n, "text": f"tool {n}"} for n in range(4)])


@pytest.mark.parametrize("indexer", [RandomIndexer(positions=1, codebook_size=2), LMIndexer("tiny", codebook_size=2)])
def test_a_second_fit_in_the_same_folder_is_refused(tmp_path, indexer):
    run = tmp_path / "run"
    with one_fit_in(run), pytest.raises(BundleError, match=r"Another fit is at work in .*run; wait"):
        indexer.fit(CORPUS, run, progress=False)
    assert indexer.ids_ is None and not run.exists()


def test_the_folder_is_free_again_after_a_fit_and_after_an_error(tmp_path):
    for _ in range(2):
        RandomIndexer(positions=1, codebook_size=2).fit(CORPUS, tmp_path / "run", progress=False)
    with pytest.raises(ValueError, match="stop"), one_fit_in(tmp_path / "run"):
        raise ValueError("stop")
    with one_fit_in(tmp_path / "run"), one_fit_in(tmp_path / "other"), one_fit_in(None):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_a_lock_ends_with_its_process(tmp_path):
    hold = (
        "import sys, time; from lmindexer.runs.lock import one_fit_in\n"
        "with one_fit_in(sys.argv[1]):\n    print('held', flush=True); time.sleep(60)"
    )
    child = subprocess.Popen([sys.executable, "-c", hold, str(tmp_path / "run")], stdout=subprocess.PIPE, text=True)
    assert child.stdout.readline().strip() == "held"
    with pytest.raises(BundleError, match="Another fit"), one_fit_in(tmp_path / "run"):
        pass
    child.kill()
    child.wait()
    with one_fit_in(tmp_path / "run"):
        pass
