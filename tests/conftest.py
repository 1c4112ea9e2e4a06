"""What the tests share: a private cache, no network, one thread, a small corpus and one fitted tiny indexer."""

import atexit
import os
import shutil
import tempfile

import pytest
from hypothesis import settings as hypothesis_settings

os.environ["LMINDEXER_CACHE"] = tempfile.mkdtemp(prefix="lmindexer-tests-")
os.environ["HF_HUB_OFFLINE"] = "1"  # a test that reaches for the hub must fail at once
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
atexit.register(shutil.rmtree, os.environ["LMINDEXER_CACHE"], ignore_errors=True)

hypothesis_settings.register_profile("tests", deadline=None, derandomize=True)
hypothesis_settings.load_profile("tests")


@pytest.fixture(scope="session")
def corpus():
    """48 short documents of six themes."""
    from themed import themed_corpus

    return themed_corpus()


@pytest.fixture(scope="session")
def fitted(corpus):
    """A tiny indexer of two positions, fitted on `corpus`. Do not change it."""
    from themed import QUICK

    from lmindexer.indexers import LMIndexer

    return LMIndexer("tiny", seed=1, **QUICK).fit(corpus, progress=False)


@pytest.fixture(scope="session")
def model_folder(fitted, tmp_path_factory):
    """The model folder of `fitted`. Copy it before changing it."""
    return fitted.save_pretrained(tmp_path_factory.mktemp("model") / "tiny")


@pytest.fixture
def quick_map(monkeypatch):
    """Saving a run without UMAP."""
    from themed import line_map

    monkeypatch.setattr("lmindexer.indexers.maps.umap_map", line_map)
