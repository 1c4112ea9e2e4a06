"""README.md: its Python and its shell examples run as they stand, its links and make targets exist."""

import re
import shlex
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

import lmindexer as lmi
from lmindexer.cli import app
from lmindexer.cli import explore as explore_module

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "docs/architecture.md", "data_samples/README.md"])
def test_links_lead_to_files(page):
    links = re.findall(r"\]\(([^)#]+)\)", (ROOT / page).read_text(encoding="utf-8"))
    assert links
    for link in links:
        assert (ROOT / page).parent.joinpath(link).exists(), link


def test_make_targets_are_there():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    pages = README + (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    fence = re.compile(r"^```sh\n(.*?)^```$", re.DOTALL | re.MULTILINE)
    code = [*"".join(fence.findall(pages)).splitlines(), *re.findall(r"`([^`\n]+)`", fence.sub("", pages))]
    called = [re.search(r"^make((?: [a-z-]+)+)", line) for line in code]
    named = {target for match in called if match for target in match.group(1).split()}
    assert {"quickstart", "test", "explore", "install-dev"} <= named <= targets


@pytest.mark.long
def test_the_examples_run_as_they_stand(tmp_path, monkeypatch, quick_map):
    """On 300 nouns as products.csv: the Python examples in order, then every command of the shell example."""
    monkeypatch.chdir(tmp_path)
    nouns = lmi.load_sample("wordnet").take(range(320))
    frame = pd.DataFrame({"sku": nouns.doc_ids, "title": nouns.titles, "body": nouns.texts, "path": nouns.labels(2)})
    frame[:300].to_csv("products.csv", index=False)
    frame[300:].to_csv("new.csv", index=False)

    known = {}
    for block in blocks("python"):
        exec(compile(block, "README.md", "exec"), known)  # our own README, nobody else's words
    assert known["indexer"].ids_.positions == 3 and len(lmi.Bundle.open("runs/products").ids) == 300

    explored = []
    monkeypatch.setattr(explore_module, "_serve", lambda *arguments: explored.append(arguments[1]) or 0)
    commands = [line.removeprefix("$ lmindexer ") for block in blocks("console") for line in block.splitlines()]
    assert len(commands) >= 6
    for command in commands:
        result = CliRunner().invoke(app, shlex.split(command))
        assert result.exit_code == 0, f"{command}\n{result.output}"
    assert explored == [[tmp_path / "runs" / "products"]]
    assert len(pd.read_csv("quality.csv")) == 3
    assert pd.read_csv("new_ids.csv")["doc_id"].tolist() == frame["sku"][300:].tolist()
