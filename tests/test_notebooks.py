"""The course: every notebook runs in the fast profile, pairs agree, links lead somewhere, words are spelled right."""

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import jupytext
import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "notebooks"
SOURCES = sorted(path for path in FOLDER.glob("*.py") if "# %% [markdown]" in path.read_text(encoding="utf-8"))
LESSONS = [path for path in SOURCES if path.stem[:2].isdigit()]
EXECUTED = [path.with_suffix(".ipynb") for path in SOURCES]
PAGES = [*SOURCES, *FOLDER.glob("*.md")]
MOST_LINES = 12  # of a code cell
FIELDS = ("cell_type", "source")

names = {"ids": lambda path: path.stem}


def cells(path: Path, kind: str) -> list[str]:
    """The cells of one kind, from the source or from the executed notebook."""
    return [cell.source for cell in jupytext.read(path).cells if cell.cell_type == kind]


# --------------------------------------------------------------------------------------------------- execution


@pytest.mark.long
@pytest.mark.parametrize("source", SOURCES, **names)
def test_runs_from_a_fresh_kernel(source, tmp_path):
    """Run all, fast profile, in a copy of the folder, so that what a notebook writes stays out of the checkout."""
    folder = tmp_path / "notebooks"
    shutil.copytree(FOLDER, folder, ignore=shutil.ignore_patterns("*.ipynb", "__pycache__", ".ipynb_checkpoints"))
    notebook = jupytext.read(source)
    client = NotebookClient(notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(folder)}})
    surroundings = {"LMINDEXER_FAST": "1", "PYTHONPATH": str(ROOT), "JUPYTER_PLATFORM_DIRS": "1"}
    client.execute(env={**os.environ, **surroundings})  # a check that fails, or any error, ends it
    call = r"^(?:checks|recommending|searching)\.|^ *check\("
    checks = sum(len(re.findall(call, source, re.M)) for source in cells(source, "code"))
    said = "".join(output.get("text", "") for cell in notebook.cells for output in cell.get("outputs", []))
    assert checks, "a lesson needs at least one check cell"
    assert said.count("✓") + said.count("○") >= min(checks, 1)


# ------------------------------------------------------------------------------------------------ the two files


@pytest.mark.parametrize("source", SOURCES, **names)
def test_source_and_executed_notebook_agree(source):
    pair = source.with_suffix(".ipynb")
    assert pair.exists(), f"execute it: python notebooks/build.py {source.stem}"
    ours, theirs = jupytext.read(source).cells, nbformat.read(pair, 4).cells
    assert [[c[f] for f in FIELDS] for c in ours] == [[c[f] for f in FIELDS] for c in theirs]


@pytest.mark.parametrize("path", EXECUTED, **names)
def test_what_is_stored_was_run_once_from_top_to_bottom_without_an_error(path):
    notebook = nbformat.read(path, 4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source.strip()]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    outputs = [output for cell in code for output in cell.outputs]
    assert not [output for output in outputs if output.output_type == "error"]
    text = path.read_text(encoding="utf-8")
    assert "Traceback (most recent call last)" not in text
    assert len(text) < 12_000_000, "too large to look at"
    assert not re.search(r'"/(home|root|work|tmp|Users)/', text), "a path of one machine"


@pytest.mark.parametrize("path", [path for path in EXECUTED if path.stem[:2].isdigit()], **names)
def test_interactive_outputs_have_a_still_form_beside_them(path):
    for cell in nbformat.read(path, 4).cells:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if "application/vnd.plotly.v1+json" in data:
                assert "image/png" in data, f"a figure without a picture: {cell.source[:80]}"
            if "application/vnd.jupyter.widget-view+json" in data:
                assert data.get("text/html"), f"a widget without plain HTML: {cell.source[:80]}"


# ------------------------------------------------------------------------------------------------- what is said


@pytest.mark.parametrize("source", LESSONS, **names)
def test_a_lesson_says_first_what_it_answers_and_how_long_it_takes(source):
    first = jupytext.read(source).cells[0]
    assert first.cell_type == "markdown" and first.source.startswith("# ")
    assert re.search(r"minute|second", first.source), "minutes on a 2-core CPU"
    assert "?" in first.source, "the question it answers"
    assert "begin(" in "".join(cells(source, "code")[:2]), "versions, device, seed"


@pytest.mark.parametrize("source", LESSONS, **names)
def test_a_lesson_has_exercises_in_grades_and_an_end(source):
    said = "\n".join(cells(source, "markdown"))
    assert {len(stars) for stars in re.findall(r"★+", said)} >= {1, 2, 3}
    assert re.search(r"^#+ (Summary|What you have seen)", said, re.M)


@pytest.mark.parametrize("source", SOURCES, **names)
def test_code_cells_are_short_and_readable(source):
    for cell in cells(source, "code"):
        lines = [line for line in cell.splitlines() if line.strip()]
        assert len(lines) <= MOST_LINES, f"{len(lines)} lines: {lines[0]}"
        if not cell.lstrip().startswith(("!", "%")):
            ast.parse(re.sub(r"^([!%].*)$", "pass", cell, flags=re.M))


@pytest.mark.parametrize("page", PAGES, **names)
def test_relative_links_lead_to_a_file(page):
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:|#", target) or target.startswith("attachment:"):
            continue
        assert (FOLDER / target.split("#")[0]).exists(), f"{page.name}: {target}"


@pytest.mark.parametrize("source", LESSONS, **names)
def test_every_lesson_is_in_the_table_of_contents(source):
    assert f"({source.stem}.ipynb)" in (FOLDER / "README.md").read_text(encoding="utf-8")


def test_words_are_spelled_right():
    """codespell knows misspellings, not words: names and mathematics do not trouble it."""
    pages = [str(path) for path in [*PAGES, *(ROOT / "lmindexer").glob("course/*.py"), *(ROOT / "docs").glob("*.md")]]
    found = subprocess.run(
        [sys.executable, "-m", "codespell_lib", "--ignore-words-list", "ans,te", *pages],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert found.returncode == 0, found.stdout + found.stderr
