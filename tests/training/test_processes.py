"""Several processes that share a fit: parts of a batch, dropout of the whole one, and the IDs of one process."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from themed import themed_records

import lmindexer as lmi
from lmindexer.common.processes import Processes, WholeBatchDropout


@given(st.integers(1, 300), st.integers(1, 9))
def test_parts_are_all_rows_once_and_nearly_alike(size, number):
    parts = [Processes(number, rank).part(size) for rank in range(number)]
    if size < number or number == 1:
        assert set(map(str, parts)) == {str(slice(0, size))}  # too few to share out: each does all of them
        return
    rows = [row for part in parts for row in range(size)[part]]
    lengths = [part.stop - part.start for part in parts]
    assert rows == list(range(size)) and max(lengths) - min(lengths) <= 1


@pytest.mark.parametrize("permuted", [False, True])
@pytest.mark.parametrize("views", [1, 2])
def test_dropout_of_the_whole_batch_is_that_of_one_process(views, permuted):
    size, rows = 7, torch.randn(views * 7, 3, 5)
    if permuted:  # as attention scores lie
        rows = torch.randn(views * 7, 5, 3).transpose(1, 2)
    torch.manual_seed(3)
    one = F.dropout(rows, 0.4)
    after = torch.rand(1)
    for rank in range(3):
        part = Processes(3, rank).part(size)
        mine = rows.unflatten(0, (views, size))[:, part].flatten(0, 1)
        mine = mine.mT.contiguous().mT if permuted else mine
        torch.manual_seed(3)
        with WholeBatchDropout(Processes(3, rank), size):
            found = torch.nn.Dropout(0.4)(mine)
        assert torch.equal(found, one.unflatten(0, (views, size))[:, part].flatten(0, 1))
        assert torch.equal(torch.rand(1), after)  # what is drawn next is the same too


def test_rows_that_are_no_rows_of_the_batch_get_dropout_of_their_own():
    with WholeBatchDropout(Processes(2, 0), 6):  # its part is 3 rows
        found = F.dropout(torch.ones(4000, 2), 0.4)
    assert found.unique().tolist() == pytest.approx([0, 1 / 0.6])
    assert 0.35 < float((found == 0).float().mean()) < 0.45


SCRIPT = """
import sys
from pathlib import Path
import numpy as np
from themed import themed_corpus
import lmindexer as lmi
from lmindexer.common.processes import processes
from lmindexer.indexers import lm
from lmindexer.training import all_documents

lm.AT_ONCE, all_documents.ENCODE_BATCH = 16, 20  # so that there are blocks to share out
indexer = lmi.LMIndexer("tiny", batch_size=31, discrete_epochs=2, contrastive="cosine", contrastive_from=1)
indexer.fit(themed_corpus(), run=sys.argv[1], progress=False)
codes = indexer._assign(themed_corpus().documents(), None)[0]
if processes().first:
    np.save(Path(sys.argv[1]) / "encoded.npy", codes)
"""


def started(folder: Path, *command: str) -> str:
    """What Python says to a command line, in a folder; it must end well."""
    path = os.pathsep.join([str(Path(__file__).parents[2]), str(Path(__file__).parents[1] / "helpers")])
    settings = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": path}
    done = subprocess.run([sys.executable, *command], cwd=folder, env=settings, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def fitted(folder: Path, number: int) -> tuple[lmi.Bundle, np.ndarray]:
    """The run, and the codes of its texts, that so many processes make."""
    (folder / "script.py").write_text(SCRIPT, encoding="utf-8")
    launch = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={number}"] if number > 1 else []
    run = folder / f"run-{number}"
    started(folder, *launch, "script.py", str(run))
    return lmi.Bundle.open(run), np.load(run / "encoded.npy")


PARTING = """
import atexit
import torch
from lmindexer.common.processes import processes

atexit.register(lambda: print("still together:", torch.distributed.is_initialized()))  # called after what comes later
assert processes().added(torch.ones(3)).tolist() == [2, 2, 2]
"""


@pytest.mark.long
def test_processes_leave_each_other_before_python_ends(tmp_path):
    """Where they did not, torch ended one in three starts with SIGABRT."""
    (tmp_path / "script.py").write_text(PARTING, encoding="utf-8")
    said = started(tmp_path, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "script.py")
    assert said.count("still together: False") == 2


@pytest.mark.long
def test_two_processes_give_the_ids_of_one(tmp_path):
    (one, encoded_by_one), (two, encoded_by_two) = (fitted(tmp_path, number) for number in (1, 2))
    assert np.array_equal(one.ids.codes, two.ids.codes) and len(np.unique(one.ids.codes, axis=0)) > 4
    assert np.array_equal(encoded_by_one, encoded_by_two) and np.array_equal(encoded_by_one, one.ids.codes)
    for column in ("loss", "reconstruction", "contrastive"):
        np.testing.assert_allclose(one.history[column], two.history[column], rtol=2e-3)


@pytest.mark.long
def test_accelerate_launch_fits_and_encodes_from_the_command_line(tmp_path):
    pd.DataFrame(themed_records(48)).to_csv(tmp_path / "shop.csv", index=False)
    pd.DataFrame(themed_records(30, seed=3, name="n")).to_csv(tmp_path / "new.csv", index=False)
    launch = ["-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", "2", "--num_machines", "1"]
    launch += ["--mixed_precision", "no", "--dynamo_backend", "no", "-m", "lmindexer"]
    settings = {"codebook_size": 6, "batch_size": 31, "warmup_epochs": 1, "continuous_epochs": 1, "discrete_epochs": 1}
    chosen = [word for name, value in settings.items() for word in ("--set", f"{name}={value}")]
    columns = {"id": "doc_id", "title": "title", "text": "text"}
    named = [word for name, column in columns.items() for word in (f"--{name}", column)]
    started(tmp_path, *launch, "fit", "shop.csv", *named, "--run", "run", "--preset", "tiny", *chosen, "--no-progress")
    started(tmp_path, *launch, "encode", "run", "new.csv", *named, "-o", "ids.csv")
    one = lmi.LMIndexer("tiny", **settings).fit(lmi.Corpus.from_csv(tmp_path / "shop.csv", **columns), progress=False)
    assert np.array_equal(lmi.Bundle.open(tmp_path / "run").ids.codes, one.ids_.codes)
    assert len(np.unique(one.ids_.codes, axis=0)) > 4
    encoded = one.encode(lmi.Corpus.from_csv(tmp_path / "new.csv", **columns))
    written = pd.read_csv(tmp_path / "ids.csv")[["c1", "c2", "suffix"]]
    assert np.array_equal(written, np.column_stack([encoded.codes, encoded.suffix]))
