"""Studies: runs that resume and go on past a failure, the same numbers for one seed, tables against hand numbers."""

import doctest
import importlib
import json
import os
import pkgutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from themed import plain_corpus, themed_corpus

from lmindexer import studies
from lmindexer.common.errors import LMIndexerError, SettingsError
from lmindexer.corpus.corpus import Corpus
from lmindexer.quality import evaluate_ids
from lmindexer.runs.bundle import Bundle, find_bundles
from lmindexer.studies import (
    Method,
    Run,
    Study,
    agreement,
    cross,
    process,
    run_study,
    runner,
    sections,
    state_of,
    worker,
)
from lmindexer.studies.catalogue import OURS
from lmindexer.studies.figures import training_figure
from lmindexer.studies.measure import training_seconds
from lmindexer.studies.records import Records
from lmindexer.studies.tables import cost_of_embeddings, flat, one_code
from lmindexer.two_step.embeddings import TfidfEmbeddings

TINY = {"preset": "tiny", "codebook_size": 4, "positions": 2, "batch_size": 16, "macro_f1_documents": 8,
        "warmup_epochs": 1, "continuous_epochs": 1, "discrete_epochs": 1}  # fmt: skip
METHODS = (
    Method(OURS, "lmindexer", TINY),
    Method("stand-in", "lmindexer", {**TINY, "codebook_size": 3}, "two-step"),
)


def study(folder, methods=METHODS, seeds=(0,), texts=(True,), name="table1"):
    return Study(
        name, cross(["themes"], texts, methods, seeds), {"themes": themed_corpus(36)}, folder, methods, {"seeds": seeds}
    )


