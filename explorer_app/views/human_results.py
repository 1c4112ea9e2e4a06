"""Results of a study: who is how far, agreement and annotators when it has ended, methods once it is unblinded."""

import streamlit as st

from explorer_app import links, studies
from explorer_app.show import chart, count, decimal, export, md, share, table
from lmindexer import plots
from lmindexer.human_eval.results.agreement import describe
from lmindexer.human_eval.results.findings import NAMES
from lmindexer.human_eval.results.judge import embedding_judge
from lmindexer.human_eval.results.reliability import time_outliers
from lmindexer.human_eval.results.report import SIMULATED, report_html
from lmindexer.human_eval.results.results import last_event, study_results, unblinded_words, unblinding_of

PARTS = {"methods": "By method", "agreement": "Agreement", "annotators": "Annotators"}
STYLE = """<style>@media (max-width: 640px) {
[data-testid="stMainBlockContainer"] { padding: 3rem .9rem 3rem; } }</style>"""
EFFECTIVE = "As many independent answers would tell as much; answers to one question resemble each other."
WIDE = "What other annotators, answering other questions, can be expected to say."


def render() -> None:
    """Lay out the page."""
    key, study = studies.chosen(demonstration=True)
    st.html(STYLE)
    st.title("Results", anchor=False)
    st.markdown(f"**{md(study.name, 120)}**")
    if study.simulated:
        st.warning(SIMULATED, icon=":material/smart_toy:")
    try:
        if not study.ended and key not in st.session_state.get("results_early", {}):
            _not_ended(key, study)
            return
        _ended(key, study)
    except studies.TROUBLE as error:
        st.error(md(error, 600), icon=":material/error:")


# ------------------------------------------------------------------------------------------------- before the end


def _not_ended(key: str, study) -> None:
    progress = study.progress()
    done = progress["done"] / max(progress["total"], 1)
    st.progress(done, text=f"{progress['done']:,} of {progress['total']:,} answers are in. Results are shown when the "
                "study has ended.")  # fmt: skip
    people = study.annotators()
    if len(people):
        shown = people[["annotator", "answered", "skipped", "total", "last"]]
        table(shown, "progress", answered=count("answered"), skipped=count("skipped"), total=count("of"))
    else:
        st.info("Nobody has signed in yet.", icon=":material/group:")
    left, right = st.columns(2)
    studies.end_form(study, left)
    with right.popover("Look early", icon=":material/visibility:"), st.form("look_early", border=False):
        st.markdown("Looking before the end can sway when a study is stopped; that it was done stays on record.")
        studies.act("Look", lambda who, why: _look(key, study, f"{who}: {why}"), needs_reason=True)


def _look(key: str, study, reason: str) -> None:
    """Take what is there now, once: every look is kept in the study."""
    answers = study.answers(early=reason)
    found = study_results(study, early=reason)
    st.session_state.setdefault("results_early", {})[key] = (found, answers)


# ------------------------------------------------------------------------------------------------- after the end


@st.cache_resource(max_entries=8, show_spinner="Counting …")
def _results(path: str, stamp: int, with_judge: bool, _study):
    judge = _judge(path, stamp, _study) if with_judge else None
    return study_results(_study, judge), _study.answers()


@st.cache_resource(max_entries=8, show_spinner="The automatic judge reads the questions …")
def _judge(path: str, stamp: int, _study):
    return embedding_judge(_study)


def _ended(key: str, study) -> None:
    early = None if study.ended else st.session_state["results_early"][key]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        part = links.choose("Show", list(PARTS), "show", "methods", text=PARTS.get, kind="segmented_control")
        with_judge = False if early else links.toggle(
            "Automatic judge", "judge", help="A program's answers by embedding similarity, beside people's and never "
            "mixed in.")  # fmt: skip
    found, answers = early or _results(str(study.path), last_event(study), with_judge, study)
    if early:
        st.warning("This is an early look; the study goes on. The look is on record.", icon=":material/visibility:")
        st.button("Close the early look", on_click=lambda: st.session_state["results_early"].pop(key))
    _counts(found)
    {"methods": _methods, "agreement": _agreement, "annotators": _annotators}[part](key, study, found, answers)
    if not early:
        _report(key, study, with_judge)


def _counts(found) -> None:
    counts = found.counts
    who = "simulated annotators" if found.simulated else "annotators"
    left_out = [f"{counts[name]:,} {words}" for name, words in (
        ("gold", "gold answers"), ("repeats", "hidden repeats"), ("skipped", "skipped"),
        ("after_unblinding", "answers after the un-blinding"),
    ) if counts[name]]  # fmt: skip
    st.caption(
        f"{counts['answers']:,} answers to {counts['questions']:,} questions by {counts['annotators']} {who}"
        + (f"; beside them, and in no result by method: {', '.join(left_out)}." if left_out else ".")
    )


def _report(key: str, study, with_judge: bool) -> None:
    def page() -> bytes:
        stamp = last_event(study)
        judge = _judge(str(study.path), stamp, study) if with_judge else None
        return report_html(study, judge, _results(str(study.path), stamp, with_judge, study)[0]).encode()

    st.download_button("Report (HTML)", page, f"{key}-report.html", "text/html", icon=":material/description:",
                       on_click="ignore")  # fmt: skip


# ------------------------------------------------------------------------------------------------- the three parts


