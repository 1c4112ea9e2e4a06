"""The widgets without a front end: what a click does to their state, and the plain HTML they leave behind."""

import re

import pytest

import lmindexer as lmi
from lmindexer.browse import RunBrowser, prefixes
from lmindexer.common.errors import LMIndexerError
from lmindexer.widgets import panel


@pytest.fixture(scope="module")
def run():
    return RunBrowser.from_bundle(lmi.Bundle.open(lmi.datasets.samples_folder() / "runs" / "attack"))


def shown(output) -> dict:
    """The figure that an Output holds."""
    (found,) = output.outputs
    return found["data"][panel.PLOTLY]


def is_plain(html: str) -> bool:
    """No scripts, and no styles but one that sets words to the left, which GitHub may strip."""
    return not re.search(r'style=(?!"text-align:left")|<script|<svg|<style', html)


# ------------------------------------------------------------------------------------------------ every widget


def test_a_widget_leaves_html_and_text_beside_its_view(run):
    browser = lmi.widgets.PrefixBrowser(run)
    data = browser._repr_mimebundle_()
    assert data["application/vnd.jupyter.widget-view+json"]["model_id"] == browser.model_id
    assert data["text/plain"] == "PrefixBrowser('attack', 691 documents, at the top)"
    assert panel.NOTE in data["text/html"] and is_plain(data["text/html"])
    picture = browser.picture()
    assert repr(picture) == repr(browser) and picture._repr_html_() == browser.static_html()


def test_tables_escape_what_documents_say():
    found = panel.table(["a"], [["<script>alert(1)</script>"], [None], [1234]], "<b>")
    assert "<script>" not in found and "&lt;script&gt;" in found and "></td>" in found and "1,234" in found


@pytest.mark.parametrize(("share", "signs"), [(0, ""), (1, "████"), (2, "████"), (0.5, "██"), (1 / 32, "▏")])
def test_bars(share, signs):
    assert panel.bar(share, 4) == signs


def test_the_package_names_its_widgets():
    assert set(lmi.widgets.__all__) >= {"CollapseLab", "HintMaskViewer", "PrefixBrowser", "TreeWalker"}
    assert all(getattr(lmi.widgets, name) for name in lmi.widgets.__all__)
    with pytest.raises(AttributeError):
        lmi.widgets.Nothing  # noqa: B018


# ---------------------------------------------------------------------------------------------- prefix browser


def test_browsing_goes_down_and_up(run):
    browser = lmi.widgets.PrefixBrowser(run)
    largest = prefixes.children(run).iloc[0]
    assert browser.up.disabled and len(browser.code.options) == 1 + len(prefixes.children(run))
    browser.code.value = int(largest["code"])
    assert browser.prefix == (largest["code"],) and not browser.up.disabled
    assert f"of {largest['documents']:,}" in browser.place.value
    assert len(shown(browser.figure)["data"]) == len(prefixes.children(run, browser.prefix))  # a trace a code
    browser.up.click()
    assert browser.prefix == () and browser.code.label == "choose …"


def test_a_whole_id_has_documents_and_no_figure(run):
    codes = run.frame("SELECT c1, c2, c3 FROM docs LIMIT 1").iloc[0].tolist()
    browser = lmi.widgets.PrefixBrowser(run, prefix=codes)
    assert browser.figure.outputs == () and browser.code.disabled
    assert "".join(f"&lt;{code}&gt;" for code in codes) in browser.static_html()


def test_pages_of_documents_stay_inside_the_list(run):
    browser = lmi.widgets.PrefixBrowser(run)
    browser.before.click()
    assert browser.offset == 0 and browser.before.disabled
    for _ in range(100):
        browser.after.click()
    assert browser.after.disabled and browser.place.value.endswith("to 691 of 691")


def test_the_category_level_can_be_changed(run):
    browser = lmi.widgets.PrefixBrowser(run)
    browser.levels.value = 2
    assert "level 2" in shown(browser.figure)["layout"]["xaxis"]["title"]["text"]


def test_a_prefix_that_cannot_be_is_refused(run):
    with pytest.raises(LMIndexerError, match="outside its codebook"):
        lmi.widgets.PrefixBrowser(run, prefix=(99,))


def test_ids_in_memory_without_categories_can_be_browsed(fitted, corpus):
    from themed import plain_corpus

    plain = plain_corpus(corpus.texts)
    ids = lmi.SemanticIDs.from_codes(plain.doc_ids, fitted.ids_.codes, fitted.codebook_sizes)
    browser = lmi.widgets.PrefixBrowser(RunBrowser.from_parts(ids, plain))
    assert browser.figure.outputs == () and is_plain(browser.static_html())


# -------------------------------------------------------------------------------------------------- hint masks


def test_words_are_shown_hidden_or_asked_for():
    viewer = lmi.widgets.HintMaskViewer("a small dog that hunts rats", share=0.5, seed=3)
    visible = viewer.hints.visible[0, 0].tolist()
    assert viewer.asked == [word for word, seen in zip(viewer.words, visible, strict=True) if not seen]
    html = viewer.static_html()
    assert html.count(f">{'■'}</td>") == sum(visible) and html.count(">?</td>") == len(viewer.asked)
    assert is_plain(html) and "style=" in viewer.image.value


def test_controls_draw_other_masks():
    viewer = lmi.widgets.HintMaskViewer("one two three four five six seven eight")
    viewer.share.value = 1.0
    assert viewer.hints.visible.all() and viewer.asked == []
    viewer.share.value = 0.0
    assert viewer.asked == viewer.words
    viewer.share.value = 0.5
    before = viewer.hints.visible
    viewer.again.click()
    assert viewer.seed.value == 1 and not viewer.hints.visible.equal(before)


