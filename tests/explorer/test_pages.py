"""Every page on every run, by Streamlit's AppTest: nothing raises, links hold the state, words are escaped."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import run_bundles
from streamlit.testing.v1 import AppTest

from explorer_app import context, link_table, show
from explorer_app.escaped import md
from explorer_app.views.collapse import seldom_looked_at
from lmindexer import plots
from lmindexer.browse import mapping, usage, words
from lmindexer.ids.semantic_ids import SemanticIDs
from lmindexer.quality.verdict import verdict
from lmindexer.runs import jobs
from lmindexer.runs.bundle import Bundle

APP = Path(context.__file__).with_name("app.py")
PAGES = ("overview", "search", "prefixes", "document", "collapse", "map", "compare", "try", "runs", "corpus")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return run_bundles.write_all(tmp_path_factory.mktemp("runs"))


@pytest.fixture
def visit(folder, monkeypatch):
    """visit(page, **query) -> the page after it was drawn; nothing may raise."""
    monkeypatch.setattr(sys, "argv", ["app.py", str(folder)])

    def go(page="overview", test=None, **query):
        test = test or AppTest.from_file(str(APP), default_timeout=60)
        test.session_state["goto"] = (page, query)
        test.run()
        assert not test.exception, test.exception[0].value
        assert not any("fault of the program" in error.value for error in test.error), test.error[0].value
        return test

    return go


def test_a_curve_with_few_points_says_how_to_get_more(visit, folder):
    place = folder / "good" / "history.parquet"
    whole = pd.read_parquet(place)
    assert not any("diagnose_every=1" in caption.value for caption in visit("collapse", run="good").caption)
    seldom = whole.copy()
    seldom.loc[seldom["stage"] == "discrete", "perplexity"] = float("nan")
    assert seldom_looked_at(seldom) and not seldom_looked_at(whole) and not seldom_looked_at(whole[["epoch"]])


def test_a_run_that_collapsed_everywhere_is_told_so_once_a_stage(tmp_path, monkeypatch):
    corpus = run_bundles.corpus_of(100)
    history = run_bundles.history()
    history.loc[history["perplexity"].notna(), "perplexity"] = 1.0
    ids = SemanticIDs.from_codes(corpus.doc_ids, np.zeros((100, 3), int), run_bundles.SIZES)
    run_bundles.write(tmp_path, "one", corpus, ids, history=history)
    monkeypatch.setattr(usage, "verdict", lambda quality, method, largest: verdict(quality, "lmindexer", largest))
    monkeypatch.setattr(sys, "argv", ["app.py", str(tmp_path)])
    test = AppTest.from_file(str(APP), default_timeout=60)
    test.session_state["goto"] = ("collapse", {"run": "one"})
    test.run()
    said = [one.value for one in (*test.error, *test.warning)]
    assert [one.partition(":")[0].replace("\\", "") for one in said if "collapsed" in one] == [
        "Positions 1 to 3 have collapsed", "Positions 1 to 3 have collapsed at the end of stage 'codebook_init'",
        "Positions 1 to 3 have collapsed at the end of stage 'discrete'",
    ]  # fmt: skip


@pytest.mark.parametrize("page", ["overview", "prefixes", "map"])
@pytest.mark.parametrize("prefix", ["3.3.3", "9", "0.0.0.0", "abc"])
def test_a_prefix_of_a_link_that_no_document_has_is_said(visit, folder, page, prefix):
    codes = Bundle.open(folder / "good").ids.codes
    assert not (codes == 3).all(axis=1).any()
    test = visit(page, run="good", prefix=prefix)
    told = [one.value for one in test.warning if "no document of this run has an ID that begins so" in one.value]
    assert len(told) == 1 and md("<" + prefix.replace(".", "><") + ">" if prefix != "abc" else prefix) in told[0]


@pytest.mark.parametrize(("page", "query"), [
    ("map", {"by": "nope"}), ("collapse", {"position": "nope"}), ("collapse", {"measure": "nope"}),
    ("collapse", {"with": "nope"}), ("prefixes", {"top": "nope"}), ("overview", {"level": "nope"}),
    ("compare", {"other": "nope"}),
])  # fmt: skip
def test_what_a_link_asks_for_and_is_not_there_is_said_once(visit, page, query):
    told = [one.value for one in visit(page, run="good", **query).warning if "**nope**" in one.value]
    assert len(told) == 1, told
    usual = visit(page, run="good")
    assert not any("The link asks for" in one.value for one in usual.warning)


def test_many_broken_runs_are_folded_and_links_over_corpora_of_one_name_say_which(tmp_path, monkeypatch):
    for documents in (60, 90):
        corpus = run_bundles.corpus_of(documents)
        for name in ("one", "two"):
            run_bundles.write(tmp_path, f"{name}-{documents}", corpus, run_bundles.ids_of(corpus))
    for number in range(3):
        shutil.copytree(tmp_path / "one-60", tmp_path / f"broken-{number}")
        (tmp_path / f"broken-{number}" / "ids.parquet").unlink()
    monkeypatch.setattr(sys, "argv", ["app.py", str(tmp_path)])
    test = AppTest.from_file(str(APP), default_timeout=60)
    test.session_state["goto"] = ("runs", {})
    test.run()
    assert any("3 runs cannot be opened" in one.label for one in test.expander)
    labels = [one.proto.label for one in test.get("page_link") if "Compare the" in one.proto.label]
    assert len(labels) == 2 and "one\\-60" in labels[0] and "one\\-90" in labels[1]


def in_link(test, name: str):
    """A value of the link; a fresh one is a list of one, a changed one a word."""
    value = test.query_params.get(name)
    return value[0] if isinstance(value, list) else value


def words_on(test) -> str:
    kinds = ("title", "header", "subheader", "markdown", "caption", "text", "info", "warning", "error", "success")
    return "\n".join(str(element.value) for kind in kinds for element in getattr(test, kind))


@pytest.mark.parametrize("run", ["good", "bare", "hostile"])
@pytest.mark.parametrize("page", PAGES)
def test_every_page_on_every_run(visit, page, run):
    test = visit(page, run=run)
    assert test.title[0].value
    assert not test.error or page == "collapse"  # which says there what has collapsed


def test_the_first_page_of_a_large_run_does_not_wait_for_key_words(visit, monkeypatch):
    monkeypatch.setattr(words, "EXACT_UP_TO", 1)
    monkeypatch.setattr(words, "prepare", lambda run: None)  # as if it were still reading
    context._browser.clear()
    test = visit(run="good")
    assert "still being counted" in words_on(test)
    run = context.open_run(context.shelf().runs["good"])
    run.prepared.set()
    test.run()
    assert "still being counted" not in words_on(test)
    context._browser.clear()  # the tests after this one open runs of their own


@pytest.mark.parametrize(
    ("page", "query"),
    [
        ("overview", {"prefix": "1", "shape": "sunburst", "with": ["other"]}),
        ("overview", {"prefix": "1.0.0"}),
        ("prefixes", {"prefix": "1", "level": "2", "shares": "1", "q": "saw", "codes": "a"}),
        ("prefixes", {"prefix": "1.0.0"}),
        ("prefixes", {"q": "whiskers", "intext": "1", "from": "20"}),
        ("document", {"doc": "d0"}),
        ("document", {"doc": "d7", "siblings": "1"}),
        ("search", {"q": "<1><0>"}),
        ("search", {"q": "saw", "from": "100000"}),
        ("collapse", {"with": ["other"], "measure": ["loss", "perplexity"], "position": "2", "inorder": "1"}),
        ("map", {"by": "position 2", "prefix": "1"}),
        ("compare", {"other": "other", "cell": "0.1"}),
    ],
)
def test_states_that_a_link_can_hold(visit, page, query):
    test = visit(page, run="good", **query)
    assert not test.error or page == "collapse"


@pytest.mark.parametrize(
    "query",
    [
        {"prefix": "99.99"}, {"prefix": "../../etc"}, {"prefix": "1.1.1.1.1.1"}, {"level": "77"}, {"from": "-5"},
        {"doc": "<script>"}, {"top": "x"}, {"cell": "a.b"}, {"by": "position 9"}, {"position": "0"}, {"other": "none"},
        {"prefix": "9" * 400}, {"measure": "nothing"}, {"siblings": "8"}, {"from": "999999999"},
    ],
)  # fmt: skip
def test_links_with_nonsense_show_a_page_all_the_same(visit, query):
    for page in ("overview", "prefixes", "document", "collapse", "map", "compare"):
        visit(page, run="good", **query)


@pytest.mark.parametrize("run", ["../good", "/etc", "good/../../secret", "<b>x</b>", "broken"])
def test_a_run_that_is_not_in_the_folders_is_said_and_the_first_is_shown(visit, run):
    test = visit("overview", run=run)
    assert any("no run" in warning.value for warning in test.warning)
    assert test.title[0].value == "bare"


def test_a_broken_run_shows_its_error_beside_the_good_ones(visit):
    test = visit("overview", run="good")
    assert any("broken" in warning.value and "damaged" in warning.value for warning in test.sidebar.warning)
    assert test.sidebar.selectbox[0].options == ["bare", "good", "hostile", "other"]


def test_the_numbers_are_those_of_the_run(visit, folder):
    from lmindexer.quality import evaluate_ids
    from lmindexer.runs.bundle import Bundle

    bundle = Bundle.open(folder / "good")
    quality = evaluate_ids(bundle.ids, bundle.corpus)
    shown = {metric.label: metric.value for metric in visit("overview", run="good").metric}
    assert shown["Documents"] == "150" and shown["Codebooks"] == "4 · 4 · 4"
    assert shown["Perplexity c1"] == f"{quality.perplexity[0]:.1f}"
    assert shown["Unique IDs"] == f"{quality.collisions.unique_share:.0%}"
    assert shown["AMI of c1"] == f"{max(quality.ami(1, 1), quality.ami(1, 2)):.3f}"
    assert all(metric.help for metric in visit("overview", run="good").metric)


def test_choosing_a_run_or_a_level_writes_it_into_the_link(visit):
    test = visit("prefixes", run="good")
    test.button_group[0].set_value(2).run()
    assert in_link(test, "level") == "2" and not test.exception
    test.sidebar.selectbox[0].set_value("other").run()
    assert in_link(test, "run") == "other"


def test_breadcrumbs_go_up(visit):
    test = visit("prefixes", run="good", prefix="1.0")
    test.button(key="crumb_prefixes_1").click().run()
    assert in_link(test, "prefix") == "1"
    test.button(key="crumb_prefixes_0").click().run()
    assert "prefix" not in test.query_params


def test_pages_of_documents(visit):
    test = visit("prefixes", run="good")
    assert test.button(key="prefix_documents_previous").disabled
    test.button(key="prefix_documents_next").click().run()
    assert in_link(test, "from") == "20" and "21–40 of 150" in words_on(test)


def test_document_words_are_never_read_as_markup(visit):
    for page in PAGES:
        for name in ("h1", "<i>0</i>"):
            test = visit(page, run="hostile", doc=name, prefix="1", q="script", find="head", text="")
            for element in test.main:
                proto = getattr(element, "proto", None)
                assert not getattr(proto, "allow_html", False)
            for element in test.markdown:
                assert "<script>" not in element.value and "](javascript" not in element.value
    test = visit("document", run="hostile", doc="h1")
    assert test.text[0].value.startswith("# head **md** [x](javascript")  # as it is, in an element of plain text


def test_a_text_of_a_megabyte_comes_by_pieces(visit):
    test = visit("document", run="hostile", doc="<i>4</i>")
    assert len(test.text[0].value) == 20_000 and "of 1,000,000" in words_on(test)
    test.button(key="text_after").click().run()
    assert in_link(test, "from") == "20000"


def test_a_file_that_was_deleted_under_an_open_run_is_said_in_a_sentence(folder, tmp_path, monkeypatch):
    shutil.copytree(folder / "good", tmp_path / "mine")
    monkeypatch.setattr(sys, "argv", ["app.py", str(tmp_path)])
    test = AppTest.from_file(str(APP), default_timeout=60)
    test.session_state["goto"] = ("document", {"run": "mine", "doc": "d1"})
    test.run()
    (tmp_path / "mine" / "corpus.parquet").unlink()
    context._shelf.clear()
    for page in ("document", "prefixes", "overview"):
        test.session_state["goto"] = (page, {"run": "mine", "doc": "d2", "q": "saw"})
        test.run()
        assert not test.exception
        said = [error.value for error in test.error] + [warning.value for warning in test.sidebar.warning]
        assert any("corpus" in text and "copy" in text for text in said), said


def test_the_box_of_every_page_leads_to_the_search(visit):
    test = visit("collapse", run="other")
    test.sidebar.text_input(key="find").set_value("saw").run()
    assert test.title[0].value == "Search" and in_link(test, "q") == "saw" and in_link(test, "run") == "other"


def test_a_code_gets_a_name_that_is_shown_on_other_pages(visit, folder):
    test = visit("prefixes", run="other", prefix="1")
    form = {box.label: box for box in test.text_input}
    form["Name"].set_value("Cutting things")
    next(button for button in test.button if button.label == "Keep it").click().run()
    assert "“Cutting things”" in words_on(test).replace("\\", "")
    (folder / "other" / "names.json").unlink()


def test_a_run_is_renamed_and_deleted_after_a_question(folder, tmp_path, monkeypatch):
    for name in ("one", "two"):
        shutil.copytree(folder / "bare", tmp_path / name)
    monkeypatch.setattr(sys, "argv", ["app.py", str(tmp_path)])
    context.forget_shelf()
    test = AppTest.from_file(str(APP), default_timeout=60)
    test.session_state["goto"] = ("runs", {})
    test.run()
    next(box for box in test.text_input if box.label == "New name").set_value("uno")
    next(button for button in test.button if button.label == "Rename it").click().run()
    assert not test.exception and sorted(path.name for path in tmp_path.iterdir()) == ["two", "uno"]
    test.selectbox(key="changed_run").set_value("two").run()
    next(button for button in test.button if button.label == "Yes, delete it").click().run()
    assert not test.exception and [path.name for path in tmp_path.iterdir()] == ["uno"]


def test_a_comparison_with_a_run_that_is_not_there_says_so(visit):
    test = visit("compare", run="good", other="nope")
    assert any("no other run" in warning.value and "nope" in warning.value for warning in test.warning)
    assert not test.metric
    test.multiselect(key="choice_other").set_value(["other"]).run()
    assert in_link(test, "other") == "other" and test.metric


def test_several_runs_are_compared_in_one_step_and_two_are_swapped(folder, tmp_path, monkeypatch):
    for name in ("good", "other"):
        shutil.copytree(folder / name, tmp_path / name)
    run_bundles.write(tmp_path, "third", run_bundles.corpus_of(), run_bundles.ids_of(run_bundles.corpus_of(), 2))
    monkeypatch.setattr(sys, "argv", ["app.py", str(tmp_path)])
    context.forget_shelf()
    test = AppTest.from_file(str(APP), default_timeout=60)
    test.session_state["goto"] = ("compare", {"run": "good", "other": "third", "cell": "0.2"})
    test.run()
    next(button for button in test.button if button.label == "All 3 runs over these documents").click().run()
    assert not test.exception and sorted(test.query_params["other"]) == ["other", "third"]
    assert "Against the first run" in words_on(test)
    next(button for button in test.button if button.label == "Swap the two").click().run()
    assert not test.exception and in_link(test, "run") == "other" and "good" in test.query_params["other"]
    context.forget_shelf()


def test_the_numbers_of_a_figure_stand_below_it_when_they_are_unfolded(visit):
    test = visit("collapse", run="good")
    folded = [one for one in test.expander if one.label == show.NUMBERS]
    assert folded  # one below each figure; what they hold is tested with the figures


def test_a_page_past_the_end_of_a_list_is_its_last_one(visit):
    assert "141–150 of 150" in words_on(visit("prefixes", run="good", **{"from": "100000000"}))


def test_a_finished_fit_shows_its_curves_and_opens_with_one_press(visit):
    test = visit("corpus", run="good", job="good")
    assert any("is finished" in success.value for success in test.success) and "Curves appear" not in words_on(test)
    test.button(key="job_good_open").click().run()
    assert test.title[0].value == "good"


def test_a_fit_of_the_shell_shows_how_far_it_is_and_goes_on_by_a_press(tmp_path, monkeypatch):
    told = {"stage": "discrete", "stage_index": 1, "stages": 4, "step": 5, "steps": 10, "seconds": 3, "pid": 2**22 + 1}
    told |= {"command": ["python", "/bin/lmindexer", "fit", "wordnet", "--run", "mine"], "cwd": str(tmp_path)}
    (tmp_path / "mine" / "checkpoints").mkdir(parents=True)
    (tmp_path / "mine" / "checkpoints" / "progress.json").write_text(json.dumps(told))
    asked = []
    monkeypatch.setattr(jobs, "go_on", asked.append)
    monkeypatch.setattr(sys, "argv", ["app.py", str(tmp_path)])
    context.forget_shelf()
    test = AppTest.from_file(str(APP), default_timeout=60)
    test.session_state["goto"] = ("corpus", {})
    test.run()
    assert any("was stopped at 38%" in warning.value for warning in test.warning), test.warning
    next(button for button in test.button if button.label == "Go on").click().run()
    assert not test.exception and asked == [tmp_path / "mine"]
    context.forget_shelf()


def test_a_tiny_run_is_laid_over_the_last_ones(folder, tmp_path, monkeypatch):
    names = [f"live-things-0101-00000{number}" for number in range(3)]
    for name in names:
        shutil.copytree(folder / "good", tmp_path / name)
    monkeypatch.setattr(sys, "argv", ["app.py", str(tmp_path)])
    context.forget_shelf()
    test = AppTest.from_file(str(APP), default_timeout=60)
    test.session_state["goto"] = ("collapse", {"run": names[0], "live": names[2]})
    test.run()
    figures = [chart.proto.spec for chart in test.get("plotly_chart")]
    assert not test.exception and sum(all(name in figure for name in names) for figure in figures) >= 4
    context.forget_shelf()


def test_words_that_would_turn_the_line_stand_apart():
    assert "\u202e" not in md("abc\u202edef") and md("abc\u202edef") == "abcdef"


def test_every_figure_can_be_made_narrow(folder):
    run = context.open_run(Bundle.open(folder / "good"))
    for figure in (plots.hierarchy(run), plots.category_distribution(run), plots.perplexity(run.quality)):
        show._make_narrow(figure)
        assert figure.layout.title.font.size == 13 and "<br>" in figure.layout.title.text
    to_scale = plots.id_map(mapping.points(run, ("category", 1)), "level 1", "category", {})
    show._make_narrow(to_scale)
    assert to_scale.layout.height <= show.SCALED + 24 * show.LEGEND


def test_runs_laid_over_each_other_stand_in_one_table_with_all_levels_and_positions(folder):
    from explorer_app.views import overview

    found = overview._side_by_side({name: context.open_run(Bundle.open(folder / name)).quality
                                    for name in ("bare", "good")})  # fmt: skip
    assert found["run"].tolist() == ["bare", "good"] and list(found)[-1] == "unique IDs"
    kinds = [name.split(",")[0].split()[0] for name in found]
    assert kinds == sorted(kinds, key=["run", "AMI", "perplexity", "unique"].index)


def test_no_number_reads_minus_nought():
    column = link_table.Column("a", "a", "number", 2)
    assert [link_table._cell(value, column)["shown"] for value in (-0.001, 0.5, -0.5)] == ["0.00", "0.50", "−0.50"]


def test_folders_without_a_run_say_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["app.py", str(tmp_path)])
    test = AppTest.from_file(str(APP), default_timeout=60).run()
    assert not test.exception and "no finished run" in test.info[0].value and "lmindexer fit" in test.code[0].value


@pytest.mark.parametrize(
    "text", ["plain", "**b** _i_ `c`", "<b>x</b>", "$x^2$ :red[y] [a](b)", "1. a\n# b\n- c", "~~x~~ | a | b"]
)
def test_escaped_markdown_has_no_bare_signs(text):
    escaped = md(text)
    bare = escaped.replace("\\\\", "").replace("\\", "\0")
    signs = "*_`<>$[]#|~:-."
    assert all(bare[i - 1] == "\0" for i, sign in enumerate(bare) if sign in signs)
    assert "\n" not in escaped and escaped.replace("\\", "") == " ".join(text.split())


def test_pages_that_need_no_model_do_not_load_torch():
    """It takes five seconds and more to load, which nobody should wait for who only looks at IDs."""
    views = ("overview", "search", "prefixes", "document", "collapse", "semantic_map", "compare")
    code = f"import sys, explorer_app.views.{', explorer_app.views.'.join(views)}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=APP.parents[1], check=False).returncode == 0
