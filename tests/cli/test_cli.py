"""The command line: what each command prints and writes, errors as one line, Ctrl-C, finished and unfinished runs."""

import re
import resource
import shlex
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import lmindexer as lmi
from lmindexer.cli import app
from lmindexer.cli import explore as explore_module
from lmindexer.cli.inputs import Columns, parse_settings
from lmindexer.cli.remedies import on_the_command_line
from lmindexer.common.errors import CorpusError, SettingsError, TrainingError
from lmindexer.runs.bundle import write_bundle

ROWS = 40


@pytest.fixture
def shop(tmp_path, monkeypatch) -> Path:
    """A folder to work in, with products.csv: 40 good rows."""
    monkeypatch.chdir(tmp_path)
    kinds = ["Saws", "Drills", "Lamps", "Chairs"]
    pd.DataFrame(
        {
            "sku": [f"p{row}" for row in range(ROWS)],
            "title": [f"{kinds[row % 4][:-1]} number {row}" for row in range(ROWS)],
            "body": [f"A good one of our {kinds[row % 4].lower()}, model {row}" for row in range(ROWS)],
            "path": [f"{'Tools' if row % 4 < 2 else 'Home'} > {kinds[row % 4]}" for row in range(ROWS)],
        }
    ).to_csv("products.csv", index=False)
    return tmp_path


COLUMNS = "--id sku --text title --text body --category path"


def run(line: str, code: int = 0) -> str:
    """Everything that `lmindexer LINE` prints, after a check of its exit code."""
    result = CliRunner().invoke(app, shlex.split(line))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == code, result.output
    return result.output


def error(line: str) -> str:
    """The one line that `lmindexer LINE` fails with."""
    result = CliRunner().invoke(app, shlex.split(line))
    assert result.exit_code == 2, result.output
    assert result.stderr.startswith("Error: ") and result.stderr.count("\n") == 1, result.stderr
    return result.stderr.strip().removeprefix("Error: ")


class FakeIndexer:
    """The four verbs over random codes, to test what the command line does with them."""

    calls: ClassVar[list[dict]] = []
    messages_ = ("A collapse, in words.",)

    def __init__(self, preset="minilm", **changes):
        self.settings = lmi.make_settings(preset, **changes)

    def fit(self, corpus, run=None, progress=True, resume=True):
        FakeIndexer.calls.append({"progress": progress, "resume": resume})
        codes = np.random.default_rng(0).integers(0, 4, (len(corpus), 2))
        ids = lmi.SemanticIDs.from_codes(corpus.doc_ids, codes, (4, 4))
        manifest = {"method": "lmindexer", "settings": self.settings.to_dict()}
        write_bundle(run, manifest=manifest, corpus=corpus, ids=ids)
        return self

    def encode(self, corpus, details, on_change):
        ids = lmi.SemanticIDs.from_codes(corpus.doc_ids, np.zeros((len(corpus), 2), int), (4, 4))
        probabilities = np.full((len(corpus), 2), 0.123456)
        return SimpleNamespace(ids=ids, probabilities=probabilities, new_collisions=len(corpus) - 1, changed=[])


@pytest.fixture
def fake(monkeypatch):
    """Every command finds FakeIndexer where LMIndexer lives."""
    module = ModuleType("lmindexer.indexers")
    module.LMIndexer, module.load_indexer = FakeIndexer, lambda folder: FakeIndexer()
    module.INDEXERS = {"lmindexer": FakeIndexer}
    monkeypatch.setitem(sys.modules, "lmindexer.indexers", module)
    monkeypatch.setattr(FakeIndexer, "calls", [])
    return FakeIndexer


# ------------------------------------------------------------------------------------------------- help, version


