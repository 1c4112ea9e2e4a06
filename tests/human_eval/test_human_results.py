"""Results of studies: tests that respect annotators and questions, reliability, the judge, the report."""

import json
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from run_bundles import HOSTILE, corpus_of, ids_of
from typer.testing import CliRunner

from lmindexer import plots
from lmindexer.cli import app
from lmindexer.common.errors import StudyError
from lmindexer.corpus.corpus import Corpus
from lmindexer.human_eval import TYPES, Study, open_demonstration, report_html, write_report
from lmindexer.human_eval.answering.answers import counting
from lmindexer.human_eval.answering.demonstration import demonstration_file
from lmindexer.human_eval.results.findings import findings
from lmindexer.human_eval.results.judge import embedding_judge
from lmindexer.human_eval.results.paired import Judged, compare, holm, permutation_p, sign_flip_p
from lmindexer.human_eval.results.reliability import (
    annotator_reliability,
    consensus,
    disagreements,
    self_consistency,
    time_outliers,
)
from lmindexer.human_eval.results.results import method_results, study_results, unblinding_of, with_values
from lmindexer.human_eval.results.simulate import answer_study, rates, simulated_answers

EQUAL, PLANTED = {"one": 0.65, "two": 0.65}, {"one": 0.85, "two": 0.55}


# ------------------------------------------------------------------------------------------------ simulated studies


@pytest.mark.long
def test_without_a_difference_few_studies_find_one():
    found = rates(EQUAL, 500)
    assert abs(found.truth) < 0.005
    assert found.found <= 0.06 and found.found_wide <= 0.06
    assert 0.93 <= found.covered <= 0.975 and 0.94 <= found.covered_wide <= 0.99


@pytest.mark.long
def test_a_planted_difference_is_recovered():
    found = rates(PLANTED, 200)
    assert found.truth > 0.2 and found.found >= 0.9 and found.found_wide >= 0.8
    assert 0.92 <= found.covered <= 0.98 and found.covered_wide >= 0.93


@pytest.mark.long
def test_annotators_who_differ_about_the_methods_are_seen_by_the_wide_interval():
    found = rates(EQUAL, 300, annotators=6, overlap=3, interaction_spread=0.6)
    assert found.found_wide <= 0.08 and found.covered_wide >= 0.92
    assert found.found > found.found_wide  # the narrow one speaks about these annotators only
    assert found.covered < found.covered_wide and found.width < found.width_wide


# ---------------------------------------------------------------------------------------------------------- by hand


def four_questions() -> pd.DataFrame:
    """Two questions a method in one cell; method "x" is right everywhere, "y" nowhere."""
    rows = [(who, f"{method}{n}", method, float(method == "x")) for method in "xy" for n in (1, 2) for who in "AB"]
    frame = pd.DataFrame(rows, columns=["annotator", "question_id", "method", "value"])
    return frame.assign(type="intruder", stratum="4-7", distractor="near")


def test_permutation_by_hand():
    # 6 ways to label 4 questions; 2 of them give a difference as large: p -> 1/3
    assert permutation_p(Judged.of(four_questions(), "x"), 20_000) == pytest.approx(1 / 3, abs=0.015)


def test_labels_are_exchanged_among_matched_questions_only():
    answers = four_questions().assign(stratum=lambda frame: frame["method"])
    assert permutation_p(Judged.of(answers, "x"), 99) == 1.0


def test_sign_flips_by_hand():
    # 4 questions, each wholly for the first: 2 of 16 signs are as far out
    assert sign_flip_p([2, 2, 2, 2], [2, 2, 2, 2], 40_000) == pytest.approx(2 / 16, abs=0.01)
    assert sign_flip_p([1, 1], [2, 2], 99) == 1.0


def test_an_easy_going_annotator_makes_no_difference():
    """One annotator says yes to all, and happens to have more questions of one method."""
    answers = simulated_answers(EQUAL, annotators=2, overlap=1, seed=3)
    answers.loc[answers["annotator"] == "simulated-1", "value"] = 1.0
    judged = Judged.of(answers, "one")
    assert np.allclose(judged.centred()[judged.annotator == judged.annotator[answers["value"].eq(1).argmax()]].sum(), 0)


def test_holm_equals_statsmodels():
    from statsmodels.stats.multitest import multipletests

    p = np.random.default_rng(0).random(9) ** 3
    np.testing.assert_allclose(holm(p), multipletests(p, method="holm")[1])
    assert np.isnan(holm([0.2, np.nan])[1])