def test_in_the_target_form_a_word_never_sees_itself():
    viewer = lmi.widgets.HintMaskViewer("one two three four five", form="target", targets=4, share=1.0)
    for mask, place in zip(viewer.hints.visible[0], viewer.hints.place[0], strict=True):
        assert not mask[place] and mask.sum() == 4
    assert viewer.static_html().count(">?</td>") == 4


def test_an_indexer_cuts_the_text_and_weighs_its_words(fitted, corpus):
    viewer = lmi.widgets.HintMaskViewer(corpus.documents()[0], fitted, share=0.0)
    special = fitted.model_.encoder.backbone.tokenizer.all_special_tokens
    assert viewer.asked and not set(viewer.asked) & set(special)


def test_an_empty_text_is_refused():
    with pytest.raises(LMIndexerError, match="empty"):
        lmi.widgets.HintMaskViewer("  ")


# ------------------------------------------------------------------------------------------------- tree walker


@pytest.fixture(scope="module")
def walker(fitted, corpus):
    run = RunBrowser.from_parts(fitted.ids_, corpus)
    return lmi.widgets.TreeWalker(run, corpus.documents()[0], indexer=fitted)


def test_walking_takes_the_code_that_encode_takes(walker, fitted, corpus):
    walker.begin(corpus.documents()[5])
    walker.next.click()
    walker.next.click()
    assert list(walker.prefix) == fitted.encode([corpus.documents()[5]]).codes[0].tolist()
    assert walker.next.disabled and walker.step() is None
    steps = walker.steps()
    assert steps[steps["chosen"]]["code"].tolist() == list(walker.prefix)


def test_another_branch_can_be_taken_and_left(walker, corpus):
    walker.begin(corpus.documents()[0])
    second = walker.branches.children[1]
    second.click()
    assert second.description.startswith(f"<{walker.prefix[0]}>")
    assert walker.probabilities().sum() == pytest.approx(1, abs=1e-5)
    walker.back.click()
    assert walker.prefix == () and walker.back.disabled


def test_typing_begins_again_and_an_empty_text_waits(walker):
    walker.text.value = "bird nest egg"
    assert walker.walk() and "taken" in walker.static_html() and is_plain(walker.static_html())
    walker.text.value = ""
    assert walker.next.disabled and walker.branches.children == () and "No text yet" in walker.static_html()
    with pytest.raises(LMIndexerError, match="type one"):
        walker.step()


def test_a_run_without_a_model_is_refused(fitted, corpus):
    with pytest.raises(LMIndexerError, match="no model"):
        lmi.widgets.TreeWalker(RunBrowser.from_parts(fitted.ids_, corpus))


# ------------------------------------------------------------------------------------------------ collapse lab


@pytest.fixture(scope="module")
def lab(corpus):
    from themed import QUICK

    return lmi.widgets.CollapseLab(corpus, seed=1, **QUICK)


def test_training_in_the_lab_is_a_fit_with_the_same_settings(lab, corpus):
    from themed import QUICK

    history = lab.train(kmeans=False)
    indexer = lmi.LMIndexer("tiny", seed=1, positions=2, codebook_init="random", device="cpu", **QUICK)
    wanted = indexer.fit(corpus, progress=False).history_
    assert history.drop(columns="seconds").equals(wanted.drop(columns="seconds"))
    assert list(lab.runs) == ["without k-means codebook"] and lab.running is None
    last = wanted[wanted["position"] == 2]["perplexity"].iloc[-1]
    assert lab.summary()["perplexity_2"].iloc[0] == pytest.approx(last)
    assert is_plain(lab.static_html()) and "without k-means codebook" in lab.static_html()
    lab.switches["kmeans"].value = True


def test_every_switch_changes_its_setting_only(lab):
    everything = lab._indexer({}).settings
    for _, changes in (entry for entry in lmi.widgets.collapse_lab.SWITCHES.values()):
        changed = lab._indexer(changes).settings
        assert {name: changed[name] for name in changed if changed[name] != everything[name]} == changes


def test_stop_ends_a_run_and_keeps_what_it_has(lab, monkeypatch):
    from lmindexer.widgets import collapse_lab

    whole = collapse_lab._Watch.record

    def stop_after_three(watch, history):
        whole(watch, history)
        if len(history) == 3:
            lab.stop_button.click()

    monkeypatch.setattr(collapse_lab._Watch, "record", stop_after_three)
    lab.start("stopped")
    lab.wait()
    assert len(lab.runs["stopped"]) == 3 and "was stopped" in lab.message.value
    assert lab.stop_button.disabled and not lab.start_button.disabled
    assert shown(lab.figures["macro_f1"])["data"]
    lab.clear_button.click()
    assert lab.runs == {} and lab.figures["macro_f1"].outputs == ()


def test_two_runs_at_once_and_unknown_switches_are_refused(lab):
    lab.running = "other"
    with pytest.raises(LMIndexerError, match="still being trained"):
        lab.train()
    lab.running = None
    with pytest.raises(LMIndexerError, match="no switch 'kmean'"):
        lab.train(kmean=False)


def test_an_error_of_the_fit_is_shown(corpus):
    lab = lmi.widgets.CollapseLab(corpus.take(range(4)))
    lab.start()
    lab.wait()
    assert "at least one document" in lab.message.value and lab.runs == {}