def seconds_of_children() -> float:
    """Processor time, which other programs on a busy machine change little."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def test_help_answers_within_a_second_and_names_every_command():
    seconds = []
    for _ in range(3):
        before = seconds_of_children()
        command = [sys.executable, "-m", "lmindexer", "--help"]
        printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        seconds.append(seconds_of_children() - before)
    assert min(seconds) < 1
    for name in ("fit", "encode", "evaluate", "report", "explore", "settings", "data"):
        assert f"\n  {name} " in printed
    assert "..." not in printed.split("Commands:")[1], "a summary was cut"


@pytest.mark.parametrize("command", ["fit", "encode", "evaluate", "report", "explore", "settings"])
def test_every_help_has_an_example_to_copy(command):
    assert f"\n    lmindexer {command} " in run(f"{command} --help").replace("settings\n", "settings \n")


@pytest.mark.parametrize("command", ["list", "check", "export"])
def test_every_help_of_data_has_an_example_to_copy(command):
    assert f"    lmindexer data {command}" in run(f"data {command} --help")


def test_version():
    assert run("--version").strip() == f"lmindexer {lmi.__version__}"


def test_importing_the_package_and_its_command_line_loads_nothing_heavy():
    heavy = ["torch", "transformers", "pandas", "numpy", "pyarrow", "streamlit", "sklearn"]
    code = f"import sys, lmindexer.cli; print([name for name in {heavy} if name in sys.modules])"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == "[]"


def test_corpora_and_ids_do_not_need_torch():
    code = "import sys, lmindexer as lmi; lmi.Corpus, lmi.SemanticIDs, lmi.Bundle; print('torch' in sys.modules)"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == "False"


def test_every_public_name_is_there():
    assert len(set(lmi.__all__)) == len(lmi.__all__)
    for name in lmi.__all__:
        assert getattr(lmi, name) is not None and name in dir(lmi)
    with pytest.raises(AttributeError, match="no_such"):
        lmi.no_such  # noqa: B018


# -------------------------------------------------------------------------------------------------------- errors


def test_a_mistyped_command_or_option_is_answered_with_the_nearest():
    assert "Did you mean 'encode'" in run("encod", code=2)
    assert "--restart" in run("fit wordnet --restrat", code=2)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("fit wordnt", "wordnt: there is neither such a file nor such a bundled corpus; did you mean 'wordnet'?"),
        ("fit missing.csv", "missing.csv: there is no such file"),
        ("fit wordnet --set codebok_size=64", "'codebok_size'; the nearest is 'codebook_size'"),
        ("fit wordnet --set codebook_size", "--set codebook_size: write a name and a value"),
        ("fit wordnet --set seed=1 --set seed=2", "--set seed is given twice"),
        ("fit wordnet --preset minlm", "'minlm'; the nearest is 'minilm'"),
        ("fit wordnet --set positions=0", "positions is 0"),
        ("fit wordnet --text body", "--text is for files"),
        ("fit products.csv --id sku --number-rows", "exclude each other"),
        (f"fit products.csv {COLUMNS} --on-error skp", "on_error is 'skp'"),
        ("fit products.csv --id skuu --text body", "there is no column 'skuu'. Did you mean 'sku'?"),
        ("report products.csv", "products.csv is no run"),
        ("report nowhere", "nowhere does not exist"),
        ("evaluate nowhere", "nowhere does not exist"),
        ("evaluate nowhere -o table.xls", "table.xls: the ending says the format"),
        ("evaluate nowhere -o no/table.csv", "there is no folder no"),
        ("data export wordnt -o x", "Did you mean 'wordnet'?"),
        ("data export wordnet -o x --format xls", "--format is 'xls'"),
        ("data export wordnet -o products.csv", "products.csv cannot be written"),
        ("explore nowhere", "nowhere: there is no such folder"),
        ("explore .", "holds no run"),
    ],
)
def test_an_error_is_one_line_with_a_remedy(shop, fake, line, says):
    assert says in error(line)
    assert not (shop / "runs").exists(), "nothing is written before everything is checked"


def test_a_fault_of_the_program_keeps_its_traceback(shop, fake, monkeypatch):
    monkeypatch.setattr(fake, "fit", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        run(f"fit products.csv {COLUMNS}")


def test_remedies_name_options_and_not_python_keywords(shop):
    with open("products.csv", "a") as file:
        file.write("p0,Again,The id of the first,Tools\n")
    assert "pass --on-error skip to keep the first" in error(f"fit products.csv {COLUMNS}")
    assert "Name the id column with --id …, or pass --number-rows" in error("fit products.csv --text body")
    assert "as in --text title --text body" in error("fit products.csv --id sku")


@pytest.mark.parametrize(
    ("in_python", "typed"),
    [
        (CorpusError("pass quote=None if"), "pass --quote none if"),
        (CorpusError("row 3: a=b. Pass resume=False."), "row 3: a=b. Pass --restart."),
        (SettingsError("above 0 or contrastive='off'."), "above 0 or --set contrastive=off."),
        (TrainingError("for example codebook_size=64."), "for example --set codebook_size=64."),
        (SettingsError("as in --set codebook_size=64."), "as in --set codebook_size=64."),
    ],
)
def test_keywords_become_options(in_python, typed):
    assert on_the_command_line(in_python) == typed


# ------------------------------------------------------------------------------------------------------ settings


def test_settings_are_read_as_what_they_look_like():
    given = [
        "seed=3",
        "learning_rate=1e-3",
        "category-text=True",
        "codebook_size=8, 16",
        "backbone=t5-base",
        "start=none",
        "x=None",
    ]
    assert parse_settings(given) == {
        "seed": 3,
        "learning_rate": 0.001,
        "category_text": True,
        "codebook_size": [8, 16],
        "backbone": "t5-base",
        "start": "none",
        "x": None,
    }
    assert parse_settings(None) == {}
    with pytest.raises(SettingsError, match="write a name and a value"):
        parse_settings(["=3"])


@pytest.mark.parametrize("preset", ["minilm", "tiny", "slides"])
def test_the_list_of_settings_can_be_given_back(preset):
    lines = [line.split("   (")[0].split() for line in run(f"settings --preset {preset}").splitlines()]
    changes = parse_settings([f"{name}={value}" for name, value in lines])
    assert lmi.make_settings("minilm", **changes) == lmi.make_settings(preset)


def test_columns_become_the_keywords_of_a_corpus():
    assert Columns().given() == {}
    assert Columns(number_rows=True, text=["a"], category=["x", "y"]).given() == {
        "id": None, "text": "a", "category": ["x", "y"],
    }  # fmt: skip
    assert Columns(quote="none", delimiter="\\t").given() == {"quote": None, "delimiter": "\t"}


# ----------------------------------------------------------------------------------------------------------- fit


def test_fit_reads_the_file_writes_the_run_and_ends_with_the_report(shop, fake):
    printed = run(f"fit products.csv {COLUMNS} --preset tiny --set positions=3 --no-progress")
    bundle = lmi.Bundle.open("runs/products")
    assert (len(bundle.corpus), bundle.corpus.levels) == (ROWS, 2)
    assert bundle.corpus.documents()[0].startswith("Saw number 0. A good one")
    assert bundle.manifest["settings"]["positions"] == 3 and bundle.manifest["settings"]["backbone"] == "tiny"
    assert fake.calls == [{"progress": False, "resume": True}]
    assert "Semantic IDs of 'products': 40 documents" in printed and "Collisions:" in printed
    assert printed.strip().endswith("lmindexer explore runs/products")


def test_fit_says_what_it_skips(shop, fake):
    with open("products.csv", "a") as file:
        file.write("p0,Again,The id of the first,Tools\n" + "".join(f"q{row},,,Tools\n" for row in range(12)))
    printed = run(f"fit products.csv {COLUMNS} --on-error skip")
    assert "Left out 13 rows of products.csv:" in printed and "and 3 more" in printed
    assert f"row {ROWS + 2}: the id 'p0' was already given in row 2" in printed
    assert len(lmi.Bundle.open("runs/products").corpus) == ROWS


def test_fit_takes_a_bundled_corpus_by_name(shop, fake):
    printed = run("fit attack --run here")
    assert "Corpus('attack', 691 documents" in printed and "AMI" in printed
    assert len(lmi.Bundle.open("here").ids) == 691


def test_a_finished_run_is_shown_again_and_replaced_only_when_asked(shop, fake):
    line = f"fit products.csv {COLUMNS}"
    first = run(line)
    again = run(line)
    assert "finished already" in again and again.endswith(first[first.index("\nSemantic IDs") :])
    assert len(fake.calls) == 1
    assert "other settings (its seed is 0)" in error(f"{line} --set seed=1")
    assert "finished already" in run(f"{line} --set diagnose_every=3")  # which changes no result
    assert "other documents ('products')" in error(line.replace("--text title", ""))
    run(f"{line} --set seed=1 --restart")
    assert fake.calls[1:] == [{"progress": True, "resume": False}]
    assert lmi.Bundle.open("runs/products").manifest["settings"]["seed"] == 1


def test_fit_goes_on_from_checkpoints_unless_told_to_restart(shop, fake):
    line = f"fit products.csv {COLUMNS}"
    folder = shop / "runs" / "products" / "checkpoints"
    for restart, says in (("", True), (" --restart", False)):
        folder.mkdir(parents=True)  # in a new folder, then beside a finished run
        (folder / "state.safetensors").touch()
        assert ("Going on from the last checkpoint" in run(f"{line} --set seed=1{restart}")) is says
    assert [call["resume"] for call in fake.calls] == [True, False]


def test_a_collapse_is_said_once(shop, fake):
    assert "A collapse, in words." in run(f"fit products.csv {COLUMNS} --no-progress --run a")
    assert "A collapse, in words." not in run(f"fit products.csv {COLUMNS} --run b")  # the real one says it itself


def test_ctrl_c_gives_one_line_that_says_how_to_go_on(shop, fake, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(fake, "fit", interrupted)
    typed = "lmindexer fit --restart products.csv --id sku --text 'two words'"
    monkeypatch.setattr(sys, "argv", shlex.split(typed))
    last = run(f"fit products.csv {COLUMNS}", code=130).splitlines()[-1]
    assert last == f"Stopped. Go on with the same command: {typed.replace('--restart ', '')}"
    monkeypatch.setattr(lmi.Bundle, "open", interrupted)
    assert run("report runs/products", code=130) == "Stopped.\n"


# ----------------------------------------------------------------------------------------- with the real LMIndexer


@pytest.mark.long
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for one process")
def test_ctrl_c_in_the_middle_of_training(shop):
    line = f"fit products.csv {COLUMNS} --preset tiny --run here --set discrete_epochs=500"
    said = shop / "stderr"  # a file, for bars would fill a pipe that nobody reads
    with said.open("w") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-m", "lmindexer", *shlex.split(line)],
            stderr=stderr,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a job in the background ignores Ctrl-C
        )
    state = shop / "here" / "checkpoints" / "state.safetensors"
    while not state.exists():
        assert process.poll() is None, said.read_text()
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=120) == 130
    printed = said.read_text()
    assert printed.splitlines()[-1].startswith("Stopped. Go on with the same command: ")
    assert "Traceback" not in printed
    assert "unfinished fit" in error("report here")
    assert "--restart" in error(f"{line} --set seed=1"), "checkpoints of other settings are not gone on from"


@pytest.mark.long
def test_fit_encode_evaluate_and_report_on_a_run(shop):
    assert "Semantic IDs of 'products': 40 documents" in run(f"fit products.csv {COLUMNS} --preset tiny --no-progress")
    stored = lmi.Bundle.open("runs/products").ids
    pd.read_csv("products.csv").assign(sku=[f"new{row}" for row in range(ROWS)])[:10].to_csv("new.csv", index=False)
    printed = run(f"encode runs/products new.csv {COLUMNS} -o new_ids.csv")
    frame = pd.read_csv("new_ids.csv")
    assert frame[["c1", "c2"]].to_numpy().tolist() == stored.codes[:10].tolist(), "like texts, like codes"
    assert not set(frame["id"] + frame["suffix"].astype(str)) & set(stored.strings() + stored.suffix.astype(str))
    assert "10 documents; 10 new collisions" in printed and frame["p1"].between(0, 1).all()
    assert "products" in run("evaluate runs/products") and "Sample prefixes" in run("report runs/products")


def test_fit_by_another_method_and_what_it_refuses(shop, monkeypatch):
    from themed import line_map

    monkeypatch.setattr("lmindexer.indexers.maps.umap_map", line_map)
    line = f"fit products.csv {COLUMNS} --method hierarchical --set branching=4 --no-progress --run hc"
    assert "Semantic IDs of 'products': 40 documents" in run(f"{line} --set embeddings=tfidf")
    bundle = lmi.Bundle.open("hc")
    assert (bundle.method, bundle.manifest["settings"]["branching"]) == ("hierarchical", 4)
    assert "finished already" in run(f"{line} --set embeddings=tfidf")
    assert "other settings (its embeddings is tfidf)" in error(line)
    assert "of the method 'hierarchical'" in error(f"fit products.csv {COLUMNS} --method random --run hc")
    assert "40 documents; 0 new collisions" in run(f"encode hc products.csv {COLUMNS}")
    assert "'hierarchcal'; the nearest is 'hierarchical'" in error("fit attack --method hierarchcal")
    assert "'branchign'; the nearest is 'branching'" in error("fit attack --method hierarchical --set branchign=3")
    assert "'tigr'; the nearest is 'tiger'" in error("fit attack --method rqvae --preset tigr")
    assert "codebook_size  256   (default: 32)" in run("settings --method rqvae --preset tiger")


# ------------------------------------------------------------------------------------- encode, evaluate, report


@pytest.mark.parametrize("ending", ["csv", "tsv", "jsonl", "parquet"])
def test_encode_writes_a_table(shop, fake, ending):
    run(f"fit products.csv {COLUMNS}")
    printed = run(f"encode runs/products products.csv {COLUMNS} -o ids.{ending}")
    assert printed.splitlines()[-1].startswith(f"{ROWS} documents; {ROWS - 1} new collisions")
    read = {
        "csv": pd.read_csv,
        "tsv": lambda path: pd.read_csv(path, sep="\t"),
        "jsonl": lambda path: pd.read_json(path, lines=True),
        "parquet": pd.read_parquet,
    }[ending]
    frame = read(f"ids.{ending}")
    assert frame.columns.tolist() == ["doc_id", "c1", "c2", "suffix", "id", "p1", "p2"]
    assert frame["id"].unique().tolist() == ["<0><0>"] and frame["suffix"].tolist() == list(range(ROWS))
    assert frame["p1"].tolist() == pytest.approx([0.1235] * ROWS)
    assert sorted(path.name for path in shop.iterdir()) == [f"ids.{ending}", "products.csv", "runs"]


def test_encode_without_a_file_shows_the_first_rows(shop, fake):
    run(f"fit products.csv {COLUMNS}")
    printed = run(f"encode runs/products products.csv {COLUMNS}")
    assert "p19" in printed and "p20" not in printed


def test_evaluate_compares_runs(shop, fake):
    run(f"fit products.csv {COLUMNS} --run a")
    run("fit attack --run b")
    printed = run("evaluate a b -o table.csv")
    frame = pd.read_csv("table.csv")
    assert frame["run"].tolist() == ["a", "a", "b", "b"] and frame["position"].tolist() == [1, 2, 1, 2]
    bundle = lmi.Bundle.open("a")
    expected = lmi.evaluate_ids(bundle.ids, bundle.corpus)
    assert frame["ami"][0] == pytest.approx(expected.ami(1)) and frame["ami"][1] == pytest.approx(expected.ami(2))
    assert f"{expected.perplexity[0]:.3f}" in printed


def test_evaluate_marks_an_ami_that_says_nothing(shop, fake):
    Path("one.csv").write_text("id,text,kind\n" + "".join(f"{n},saw number {n},tools\n" for n in range(12)), "utf-8")
    run("fit one.csv --id id --text text --category kind --run one")
    assert "one: The AMI of every prefix with the categories says nothing: there is one class only." in run(
        "evaluate one"
    )


def test_report_has_the_samples_asked_for(shop, fake):
    run(f"fit products.csv {COLUMNS}")
    assert "Sample prefixes" in run("report runs/products")
    assert "Sample prefixes" not in run("report runs/products --samples 0")


# ---------------------------------------------------------------------------------------------------------- data


def test_data_list_counts():
    printed = run("data list")
    assert "wordnet    11,044 documents, 12 / 94 / 475 classes, 12,284 queries" in printed
    assert "843 users" in printed


def test_data_check_lists_every_bad_row_and_fails(shop):
    line = f"data check products.csv {COLUMNS}"
    assert "Corpus('products', 40 documents, 2 category levels: 2 / 4 classes)" in run(line)
    with open("products.csv", "a") as file:
        file.write("p0,Again,The id of the first,Tools\n,No id,at all,Tools\n")
    printed = run(line, code=2)
    assert "Left out 2 rows" in printed and f"row {ROWS + 3}:" in printed
    assert "Error: products.csv, row 42" in run(f"{line} --on-error raise", code=2)


def test_data_check_reads_queries_and_interactions(shop):
    Path("queries.csv").write_text("query_id,text,doc_id\nq1,a saw,p0\n")
    Path("users.csv").write_text("user_id,doc_id,position\nu1,p0,1\nu1,p1,2\n")
    line = f"data check products.csv {COLUMNS} --queries queries.csv --interactions users.csv"
    printed = run(line)
    assert "1 queries" in printed and "2 interactions" in printed
    Path("queries.csv").write_text("query_id,text,doc_id\nq1,a saw,p99\n")
    assert "p99" in error(line)


@pytest.mark.parametrize("form", ["csv", "tsv", "jsonl", "parquet"])
def test_data_export_reads_back_as_the_same_corpus(shop, form):
    printed = run(f"data export attack -o folder --format {form}")
    corpus = lmi.load_sample("attack")
    assert lmi.Corpus.from_file(f"folder/corpus.{form}").fingerprint == corpus.fingerprint
    queries = lmi.Queries.from_file(f"folder/queries.{form}")
    assert len(queries) == len(corpus.queries) and queries.texts == corpus.queries.texts
    sequences = lmi.Interactions.from_file(f"folder/interactions.{form}").sequences()
    assert sequences == corpus.interactions.sequences()
    assert Path("folder/LICENSE").read_text() == corpus.licence
    assert f"fit folder/corpus.{form} --run runs/attack" in printed


# ------------------------------------------------------------------------------------------------------- explore


@pytest.fixture
def served(monkeypatch, tmp_path):
    """What the explorer would be started with."""
    calls = []
    monkeypatch.setattr(explore_module, "application_path", lambda: tmp_path / "app.py")
    monkeypatch.setattr(explore_module, "_serve", lambda *arguments: calls.append(arguments) or 0)
    return calls


def test_explore_finds_runs_unfinished_fits_and_folders(shop, fake, served):
    run(f"fit products.csv {COLUMNS}")
    (shop / "runs" / "unfinished" / "checkpoints").mkdir(parents=True)
    run("explore runs runs/products runs/unfinished --port 0", code=2)
    run("explore runs runs/products runs/unfinished --no-browser")
    ((_, folders, host, _, browser),) = served
    assert folders == [shop / "runs", shop / "runs" / "products", shop / "runs"]
    assert (host, browser) == ("127.0.0.1", False)


def test_explore_shows_the_bundled_runs_and_those_here(shop, fake, served, monkeypatch):
    monkeypatch.setattr("lmindexer.datasets.samples_folder", lambda: shop / "samples")
    assert "There are no runs yet" in error("explore")
    (shop / "samples" / "runs").mkdir(parents=True)
    (shop / "runs").mkdir()
    run("explore")
    assert served[0][1] == [shop / "samples" / "runs", shop / "runs"]


def test_explore_takes_a_free_port_and_refuses_a_taken_one(shop, fake, served):
    run(f"fit products.csv {COLUMNS}")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert f"Port {port} of 127.0.0.1 cannot be had" in error(f"explore runs --port {port}")
    run("explore runs")
    assert 8501 <= served[0][3] < 8551
    assert "no address of this machine" in error("explore runs --host no.such.address.invalid")


def test_a_damaged_run_is_said_before_the_explorer_starts(shop, fake, served):
    run(f"fit products.csv {COLUMNS}")
    Path("runs/products/ids.parquet").write_bytes(b"cut")
    assert "is damaged" in error("explore runs/products")
    assert not served


# ------------------------------------------------------------------------------------------- advice to be typed


@pytest.mark.parametrize(
    ("content", "given"),
    [
        ("sku;title;body\n1;Saw;cuts\n", ""),
        ("sku\ttitle\tbody\n1\tSaw\tcuts\n", ""),
        ("sku|title|body\n1|Saw|cuts\n", ""),
        ("sku,title,body\n1,Säge für Holz,x\n".encode("cp1252"), "--on-error raise"),
        ('sku,title,body\n1,"TV 50\\" x",wide\n', "--on-error raise"),
        ('sku,title,body\n1,"TV 50,wide\n', "--on-error raise"),
    ],
)
def test_advice_works_as_it_is_printed(shop, content, given):
    Path("odd.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
    line = "data check odd.csv --id sku --text title "
    said = error(line + given)
    assert "odd.csv" in said
    advice = re.search(r"--(?:delimiter|encoding|escape|quote) (?:'[^']*'|[\w-]+)", said).group()
    assert "1 documents" in run(line + advice)


def test_advice_about_a_side_file_is_in_its_own_options(shop):
    Path("q.csv").write_text("query_id;text;doc_id\nq1;cuts;p0\n")
    line = f"data check products.csv {COLUMNS} --queries q.csv "
    advice = re.search(r"--queries-delimiter '.'", error(line)).group()
    assert "1 queries" in run(line + advice)
    assert "name the file with --queries" in error(f"data check products.csv {COLUMNS} --queries-delimiter ';'")


def test_check_says_what_may_not_be_meant(shop):
    Path("odd.csv").write_text("sku,title,body,path\n1,Saw,<p>cuts</p>,A>B\n2,Pot,NULL,A>C\n")
    said = run("data check odd.csv --id sku --text title --text body --category path")
    for words in ("Pass --html strip", "Pass --missing keep", "Pass --separator '>'"):
        assert words in said
    assert "Look at" not in run("data check odd.csv --id sku --text title --category path --separator '>'")