def _methods(key: str, study, found, answers) -> None:
    if not found.unblinded:
        st.info("The study is blinded: which method a question is about is hidden.", icon=":material/visibility_off:")
        with st.popover("Unblind the study", icon=":material/lock_open:"), st.form("unblind", border=False):
            st.markdown(
                "From now on methods and right answers are shown. Settle disagreements before. It cannot be taken "
                "back, and who did it, when and why stays on record."
            )
            studies.act("Unblind", lambda who, why: study.unblind(who, why, early=not study.ended))
        return
    st.caption(md(unblinded_words(unblinding_of(study)), 400))
    st.markdown("\n".join(f"- {md(sentence, 600)}" for sentence in found.findings))
    measures = found.methods["measure"]
    if (measures != "mean rating").any():
        chart(plots.method_scores(found.methods, simulated=found.simulated), f"scores_{key}")
    if (measures == "mean rating").any():
        chart(plots.method_scores(found.methods, True, found.simulated), f"ratings_{key}")
    if len(found.preferences):
        chart(plots.preference_shares(found.preferences, found.simulated), f"preferences_{key}")
    _method_tables(found)


def _method_tables(found) -> None:
    rows = found.methods.assign(type=found.methods["type"].map(NAMES))
    st.header("By method", anchor=False)
    table(
        rows.drop(columns="measure"), "methods_table", type="questions", value=decimal("value"),
        low=decimal("95 % from"), high=decimal("to"), answers=count("answers"), questions=count("number"),
        effective=decimal("worth", EFFECTIVE, "%.0f"), plain_low=None, plain_high=None, annotators=None,
        chance=decimal("guessing"), judge=decimal("judge"),
        settled=decimal("settled", "The value when each question has one answer: adjudicated, or the majority's."),
    )  # fmt: skip
    st.header("Differences", anchor=False)
    rows = found.comparisons.assign(type=found.comparisons["type"].map(NAMES))
    table(
        rows[["type", "method_a", "method_b", "difference", "low", "high", "p", "p_holm", "low_wide", "high_wide",
              "p_wide", "in_favour_of_a", "annotators"]], "differences_table",
        type="questions", method_a="first", method_b="second", difference=decimal("difference"),
        low=decimal("95 % from"), high=decimal("to"),
        p=decimal("p", "Labels of the methods exchanged among matched questions.", "%.3f"),
        p_holm=decimal("p corrected", "Holm's correction for the number of comparisons.", "%.3f"),
        low_wide=decimal("others from", WIDE), high_wide=decimal("to", WIDE), p_wide=decimal("p others", WIDE, "%.3f"),
        in_favour_of_a=count("for first", "Annotators whose own difference is above 0."), annotators=count("of"),
    )  # fmt: skip
    export("study", None, {"by method": found.methods, "differences": found.comparisons,
                           "preferences": found.preferences})  # fmt: skip


def _agreement(key: str, study, found, answers) -> None:
    st.caption(
        "Agreement needs no un-blinding. The intervals speak about other questions for these annotators. α, κ and AC "
        "take off what chance alone would give; where one answer is far more frequent, AC is the steadier one."
    )
    if not found.agreement:
        st.info("No question was answered by two annotators.", icon=":material/group_off:")
        return
    chart(plots.rater_agreement(found.agreement), f"agreement_{key}")
    kinds = list(found.agreement)
    kind = links.choose("Questions", kinds, "type", kinds[0], text=lambda name: NAMES[name])
    rows = found.agreement[kind]
    words = [describe(row.value, row.units) if row.statistic != "percent" else "" for row in rows.itertuples()]
    rows = rows.assign(called=words)
    table(
        rows, f"agreement_table_{kind}", statistic=st.column_config.TextColumn("statistic", width="medium"),
        value=decimal("value"), low=decimal("95 % from"), high=decimal("to"),
        units=count("questions", "with answers of two annotators or more"), ratings=count("answers"),
        observed=decimal("observed"), chance=decimal("chance"), called="often called",
    )  # fmt: skip
    export("agreement", None, {NAMES[name]: rows for name, rows in found.agreement.items()})
    if found.judge is not None:
        st.header("The automatic judge and people", anchor=False)
        rows = found.judge.assign(type=found.judge["type"].map(NAMES))
        table(rows, "judge_table", type="questions", questions=count("number"), low=decimal("95 % from"),
              high=decimal("to"), kappa=decimal("Cohen κ"),
              share=share("same answer", "as people came to; it leans towards IDs made from MiniLM"))  # fmt: skip


def _annotators(key: str, study, found, answers) -> None:
    rows = found.annotators
    for row in rows[rows["remark"] != ""].itertuples():
        st.warning(f"**{md(row.annotator, 60)}** {md(row.remark, 300)}", icon=":material/priority_high:")
    chart(plots.annotator_shares(rows), f"annotators_{key}")
    table(
        rows.drop(columns=["gold_low", "gold_high", "remark"]), "annotators_table", answered=count("answered"),
        skipped=count("skipped"), gold=count("gold", "gold questions answered"), gold_share=share("gold right"),
        repeats=count("repeats"), consistency=share("repeats alike"), with_others=share("same as others"),
        seconds=decimal("seconds", "median", "%.1f"), fast=count("fast"), slow=count("slow"),
        favourite=decimal("one button", "How much oftener than expected one button is pressed."),
    )  # fmt: skip
    chart(plots.answer_times(answers, time_outliers(answers)), f"times_{key}")
    export("annotators", None, {"annotators": rows})
