"""Results of a study: who is how far, agreement and annotators when it has ended, methods once it is unblinded."""

import streamlit as st

from explorer_app import links, studies
from explorer_app.escaped import md
from explorer_app.link_table import Column, show
from explorer_app.show import chart, export
from lmindexer import plots
from lmindexer.human_eval.results.agreement import describe
from lmindexer.human_eval.results.findings import NAMES, interval_in_words
from lmindexer.human_eval.results.judge import embedding_judge
from lmindexer.human_eval.results.reliability import time_outliers
from lmindexer.human_eval.results.report import SIMULATED, report_html
from lmindexer.human_eval.results.results import last_event, study_results, unblinded_words, unblinding_of

PARTS = {"methods": "By method", "agreement": "Agreement", "annotators": "Annotators"}
EFFECTIVE = "As many independent answers would tell as much; answers to one question resemble each other."
SETTLED = "The value when each question has one answer: adjudicated, or the majority's."
WIDE = "What other annotators, answering other questions, can be expected to say."


def render() -> None:
    """Lay out the page."""
    key, study = studies.chosen(demonstration=True)
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
        rows = people.assign(last=people["last"].fillna("").str.slice(0, 16).str.replace("T", " "))
        columns = [Column("annotator", "annotator"), Column("answered", "answered", "number")]
        columns += [Column("skipped", "skipped", "number"), Column("total", "of", "number")]
        show(rows, [*columns, Column("last", "last answer, UTC", narrow=True)], "progress", "Progress by annotator")
    else:
        st.info("Nobody has signed in yet.", icon=":material/group:")
    acts = st.container(horizontal=True)
    studies.end_form(study, acts)
    with acts.popover("Look early", icon=":material/visibility:"), st.form("look_early", border=False):
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


def _interval(rows, low: str = "low", high: str = "high") -> list[str]:
    return [interval_in_words(a, b) for a, b in rows[[low, high]].to_numpy(float).tolist()]


def _method_tables(found) -> None:
    st.header("By method", anchor=False)
    rows = found.methods.assign(type=found.methods["type"].map(NAMES), interval=_interval(found.methods))
    columns = [
        Column("type", "questions"), Column("method", "method"), Column("value", "value", "number", 2),
        Column("interval", "95 % interval", "code"), Column("answers", "answers", "number", narrow=True),
        Column("questions", "of questions", "number", narrow=True),
        Column("effective", "worth", "number", help=EFFECTIVE, narrow=True),
        Column("chance", "guessing", "number", 2, narrow=True),
        Column("settled", "settled", "number", 2, SETTLED, narrow=True),
    ]  # fmt: skip
    if found.judge is not None:
        columns.append(Column("judge", "judge", "number", 2, "the automatic judge's answers"))
    show(rows, columns, "methods_table", "Methods by type of question")
    st.header("Differences", anchor=False)
    rows = found.comparisons
    rows = rows.assign(
        type=rows["type"].map(NAMES), pair=rows["method_a"] + " − " + rows["method_b"], interval=_interval(rows),
        wide=_interval(rows, "low_wide", "high_wide"),
        favour=rows["in_favour_of_a"].astype(str) + " of " + rows["annotators"].astype(str),
    )  # fmt: skip
    columns = [
        Column("type", "questions"), Column("pair", "first − second"), Column("difference", "difference", "number", 2),
        Column("interval", "95 % interval", "code"),
        Column("p", "p", "number", 3, "Labels of the methods exchanged among matched questions.", narrow=True),
        Column("p_holm", "p corrected", "number", 3, "Holm's correction for the number of comparisons.", narrow=True),
        Column("wide", "with other annotators", "code", help=WIDE, narrow=True),
        Column("p_wide", "p with others", "number", 3, WIDE, narrow=True),
        Column("favour", "for first", "code", help="Annotators whose own difference is above 0.", narrow=True),
    ]  # fmt: skip
    show(rows, columns, "differences_table", "Differences between methods")
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
    words = [describe(row.value, row.units) if row.statistic != "percent" else None for row in rows.itertuples()]
    rows = rows.assign(called=words)
    shown = rows.assign(interval=_interval(rows))
    columns = [
        Column("statistic", "statistic"), Column("annotators", "annotators"), Column("value", "value", "number", 2),
        Column("interval", "95 % interval", "code"), Column("called", "often called", narrow=True),
        Column("units", "questions", "number", help="with answers of two annotators or more", narrow=True),
        Column("ratings", "answers", "number", narrow=True),
        Column("observed", "observed", "number", 2, narrow=True),
        Column("chance", "chance", "number", 2, narrow=True),
    ]  # fmt: skip
    show(shown, columns, f"agreement_table_{kind}", f"Agreement on {NAMES[kind]}")
    export("agreement", None, {NAMES[name]: rows for name, rows in found.agreement.items()})
    if found.judge is not None:
        _judged(found.judge)


def _judged(judge) -> None:
    st.header("The automatic judge and people", anchor=False)
    rows = judge.assign(type=judge["type"].map(NAMES), interval=_interval(judge))
    columns = [
        Column("type", "questions"), Column("questions", "number", "number"),
        Column("share", "same answer", "bar", help="as people came to; it leans towards IDs made from MiniLM"),
        Column("interval", "95 % interval", "code", narrow=True),
        Column("kappa", "Cohen κ", "number", 2, narrow=True),
    ]  # fmt: skip
    show(rows, columns, "judge_table", "The automatic judge and people")


def _annotators(key: str, study, found, answers) -> None:
    rows = found.annotators
    for row in rows[rows["remark"] != ""].itertuples():
        st.warning(f"**{md(row.annotator, 60)}** {md(row.remark, 300)}", icon=":material/priority_high:")
    chart(plots.annotator_shares(rows), f"annotators_{key}")
    columns = [
        Column("annotator", "annotator"), Column("answered", "answered", "number"),
        Column("skipped", "skipped", "number", narrow=True),
        Column("gold", "gold", "number", help="gold questions answered", narrow=True),
        Column("gold_share", "gold right", "bar"), Column("repeats", "repeats", "number", narrow=True),
        Column("consistency", "repeats alike", "bar", narrow=True),
        Column("with_others", "same as others", "bar", narrow=True),
        Column("seconds", "seconds", "number", 1, "the median", narrow=True),
        Column("fast", "fast", "number", narrow=True), Column("slow", "slow", "number", narrow=True),
        Column("favourite", "one button", "number", 2, "How much oftener than expected one button is pressed.", True),
    ]  # fmt: skip
    show(rows, columns, "annotators_table", "Annotators")
    chart(plots.answer_times(answers, time_outliers(answers)), f"times_{key}")
    export("annotators", None, {"annotators": rows})