def test_one_annotator_speaks_for_nobody_else():
    table = compare(simulated_answers(PLANTED, annotators=1, overlap=1), permutations=99, resamples=99)
    assert np.isnan(table["p_wide"][0]) and "cannot be told" in findings(table, pd.DataFrame())[0]


def _row(**changes) -> dict:
    return {
        "type": "intruder", "method_a": "A", "method_b": "B", "value_a": 0.5, "value_b": 0.6, "difference": -0.1,
        "low": -0.3, "high": 0.1, "p_holm": 0.4, "p_wide": 0.5, **changes,
    }  # fmt: skip


def test_the_methods_are_named_in_the_order_of_their_numbers():
    said = findings(pd.DataFrame([_row(), _row(value_a=0.6, value_b=0.5, difference=0.1)]), pd.DataFrame())
    assert "no difference between B and A was found (0.60 against 0.50; difference 0.10" in said[0]
    assert "95 % interval −0.10 to 0.30" in said[0]
    assert "no difference between A and B was found (0.60 against 0.50" in said[1]
    (ahead,) = findings(pd.DataFrame([_row(p_holm=0.01, p_wide=0.01)]), pd.DataFrame())
    assert "B is ahead of A (0.60 against 0.50" in ahead


def test_without_an_interval_the_sentence_says_too_few():
    (said,) = findings(pd.DataFrame([_row(low=np.nan, high=np.nan)]), pd.DataFrame())
    assert "too few questions for an interval" in said and "–" not in said


def test_without_a_p_value_nobody_is_ahead():
    (said,) = findings(pd.DataFrame([_row(p_holm=np.nan)]), pd.DataFrame())
    assert "no difference between" in said and "ahead" not in said


def test_wide_intervals_stay_between_the_ends_of_the_scale():
    answers = simulated_answers({"one": 0.9, "two": 0.3}, per_method=3, annotators=2, overlap=2, seed=0)
    (row,) = compare(answers, permutations=99, resamples=99).to_dict("records")
    assert -1 <= row["low_wide"] <= row["high_wide"] <= 1 and -1 <= row["low"] <= row["high"] <= 1


def test_three_methods_give_three_comparisons():
    table = compare(simulated_answers({"a": 0.9, "b": 0.6, "c": 0.5}), permutations=199, resamples=199)
    pairs = table[["method_a", "method_b"]].to_numpy().tolist()
    assert pairs == [["a", "b"], ["a", "c"], ["b", "c"]] and (table["p_holm"] >= table["p"]).all()
    said = findings(table, pd.DataFrame())
    assert "a is ahead of c" in said[1] and said[1].startswith("On intruder questions")


# ---------------------------------------------------------------------------------------------------- a whole study


