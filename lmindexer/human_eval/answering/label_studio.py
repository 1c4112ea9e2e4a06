"""Label Studio's formats: tasks with annotations as its importer takes them, and a labeling configuration.

A task is one question in its own order, with the answers of all annotators as annotations. Nothing hidden is in it,
so the tasks can also be labelled there. Formats: labelstud.io/guide/tasks and labelstud.io/guide/task_format.
"""

from typing import TYPE_CHECKING

import pandas as pd

from lmindexer.common.errors import StudyError
from lmindexer.human_eval.planning.guide import PROMPTS, RATINGS
from lmindexer.human_eval.planning.questions import Question

if TYPE_CHECKING:
    from lmindexer.human_eval.answering.study import Study

_CONFIG = """\
<View>
  <Header value="$prompt"/>
  <Text name="question" value="$question"/>
  <Choices name="answer" toName="question" choice="single" required="true" value="$choices"/>
  <TextArea name="annotator" toName="question" rows="1" maxSubmissions="1" placeholder="Your name"/>
  <TextArea name="comment" toName="question" rows="2" maxSubmissions="1" placeholder="Comment"/>
</View>
"""
_MEANING = {
    "ab": "Answer with the letter of the group.",
    "coherence": "Answer with a number. " + ". ".join(RATINGS.values()) + ".",
    "level": "Answer yes or no.",
    "collision": "Answer yes or no.",
}


def labeling_config() -> str:
    """The labeling configuration (XML) for a project that takes the tasks of `tasks_of`."""
    return _CONFIG


def tasks_of(study: "Study", answers: pd.DataFrame | None) -> list[dict]:
    """Tasks for Label Studio's importer, one a question.

    Args:
        study: whose questions.
        answers: `study.answers()`, or None for tasks without annotations. Second showings are left out, for an
            annotator has one annotation of a task there. Who answered stands in the field "annotator", because
            an import may name only users that the Label Studio project has.
    """
    given: dict[str, list] = {}
    if answers is not None:
        for row in answers[~answers["repeat"]].itertuples():
            given.setdefault(row.question_id, []).append(row)
    tasks = []
    for question in study.questions():
        data = {
            "question_id": question.question_id,
            "type": question.type,
            "prompt": PROMPTS[question.type],
            "question": _in_words(study, question),
            "choices": [{"value": choice} for choice in question.choices],
        }
        task = {"data": data}
        if answers is not None:
            task["annotations"] = [_annotation(row) for row in given.get(question.question_id, [])]
        tasks.append(task)
    return tasks


def _in_words(study: "Study", question: Question) -> str:
    """The documents as plain text; each line begins with what an answer calls it."""
    lines = []
    for place, group in enumerate(question.groups):
        heading = {"ab": f"Group {'ab'[place % 2]}", "level": f"Part {place + 1}"}.get(question.type, "")
        if question.type == "pair":
            heading = "The first document" if place == 0 else "Which of these belongs with it?"
        lines += [heading] if heading else []
        numbered = question.type == "intruder" or (question.type == "pair" and place == 1)
        for number, doc_id in enumerate(group, start=1):
            document = study.documents[doc_id]
            text = ": ".join(filter(None, (document.title, document.text)))
            lines.append(f"{number}. {text}" if numbered else f"- {text}")
        lines.append("")
    return "\n".join([*lines, _MEANING.get(question.type, "Answer with the number of the document.")])


def _annotation(row) -> dict:
    """One answer in the form that the importer reads; ground_truth is said, for left out it would be true."""
    base = f"{row.question_id}-{row.annotator}"
    result = [_area(base, "annotator", row.annotator)]
    if not row.skipped:
        choice = {"id": f"{base}-answer", "from_name": "answer", "to_name": "question", "type": "choices"}
        result.insert(0, choice | {"value": {"choices": [row.answer]}})
    comment = "; ".join(filter(None, (row.reason, row.comment)))
    result += [_area(base, "comment", comment)] if comment else []
    found = {"result": result, "was_cancelled": bool(row.skipped), "ground_truth": False, "created_at": row.at}
    return found | ({"lead_time": row.seconds} if pd.notna(row.seconds) else {})


def _area(base: str, name: str, text: str) -> dict:
    found = {"id": f"{base}-{name}", "from_name": name, "to_name": "question", "type": "textarea"}
    return found | {"value": {"text": [text]}}


def rows_of_tasks(tasks: list, place: str) -> list[dict]:
    """What Label Studio exports (JSON) → rows as `answer_rows` takes them: annotator, question_id, answer, ….

    The annotator is the field of that name, else the e-mail address or number of the user who made the annotation.
    Exports of Label Studio before 1.0 say "completions" for annotations.

    Raises:
        StudyError: naming the task that is none of ours, or whose annotation holds no answer or several.
    """
    rows = []
    for number, task in enumerate(tasks, start=1):
        where = f"{place}, task {number}"
        data = task.get("data") if isinstance(task, dict) else None
        if not isinstance(data, dict) or "question_id" not in data:
            flat = isinstance(task, dict) and "annotation_id" in task
            remedy = "; export it as JSON, not as JSON-MIN" if flat else ", so it is no task of a study"
            raise StudyError(f"{where}: it has no data.question_id{remedy}.")
        try:
            given = task.get("annotations") or task.get("completions") or []
            rows += [_row(one, where) | {"question_id": data["question_id"], "place": where} for one in given]
        except (AttributeError, TypeError, KeyError, IndexError) as error:
            raise StudyError(f"{where}: its annotations are none of Label Studio's.") from error
    if not rows:
        raise StudyError(
            f"{place}: none of its {len(tasks):,} tasks has an annotation, so there is no answer in it; label them in "
            "Label Studio, then export as JSON."
        )
    return rows


def _row(annotation: dict, where: str) -> dict:
    """An annotation as a row; fails in any way on what is none."""
    found = {item["from_name"]: item["value"] for item in annotation["result"]}
    annotator, cancelled = _annotator(annotation, found), bool(annotation.get("was_cancelled"))
    choices = [
        choice for item in annotation["result"] if item["from_name"] == "answer" for choice in item["value"]["choices"]
    ]
    if not cancelled and len(choices) != 1:
        what = f"{len(choices)} answers ({', '.join(map(str, choices))})" if choices else "no answer (an empty result)"
        remedy = "leave one of them" if choices else "answer or skip the task there, or delete the annotation"
        by = annotator or "nobody"
        raise StudyError(f"{where}: the annotation by {by} holds {what}; {remedy}, and export again.")
    return {
        "annotator": annotator,
        "answer": None if cancelled else choices[0],
        "skipped": cancelled,
        "reason": "Skipped in Label Studio" if cancelled else None,
        "seconds": annotation.get("lead_time"),
        "comment": _words(found.get("comment")),
    }


def _words(value: dict | None) -> str:
    """What stands in a text area: one string or a list of them."""
    text = value["text"] if value else ""
    return text.strip() if isinstance(text, str) else " ".join(text).strip()


def _annotator(annotation: dict, found: dict) -> str | None:
    named, by = _words(found.get("annotator")), annotation.get("completed_by")
    if named or by is None:
        return named or None
    return str(by.get("email") or by.get("id")) if isinstance(by, dict) else f"user {by}"