def make(plan, **options):
    """The result, and what was said."""
    said = []
    return run_study(plan, 0, reference=False, say=said.append, **options), said


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Both methods, two seeds. Do not change what is in its folder."""
    return make(study(tmp_path_factory.mktemp("study"), seeds=(0, 1)))[0]


def numbers(result):
    return [(one["run"], one["measures"]) for one in result.found]


# ---- the runner ------------------------------------------------------------------------------------------------


def test_every_run_is_a_bundle_that_the_explorer_finds(finished):
    bundles, broken = find_bundles(finished.study.folder)
    assert {bundle.name for bundle in bundles} == {run.name for run in finished.study.runs} and not broken
    assert not finished.waiting and not finished.failed
    for one in finished.found:
        bundle = Bundle.open(finished.study.path(Run(**one["run"])))
        quality = evaluate_ids(bundle.ids, bundle.corpus)
        row = flat(one)
        assert row["ami_c1"] == pytest.approx(quality.ami(1)) and row["ami_c1c2"] == pytest.approx(quality.ami(2))
        assert row["ami_c1_level1"] == pytest.approx(quality.ami(1, 1))
        assert row["prefixes_c1c2"] == quality.collisions.distinct_prefixes[1]
        assert row["macro_f1_c2"] == pytest.approx(bundle.history.iloc[-1]["macro_f1"])


@pytest.mark.parametrize("method", ["lmindexer", "hierarchical", "random"])
@pytest.mark.parametrize("maps", [False, True])
def test_maps_are_laid_out_only_where_they_are_wanted(method, maps, tmp_path, quick_map):
    settings = {"lmindexer": TINY, "hierarchical": {"embeddings": "tfidf", "branching": 3}, "random": {}}[method]
    result, _ = make(study(tmp_path, (Method("x", method, settings),)), maps=maps)
    bundle = Bundle.open(result.study.path(result.study.runs[0]))
    assert not result.failed and (bundle.map is not None) == (maps and method != "random")


def test_the_same_numbers_twice_for_one_seed(finished, tmp_path):
    again, _ = make(study(tmp_path, seeds=(1,)))
    assert numbers(again) == [pair for pair in numbers(finished) if pair[0]["seed"] == 1]


def test_finished_runs_are_not_made_again(finished, monkeypatch):
    monkeypatch.setattr(runner, "execute", lambda *_: pytest.fail("a finished run was made again"))
    again, said = make(finished.study)
    assert numbers(again) == numbers(finished) and said == ["4 of 4 runs are there already."]


def test_numbers_that_were_lost_are_read_from_the_bundle(tmp_path, monkeypatch):
    plan = study(tmp_path, METHODS[:1])
    first, _ = make(plan)
    (tmp_path / ".study" / "results" / f"{plan.runs[0].name}.json").write_text("half", encoding="utf-8")
    monkeypatch.setattr("lmindexer.indexers.LMIndexer.fit", lambda *_, **__: pytest.fail("it was fitted again"))
    again, _ = make(plan)
    assert numbers(again) == numbers(first)


def test_a_study_goes_on_elsewhere_from_its_records(finished, tmp_path, monkeypatch):
    records = tmp_path / "report.runs.parquet"
    kept = replace(finished, records=Records(records))
    kept.keep()
    monkeypatch.setattr(runner, "execute", lambda *_: pytest.fail("a finished run was made again"))
    elsewhere = replace(study(tmp_path / "elsewhere", seeds=(0, 1)), records=records)
    again = state_of(elsewhere)
    assert not again.waiting and numbers(again) == numbers(finished)
    for run in elsewhere.runs:
        assert np.array_equal(again.codes(run), finished.codes(run))
    assert again.markdown() == finished.markdown()
    stale = study(tmp_path / "elsewhere", (Method(OURS, "lmindexer", {**TINY, "codebook_size": 5}),))
    monkeypatch.undo()
    make(stale)  # a bundle of one of these names, of other settings
    assert np.array_equal(state_of(elsewhere).codes(elsewhere.runs[0]), finished.codes(elsewhere.runs[0]))
    again.study = replace(elsewhere, runs=elsewhere.runs[:1])
    again.found = again.found[:1]
    again.keep()  # those that a smaller study does not ask for stay
    assert len(Records.read(records).rows) == 4
    other = study(tmp_path / "x", (Method(OURS, "lmindexer", {**TINY, "codebook_size": 5}),))
    assert len(state_of(replace(other, records=records)).waiting) == 1
    (tmp_path / "poem.runs.parquet").write_text("roses are red", encoding="utf-8")
    with pytest.raises(LMIndexerError, match=r"poem.runs.parquet does not hold the runs of a study"):
        state_of(replace(other, records=tmp_path / "poem.runs.parquet"))


def test_a_run_that_an_earlier_version_noted_is_not_made_again(finished, tmp_path):
    records = Records(tmp_path / "report.runs.parquet")
    replace(finished, records=records).keep()
    for row in records.rows.values():
        row["noted"]["settings"]["diagnose_every"] = 1  # as an earlier version noted its default
        row["noted"]["settings"].pop("encoder_precision", None)  # which it did not have
    records.write()
    elsewhere = replace(study(tmp_path / "elsewhere", seeds=(0, 1)), records=records.path)
    assert not state_of(elsewhere).waiting
    for row in records.rows.values():
        row["noted"]["settings"]["batch_size"] = 7
    records.write()
    assert len(state_of(elsewhere).waiting) == len(elsewhere.runs)


@pytest.mark.parametrize("what", ["settings", "documents"])
def test_a_run_of_other_settings_or_documents_is_made_anew(what, tmp_path):
    plan = study(tmp_path, METHODS[:1])
    make(plan)
    if what == "settings":
        other = study(tmp_path, (Method(OURS, "lmindexer", {**TINY, "codebook_size": 5}),))
    else:
        other = replace(plan, corpora={"themes": themed_corpus(30, seed=4)})
    assert len(state_of(other).waiting) == 1
    result, _ = make(other)
    bundle = Bundle.open(other.path(other.runs[0]))
    assert not result.failed and len(bundle.ids) == len(other.corpora["themes"])
    assert bundle.ids.codebook_sizes[0] == (5 if what == "settings" else 4)


def test_a_run_is_made_anew_when_a_word_for_embeddings_means_something_else(tmp_path, monkeypatch):
    words = Method("k-means", "residual_kmeans", {"embeddings": "tfidf", "positions": 1, "codebook_size": 3}, "control")
    plan = study(tmp_path, (words,))
    first = make(plan)[0].found[0]["settings"]["embeddings"]
    assert first["kind"] == "tfidf" and not state_of(plan).waiting
    monkeypatch.setattr("lmindexer.two_step.embeddings.making.KINDS", {"tfidf": lambda: TfidfEmbeddings(rank=2)})
    assert len(state_of(plan).waiting) == 1
    again, _ = make(plan)
    assert again.found[0]["settings"]["embeddings"] == first | {"rank": 2}
    assert Bundle.open(plan.path(plan.runs[0])).states.shape[1] == 2 and not state_of(plan).waiting


def test_a_run_that_fails_is_reported_and_the_rest_goes_on(tmp_path):
    methods = (Method("too big", "lmindexer", {**TINY, "codebook_size": 50}), METHODS[0])
    result, said = make(study(tmp_path, methods))
    assert list(result.failed) == ["themes.with.too-big.s0"] and len(result.found) == 1
    assert "50" in result.failed["themes.with.too-big.s0"] and "failed" in said[-1]
    assert "## Failed" in result.markdown() and "too-big" in result.markdown()


def test_a_wrong_setting_is_said_before_anything_is_run(tmp_path):
    methods = (METHODS[0], Method("x", "lmindexer", {"codebok_size": 4}))
    with pytest.raises(SettingsError, match="codebook_size"):
        make(study(tmp_path / "s", methods))
    assert not (tmp_path / "s").exists()
    with pytest.raises(LMIndexerError, match=r"There is no indexer 'x'; this version has .*lmindexer"):
        make(study(tmp_path / "s", (Method("x", "x"),)))


def stop_at_step(patched, which):
    """Ctrl-C in the step of that number."""
    from lmindexer.common.progress import Progress

    steps, inner = [], Progress.step

    def step(self, epoch, loss):
        steps.append(loss)
        inner(self, epoch, loss)
        if len(steps) == which:
            raise KeyboardInterrupt

    patched.setattr(Progress, "step", step)


def test_ctrl_c_in_a_fit_keeps_its_checkpoint_and_the_study_goes_on(tmp_path, finished, monkeypatch):
    plan = study(tmp_path)
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        stop_at_step(patched, 9)
        make(plan)
    assert (plan.path(plan.runs[0]) / "checkpoints" / "state.safetensors").exists()
    state = state_of(plan)
    assert len(state.waiting) == 2 and "## Still to be run" in state.markdown("lmindexer bench table1")
    result, _ = make(plan)
    assert numbers(result) == [pair for pair in numbers(finished) if pair[0]["seed"] == 0]


def test_checkpoints_of_other_settings_do_not_stop_a_study(tmp_path, finished, monkeypatch):
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        stop_at_step(patched, 9)
        make(study(tmp_path, (Method(OURS, "lmindexer", {**TINY, "codebook_size": 3}),)))
    plan = study(tmp_path, METHODS[:1])
    result, _ = make(plan)
    assert not result.failed and numbers(result) == numbers(finished)[:1]


# ---- processes -------------------------------------------------------------------------------------------------


@pytest.mark.long
def test_processes_give_the_numbers_of_this_one(tmp_path, finished):
    said = []
    result = run_study(study(tmp_path, seeds=(0, 1)), 2, reference=False, say=said.append)
    assert numbers(result) == numbers(finished)
    assert len(said) == 5 and "left" in said[0]


def fake_workers(monkeypatch, code):
    made, inner = [], runner.Worker.__init__

    def begin(self, log):
        inner(self, log)
        self.command = [runner.sys.executable, "-c", code]
        made.append(self)

    monkeypatch.setattr(runner.Worker, "__init__", begin)
    return made


def test_a_process_that_dies_is_one_failed_run_each(tmp_path, monkeypatch):
    fake_workers(monkeypatch, "import os, sys; sys.stdin.readline(); os.kill(os.getpid(), 9)")
    result = run_study(study(tmp_path, seeds=(0, 1)), 2, say=lambda _: None)
    assert len(result.failed) == 4 and not result.found
    assert all("SIGKILL" in why and "memory" in why for why in result.failed.values())


def test_ctrl_c_ends_the_processes(tmp_path, monkeypatch):
    answer = json.dumps({"error": "no"})
    workers = fake_workers(
        monkeypatch, f"import sys, time; sys.stdin.readline(); print('{answer}', flush=True); time.sleep(600)"
    )

    def stop(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_study(study(tmp_path, seeds=(0, 1)), 1, say=stop)
    assert workers and all(one.process.poll() is not None for one in workers)


def test_workers_have_one_thread_each(tmp_path, monkeypatch):
    code = """if 1:
        import json, os, sys
        sys.stdin.readline()
        print(json.dumps({"error": os.environ["OMP_NUM_THREADS"]}), flush=True)"""
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    fake_workers(monkeypatch, code)
    result = run_study(study(tmp_path, METHODS[:1]), 2, say=lambda _: None)
    assert list(result.failed.values()) == ["1"] and os.environ["OMP_NUM_THREADS"] == "7"


def test_a_study_has_one_program_at_a_time(tmp_path):
    pytest.importorskip("fcntl")
    plan = study(tmp_path)
    plan.inside().mkdir(parents=True)
    with runner._only_one(plan), pytest.raises(LMIndexerError, match="Another program"), runner._only_one(plan):
        pass


def test_jobs_are_answered_on_a_line_of_their_own(tmp_path):
    plan = study(tmp_path, (Method("x", "x"),))
    path = tmp_path / "corpus.parquet"
    plan.corpora["themes"].to_parquet(path)
    job = {"folder": str(tmp_path), "corpus": str(path), "run": plan.runs[0].to_dict(), "maps": False}
    found = process.answer(job | {"reference": False})
    assert found["error"].startswith("There is no indexer 'x'")


# ---- plans -----------------------------------------------------------------------------------------------------


def test_names_are_told_apart():
    with pytest.raises(SettingsError, match="Two runs"):
        study("x", (METHODS[0], Method("lmindexer!", "lmindexer")))
    with pytest.raises(SettingsError, match="Two corpora"):
        studies.table1([themed_corpus(6), themed_corpus(7)])
    with pytest.raises(SettingsError, match="no categories"):
        studies.table1([plain_corpus(["a", "b"])])
    with pytest.raises(SettingsError, match="no seed"):
        studies.table1([themed_corpus(6)], seeds=[])


def test_some_methods_only():
    plan = studies.table1([themed_corpus(6)])
    assert {run.label for run in plan.only(["lmindexer"]).runs} == {OURS}
    assert {method.label for method in plan.only(["rq", "HC, S"]).methods} == {
        "rq-VAE, MiniLM", "rq-VAE, SimCSE", "HC, SimCSE",
    }  # fmt: skip
    with pytest.raises(SettingsError, match="No method is called 'foo'"):
        plan.only(["foo"])


@pytest.mark.parametrize("name", studies.PLANS)
def test_plans_name_settings_that_are_there(name):
    plan = studies.PLANS[name]([themed_corpus(6)], seeds=[0])
    assert plan.name == name
    for run in plan.runs:
        settings = worker.build(run).settings
        assert settings.get("category_text", run.category_text) == run.category_text


# ---- tables ----------------------------------------------------------------------------------------------------


def test_the_report_says_how_it_was_made(finished):
    text = finished.markdown("lmindexer bench table1 themes.csv --seeds 0,1")
    assert "lmindexer bench table1 themes.csv --seeds 0,1" in text and "seeds 0, 1" in text
    assert "torch" in text and "all runs are finished" in text and "one thread a run" in text
    assert "met" in text or "missed" in text
    mean = finished.frame().query("label == @OURS")["ami_c1"].mean()
    assert f"| {OURS} | 2 | {mean:.3f} ± " in text


def test_corpora_of_other_depths_stand_in_one_report(finished):
    one = finished.found[0]
    deeper = [a | {"level": 3} for a in one["measures"]["agreement"] if a["level"] == 2]
    other = one | {"run": one["run"] | {"corpus": "deep"}, "measures": one["measures"] | {}}
    other["measures"]["agreement"] = one["measures"]["agreement"] + deeper
    records = [{"doc_id": str(n), "text": "x", "a": "a", "b": str(n // 4), "c": str(n // 2)} for n in range(36)]
    corpora = finished.study.corpora | {"deep": Corpus.from_records(records, category=["a", "b", "c"])}
    frame = pd.DataFrame([flat(one), flat(other)])
    result = replace(finished, study=replace(finished.study, corpora=corpora))
    tables = "\n".join(agreement._tables(frame[frame["corpus"] == "themes"], [OURS], "themes", result))
    assert "| 2 (" in tables and "| 3 (" not in tables
    assert "| 3 (18 classes)" in "\n".join(agreement._tables(frame[frame["corpus"] == "deep"], [OURS], "deep", result))


def agreement_frame(ours, others):
    rows = [("LMIndexer", *ours), *others]
    return pd.DataFrame(
        [
            {"label": label, "seed": seed, "ami_c1": ami, "perplexity_c1": perplexity, "prefixes_c1": 2}
            for label, ami, perplexity in rows
            for seed in (0, 1, 2)
        ]
    )


@pytest.mark.parametrize(
    ("ours", "text", "said"),
    [
        ((0.51, 60), True, "met"),  # 0.51 / 0.40 = 1.275 ≥ 1.25
        ((0.49, 60), True, "**missed**"),
        ((0.51, 50), True, "**missed**"),  # too few codes in use: 50 / 60 < 0.9
        ((0.45, 60), False, "met"),  # 1.125 ≥ 1.10
    ],
)
def test_targets_by_hand(ours, text, said):
    kinds = {"LMIndexer": "lmindexer", "a": "two-step", "b": "two-step", "c": "control", "true categories": "control"}
    frame = agreement_frame(ours, [("a", 0.40, 60), ("b", 0.30, 64), ("c", 0.45, 60), ("true categories", 1.0, 60)])
    labels = np.array(["x", "x", "y", "y", ""])  # two codes can be the two classes: AMI 1
    (row,) = agreement.target_rows(frame, kinds, "x", text, labels)
    assert row[3] == "a" and row[7] == said and row[8] == "2.50" and row[9] == f"c: {ours[0] / 0.45:.2f}"
    (row,) = agreement.target_rows(frame[frame["label"] != "b"], kinds, "x", text, labels)
    assert row[7].endswith("so far")


def test_one_table_of_all_corpora_by_hand():
    rows = [("a", "x", True, 0, 0.4), ("a", "x", True, 1, 0.5), ("a", "x", True, 2, 0.6), ("a", "y", False, 0, 0.3),
            ("b", "x", True, 0, None)]  # fmt: skip
    frame = pd.DataFrame(rows, columns=["label", "corpus", "category_text", "seed", "ami_c1"])
    text = agreement.overview(frame, ["b", "c", "a"])
    assert text.splitlines()[-4:] == [
        "| method | x, with | y, without |",
        "|---|---|---|",
        "| b | - | - |",  # finished, but its documents have no category
        "| a | 0.500 | 0.300 (1) |",
    ]


def test_targets_take_the_seeds_that_both_have():
    kinds = {"LMIndexer": "lmindexer", "a": "two-step"}
    frame = agreement_frame((0.5, 60), [("a", 0.40, 60)])
    frame.loc[(frame["label"] == "LMIndexer") & (frame["seed"] == 0), "ami_c1"] = 0.2
    frame = frame[(frame["label"] == "LMIndexer") | (frame["seed"] == 0)]  # "a" has seed 0 only
    (row,) = agreement.target_rows(frame, kinds, "x", True, np.array(["x", "x", "y", "y", ""]))
    assert row[4] == "0.50" and row[7] == "**missed** so far"  # 0.2 / 0.4, and not the mean 0.4 / 0.4


def test_one_clustering_is_one_line_of_c1():
    codes = {
        "HC": {0: np.array([4, 4, 1]), 1: np.array([1, 2, 3])},
        "k-means": {0: np.array([0, 0, 2]), 1: np.arange(3)},
    }
    other = {"x": {0: np.array([0, 1, 1])}}
    assert agreement.one_clustering([codes | other]) == {"k-means": "HC"}
    assert agreement.one_clustering([codes, {**codes, "k-means": other["x"]}]) == {}  # not everywhere
    frame = pd.DataFrame({"label": ["HC", "k-means", "x"], "ami_c1": [0.5, 0.5, 0.1]})
    some, labels = agreement.as_one(frame, ["HC", "x", "k-means"], {"k-means": "HC"})
    assert labels == ["HC = k-means", "x"] and some["label"].tolist() == labels


def test_seconds_are_of_learning_and_embeddings_cost_what_making_them_took():
    history = pd.DataFrame({"stage": ["a", "b"], "seconds": [2.0, 3.0]})
    assert training_seconds(history) == 5 and training_seconds(None) is None
    frame = pd.DataFrame({
        "corpus": "x", "category_text": True, "label": ["HC", "HC", "rq", "other"],
        "embedding": ["minilm", "minilm", "minilm", "tfidf"], "embedding_seconds": [60.0, 0.1, 0.2, 5.0],
    })  # fmt: skip
    assert cost_of_embeddings(frame)["embedding_seconds"].tolist() == [60, 60, 60, 5]


def test_an_ami_that_says_nothing_is_no_number_of_a_table(finished):
    """A level of one class is left out of the means; a run with one code for all keeps its 0 and is named."""
    found = json.loads(json.dumps(finished.found[0]))
    for one in found["measures"]["agreement"]:
        one |= {"classes": 1, "ami": 1.0}
    row = flat(found)
    assert row["ami_c1"] is None and row["ami_c1_level1"] is None and row["nmi_c1"] is not None
    collapsed = json.loads(json.dumps(finished.found[0]))
    for one in collapsed["measures"]["agreement"]:
        one |= {"prefixes": 1, "ami": 0.0}
    row = flat(collapsed)
    assert row["ami_c1"] == 0 and f"in {row['label']} (seed {row['seed']})" in one_code(pd.DataFrame([row]))


def test_a_table_without_seconds_says_why(finished):
    frame = finished.frame()
    assert sections._untimed(frame) == ""
    assert "no column of seconds" in sections._untimed(frame.assign(seconds=None))


def test_slides_codebooks_are_said_to_be_unlike(finished):
    assert "Unlike numbers of codes" not in finished.markdown()
    slides = replace(finished, study=replace(finished.study, name="table1-slides"))
    assert "Unlike numbers of codes" in slides.markdown() and "## Targets" not in slides.markdown()


def test_agreement_is_asked_at_the_deepest_level_with_two_documents_a_class():
    records = [
        {"doc_id": str(n), "text": "x", "category_1": "ab"[n % 2], "category_2": str(n // 2), "category_3": str(n)}
        for n in range(8)
    ]
    levels = ["category_1", "category_2", "category_3"]
    corpus = Corpus.from_records(records, category=levels)
    assert set(agreement.leaf_labels(corpus)) == {"a", "b"}  # "a > 0" and "b > 0" are two classes of one document
    pairs = Corpus.from_records([{**r, "category_1": "a"} for r in records], category=levels)
    assert sorted(set(agreement.leaf_labels(pairs))) == ["a > 0", "a > 1", "a > 2", "a > 3"]


def test_switches_are_paired_by_seed():
    off = sections.WARMUP_OFF
    rows = [(OURS, 0, 0.5), (OURS, 1, 0.7), (OURS, 2, 0.9), (f"{OURS}, {off}", 0, 0.4), (f"{OURS}, {off}", 1, 0.5)]
    frame = pd.DataFrame(rows, columns=["label", "seed", "macro_f1_c1"])
    (row,) = sections.switch_rows(frame, "warm-up", off, "macro_f1", "Macro-F1")
    # seeds 0 and 1 are there twice: 0.6 with, 0.45 without, differences 0.1 and 0.2
    assert row == ["warm-up", OURS, "1", "Macro-F1", 2, "0.60000 ± 0.14142", "0.45000 ± 0.07071",
                   "0.15000 ± 0.07071", "yes"]  # fmt: skip


def test_training_and_sweep_reports_have_their_tables(tmp_path):
    off = "LMIndexer, no reconstructor warm-up"
    methods = (METHODS[0], Method(off, "lmindexer", {**TINY, "reconstructor_warmup": False}))
    result, _ = make(study(tmp_path, methods, name="training"))
    text = result.markdown()
    assert "(a) reconstructor warm-up | LMIndexer | 1 | Macro-F1 | 1" in text
    first = result.history().query("label == @OURS and stage == 'discrete' and position == 1")["macro_f1"]
    assert f"| (a) Macro-F1 | LMIndexer | 1 | {first.iloc[0]:.5f} |" in text  # one epoch
    figure = training_figure(result, "themes")
    with_it, without = (next(t for t in figure.data if t.name == name) for name in ("with", "without"))
    assert list(with_it.y) == first.tolist() and len(without.y) == 1
    assert not training_figure(result, "other").data
    for name in ("commitment", "layers", "length"):
        other = replace(result, study=replace(result.study, name=name))
        assert "themes, with category text" in other.markdown()


def test_comparisons_take_the_seeds_both_have(finished):
    less = replace(finished, found=finished.found[:3])  # the stand-in has one seed only
    (found,) = agreement.comparisons(less, "themes", True)
    frame = less.frame()
    means = frame.groupby("label")["ami_c1"].mean()
    stand_in = frame.query("label == 'stand-in'")
    assert len(stand_in) == 1
    assert found.first == OURS and found.second == "stand-in"
    assert found.difference == pytest.approx(means[OURS] - means["stand-in"], abs=0.5)
    assert np.isfinite([found.low, found.high, found.p]).all()


def test_examples_in_docstrings_are_true():
    for module in pkgutil.iter_modules(studies.__path__):
        found = importlib.import_module(f"lmindexer.studies.{module.name}")
        assert doctest.testmod(found).failed == 0, module.name