def bag_of_words(texts: list[str]) -> np.ndarray:
    words = sorted({word for text in texts for word in text.split()})
    return np.array([[text.split().count(word) for word in words] for text in texts], dtype=float)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Six types, three simulated annotators: the first two go by the words, the third guesses. Not unblinded."""
    corpus = corpus_of(300)
    made = Study.create(
        {"good": ids_of(corpus), "poor": ids_of(corpus, 1)}, corpus, path=tmp_path_factory.mktemp("s") / "study.sqlite",
        questions=TYPES, per_method=10, annotators=3, overlap=3, simulated=True, repeats=0.2, seed=1,
    )  # fmt: skip
    rng = np.random.default_rng(0)
    for number in (1, 2, 3):
        session = made.sign_in(f"simulated-{number}", simulated=True)
        while (view := session.next()) is not None:
            texts = [item.text for group in view.groups for item in group.items]
            alike = bag_of_words(texts) @ bag_of_words(texts).T
            key = view.choices[rng.integers(len(view.choices))].key
            if number < 3 and view.type == "intruder":
                key = str(1 + int(alike.sum(1).argmin()))
            if number < 3 and view.type == "pair":
                key = str(1 + int(alike[0, 1:].argmax()))
            if rng.random() < 0.05:
                session.skip("Other", seconds=2.0)
            else:
                session.answer(key, seconds=0.2 if rng.random() < 0.03 else float(rng.lognormal(2, 0.3)))
    with made:
        yield made


def test_results_by_method_refuse_before_the_unblinding(study):
    assert not study.unblinded
    with pytest.raises(StudyError, match="blinded"):
        method_results(counting(study.answers()))
    found = study_results(study, resamples=100)
    assert found.methods is None and found.comparisons is None and found.findings == ()
    assert list(found.agreement) == list(TYPES)
    assert "Cohen κ" in set(found.agreement["pair"]["statistic"])
    assert "Krippendorff α (ordinal)" in set(found.agreement["coherence"]["statistic"])
    text = str(found.to_dict())
    assert "good" not in text and "poor" not in text


def test_the_judge_sees_no_method_and_is_kept_apart(study):
    judge = embedding_judge(study, bag_of_words)
    assert judge["method"].isna().all() and judge["correct"].isna().all()
    assert set(judge["question_id"]) == {question.question_id for question in study.questions()}
    choices = {question.question_id: question.choices for question in study.questions()}
    assert all(row.answer in choices[row.question_id] for row in judge.itertuples())
    with_judge, without = study_results(study, judge, resamples=50), study_results(study, resamples=50)
    assert with_judge.counts == without.counts and with_judge.annotators.equals(without.annotators)
    assert with_judge.judge.set_index("type").loc["pair", "share"] > 0.6


def test_reliability_finds_who_guesses(study):
    table = annotator_reliability(study.answers()).set_index("annotator")
    assert (table["with_others"].idxmin(), len(table)) == ("simulated-3", 3)
    assert (table["repeats"] > 0).all() and (table["gold"] > 0).all()
    assert "gold" in table.loc["simulated-3", "remark"]
    assert table["fast"].sum() >= (study.answers()["seconds"] < 1).sum() > 0


def test_disagreements_queue_and_settling(study):
    queue = disagreements(study)
    assert len(queue) and queue["settled"].isna().all() and "method" not in queue
    assert queue["share"].is_monotonic_increasing
    one = queue.iloc[0]
    before = consensus(counting(study.answers()), study.adjudications()).set_index("question_id")
    choice = next(q for q in study.questions() if q.question_id == one["question_id"]).choices[0]
    study.adjudicate(one["question_id"], choice, "Coordinator", "read twice")
    after = consensus(counting(study.answers()), study.adjudications()).set_index("question_id")
    assert after.loc[one["question_id"], ["answer", "settled"]].tolist() == [choice, "adjudicated"]
    assert before.drop(one["question_id"]).equals(after.drop(one["question_id"]))
    assert disagreements(study).iloc[-1]["question_id"] == one["question_id"]


@pytest.fixture(scope="module")
def unblinded(study):
    """The same study afterwards. (Tests above this line need it blinded, and run before.)"""
    study.unblind("Coordinator", "all is answered")
    return study


def test_results_by_method(unblinded):
    judge = embedding_judge(unblinded, bag_of_words)
    found = study_results(unblinded, judge, resamples=100)
    answers = counting(unblinded.answers())
    own = answers[(answers["type"] == "intruder") & (answers["method"] == "good")]
    row = found.methods.set_index(["type", "method"]).loc["intruder", "good"]
    assert row["value"] == pytest.approx(own["correct"].astype(bool).mean()) and row["answers"] == len(own)
    assert row["chance"] == pytest.approx(0.2) and row["low"] < row["value"] < row["high"]
    assert row["low"] <= row["plain_low"] and row["plain_high"] <= row["high"]
    both = found.methods.set_index(["type", "method"]).loc["all", "good"]
    assert both["answers"] == len(answers[answers["type"].isin(["intruder", "pair"]) & (answers["method"] == "good")])
    mine = judge[(judge["type"] == "intruder") & (judge["method"] == "good")]
    assert row["judge"] == pytest.approx(mine["correct"].astype(bool).mean())
    assert list(found.methods["type"].unique()) == ["all", *(kind for kind in TYPES if kind != "ab")]
    assert len(found.findings) == len(found.comparisons) + len(found.preferences)
    share = found.preferences.iloc[0]
    ab = answers[answers["type"] == "ab"]
    assert share["share_a"] == pytest.approx((ab["preferred"] == "good").mean())


def test_gold_repeats_skips_and_late_answers_do_not_count(unblinded):
    answers = unblinded.answers()
    counted = counting(answers)
    assert not (counted["gold"] | counted["repeat"] | counted["skipped"] | counted["after_unblinding"]).any()
    assert len(counted) < len(answers)
    assert counting(answers.assign(after_unblinding=True)).empty
    assert with_values(counted)["value"].notna().all()


# --------------------------------------------------------------------------------------- the demonstration, the report


@pytest.fixture(scope="module")
def demonstration():
    with open_demonstration() as study:
        yield study


def test_the_demonstration_is_labelled_and_small(demonstration):
    assert demonstration.simulated and "simulated" in demonstration.name.lower()
    assert demonstration.annotators()["annotator"].str.startswith("simulated-").all()
    assert demonstration.answers()["simulated"].all()
    assert demonstration.types and set(demonstration.types) == set(TYPES)
    assert demonstration_file().stat().st_size < 1e6 and demonstration.path != demonstration_file()
    assert unblinding_of(demonstration)["by"].startswith("simulated-")
    with pytest.raises(StudyError, match="simulated"):
        demonstration.sign_in("Ada")


def test_its_results_show_something(demonstration):
    found = study_results(demonstration, resamples=100)
    assert set(found.agreement) == set(TYPES) and len(found.methods) == 12 and len(found.preferences) == 1
    assert found.agreement["intruder"]["value"][0] > 0.3
    assert (found.annotators["gold_share"] > 0.7).all()
    json.dumps(found.to_dict(), allow_nan=False)


class Page(HTMLParser):
    """Words outside of scripts and styles, and the names of all tags."""

    def __init__(self, text: str):
        super().__init__()
        self.tags, self.attributes, self.words, self._inside = [], set(), [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag in ("script", "style"):
            self._inside.append(tag)

    def handle_endtag(self, tag):
        if self._inside and self._inside[-1] == tag:
            self._inside.pop()

    def handle_data(self, data):
        if not self._inside:
            self.words.append(data)


def test_the_report_stands_alone(demonstration, tmp_path):
    path = write_report(demonstration, tmp_path / "report.html")
    text = path.read_text(encoding="utf-8")
    page = Page(text)
    words = " ".join(" ".join(page.words).split())
    assert "no person did" in words and "Unblinded by simulated-coordinator" in words
    for part in ("Findings", "Agreement between annotators", "Annotators", "Disagreements", "How this was made"):
        assert part in page.words
    assert "src=" not in text.split("<script")[0] and '<script src="http' not in text and "<link" not in text
    assert page.tags.count("table") >= 9 and list(tmp_path.iterdir()) == [path]
    with pytest.raises(StudyError, match="cannot be written"):
        write_report(demonstration, tmp_path / "none" / "report.html")


def hostile_study(path) -> Study:
    """Texts, names and comments full of markup."""
    records = [{"doc_id": f"d{n}", "title": f"{HOSTILE[n % 3]} {n}", "text": f"{HOSTILE[(n + 1) % 3]} {n % 7} {n}"}
               for n in range(80)]  # fmt: skip
    corpus = Corpus.from_records(records, name="hostile")
    name = "<script>window.pwned=1</script>"
    study = Study.create(
        {f"{name}a": ids_of(corpus), f"{name}b": ids_of(corpus, 1)}, corpus, path=path, questions=TYPES, per_method=3,
        annotators=2, simulated=True, name=name, gold=0,
    )  # fmt: skip
    answer_study(study, lambda ids: np.eye(len(ids)), (0.5, 0.5), lapses=0.5)
    return study


def test_document_text_is_escaped_in_the_report_and_the_figures(tmp_path):
    with hostile_study(tmp_path / "hostile.sqlite") as study:
        assert len(disagreements(study))
        study.end("<b>Boss</b>")
        blinded = report_html(study)
        assert "The study is blinded" in blinded and "as if independent" not in blinded
        study.unblind("<b>Boss</b>", "<i>why</i>")
        text, found = report_html(study), study_results(study, resamples=50)
    page = Page(text)
    assert "pwned" in " ".join(page.words) and not page.attributes & {"onerror", "onload"} and "img" not in page.tags
    assert "<b>Boss" not in text and "<i>" not in text
    for figure in (plots.method_scores(found.methods), plots.preference_shares(found.preferences),
                   plots.annotator_shares(found.annotators.assign(annotator="<b>x</b>"))):  # fmt: skip
        assert "<script" not in str(figure.to_dict()["data"]) and "<b>x" not in str(figure.to_dict())


def test_no_interval_leaves_its_axis():
    methods = [("intruder", "share", 0.0, 0.0, 0.3), ("intruder", "share", 1.0, 0.8, 1.0),
               ("rate", "mean rating", 5, 4, 5), ("rate", "mean rating", 1, 1, 2)]  # fmt: skip
    rows = pd.DataFrame(methods, columns=["type", "measure", "value", "low", "high"]).assign(
        method=["a", "b"] * 2, answers=9, questions=9, annotators=2, judge=None, chance=None
    )
    shares = pd.DataFrame({"method_a": ["a"], "method_b": ["b"], "share_a": [0.9], "low": [0.0], "high": [1.0],
                           "judge": [None], "answers": 9, "questions": 9})  # fmt: skip
    names = ("percent", "Fleiss κ", "Krippendorff α (nominal)", "Gwet AC1")
    agreement = pd.DataFrame({"statistic": names, "value": [0.5, -0.4, 0.1, 0.9], "low": [0, -1.6, -0.2, 0.7],
                              "high": [1, 0.4, 0.3, 1], "units": 9, "ratings": 18})  # fmt: skip
    for figure in (plots.method_scores(rows), plots.method_scores(rows, True), plots.preference_shares(shares),
                   plots.rater_agreement({"intruder": agreement})):  # fmt: skip
        low, high = figure.layout.xaxis.range
        for trace in figure.data:
            if trace.error_x.array is not None:
                ends = np.array([np.subtract(trace.x, trace.error_x.arrayminus), np.add(trace.x, trace.error_x.array)])
                assert np.nanmin(ends) >= low and np.nanmax(ends) <= high, trace.name


def test_figures_without_anything_to_show_say_so():
    nothing = pd.DataFrame(columns=["value", "measure", "type", "method", "judge", "chance"])
    for figure in (plots.method_scores(nothing), plots.preference_shares(nothing), plots.rater_agreement({})):
        assert figure.layout.annotations[0].text


# --------------------------------------------------------------------------------------------------- the command line


def run(*words):
    return CliRunner().invoke(app, ["label", *map(str, words)])


def test_commands(tmp_path):
    path = tmp_path / "study.sqlite"
    corpus = corpus_of(120)
    Study.create({"good": ids_of(corpus), "poor": ids_of(corpus, 1)}, corpus, path=path, per_method=4, annotators=2,
                 simulated=True).close()  # fmt: skip
    refused = run("results", path)
    assert refused.exit_code == 2 and "ended" in refused.output
    assert "not ended" in run("unblind", path).output
    with Study.open(path) as study:
        answer_study(study, lambda ids: np.eye(len(ids)), (0.3, 0.3))
    shown = run("results", path)
    assert shown.exit_code == 0 and "Methods are hidden" in shown.output and "good" not in shown.output
    assert "no person did" in shown.output
    assert "Unblinded by Boss" in run("unblind", path, "--by", "Boss").output
    assert "Nothing to do: Unblinded by Boss" in run("unblind", path, "--by", "Ben").output
    shown = run("results", path)
    assert "By method" in shown.output and "good" in shown.output
    assert run("report", path, "-o", tmp_path / "page.html").exit_code == 0 and (tmp_path / "page.html").exists()
    assert "ends in .html" in run("report", path, "-o", tmp_path / "page.pdf").output


# ------------------------------------------------------------------------------------------------ times and repeats


def few(**columns) -> pd.DataFrame:
    size = len(next(iter(columns.values())))
    plain = {"annotator": ["A"] * size, "type": ["pair"] * size, "skipped": [False] * size, "repeat": [False] * size}
    return pd.DataFrame(plain | columns)


def test_time_outliers():
    found = time_outliers(few(seconds=[8.0, 9, 10, 11, 12, 9.5, 300, 0.4, np.nan]))
    assert found.tolist() == ["", "", "", "", "", "", "slow", "fast", ""]
    assert time_outliers(few(seconds=[5.0, 5, 5, 5])).tolist() == [""] * 4


def test_self_consistency_lets_ratings_be_a_step_apart():
    frame = few(
        type=["pair", "pair", "coherence", "coherence", "coherence", "coherence"],
        question_id=["p", "p", "c", "c", "d", "d"],
        repeat=[False, True] * 3,
        answer=["1", "2", "3", "4", "1", "5"],
    )
    assert self_consistency(frame)["same"].tolist() == [False, True, False]
