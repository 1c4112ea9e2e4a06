"""A study's answers, questions or events in a file of its own: CSV, TSV, JSON lines, Parquet, Label Studio."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from lmindexer.common.errors import StudyError
from lmindexer.common.files import written_aside
from lmindexer.common.jsonfiles import json_safe
from lmindexer.human_eval.answering.label_studio import labeling_config, tasks_of

if TYPE_CHECKING:
    from lmindexer.human_eval.answering.study import Study

WHAT = ("answers", "questions", "events", "tasks")
_WRITERS = {
    ".csv": lambda frame, path: frame.to_csv(path, index=False),
    ".tsv": lambda frame, path: frame.to_csv(path, index=False, sep="\t"),
    ".jsonl": lambda frame, path: frame.to_json(path, orient="records", lines=True, force_ascii=False),
    ".parquet": lambda frame, path: frame.to_parquet(path, index=False),
}


def export(study: "Study", path: str | Path, what: str = "answers", *, early: str | None = None) -> list[Path]:
    """Write a part of a study; the ending says the format.

    Args:
        study: what to write. Methods and keys are in the file only if the study is unblinded.
        path: .csv, .tsv, .jsonl or .parquet for tables; .json for Label Studio, with its labeling configuration
            beside it (.xml).
        what: "answers" (see `Study.answers`), "questions" (one row each, documents included), "events" (everything
            that happened) or, for .json, also "tasks" (without answers, to be labelled elsewhere).
        early: a reason to export answers or events before the end; kept in the study.

    Returns:
        the files written.

    Raises:
        StudyError: an unknown ending or part, an early look without a reason, a disk that refuses.
    """
    path = Path(path)
    if what not in WHAT:
        raise StudyError(f"{what!r} cannot be exported; choose one of {', '.join(WHAT)}.")
    ending = path.suffix.lower()
    if ending == ".json" and what in ("answers", "tasks"):
        answers = study.answers(early=early) if what == "answers" else None
        tasks = json.dumps(json_safe(tasks_of(study, answers)), ensure_ascii=False, indent=1)
        config = path.with_suffix(".xml")
        for file, text in ((path, tasks + "\n"), (config, labeling_config())):
            with written_aside(file, StudyError) as aside:
                aside.write_text(text, encoding="utf-8")
        return [path, config]
    if ending not in _WRITERS or what == "tasks":
        known = "give .json for Label Studio" if what == "tasks" else f"give one of {', '.join(_WRITERS)}, .json"
        raise StudyError(f"{path}: {what} cannot be written in this format; {known}.")
    frame = {"answers": lambda: study.answers(early=early), "questions": lambda: questions_frame(study)}.get(
        what, lambda: study.events(early=early)
    )()
    frame = frame.assign(body=frame["body"].map(_as_json)) if "body" in frame else frame
    with written_aside(path, StudyError) as aside:
        _WRITERS[ending](frame, aside)
    return [path]


def questions_frame(study: "Study") -> pd.DataFrame:
    """One row a question: question_id, number, type, gold, choices, groups (JSON: doc_id, title, text), hidden if seen.

    Once the study is unblinded: key, methods, prefixes, sizes, stratum, distractor.
    """
    rows = []
    for question in study.questions():
        groups = [[study.documents[doc_id].__dict__ for doc_id in group] for group in question.groups]
        row = {"question_id": question.question_id, "number": question.number, "type": question.type}
        row |= {"gold": question.gold, "choices": _as_json(question.choices), "groups": _as_json(groups)}
        if question.hidden is not None:
            kept = question.hidden
            row |= {"key": kept.key, "methods": _as_json(kept.methods), "prefixes": _as_json(kept.prefixes)}
            row |= {"sizes": _as_json(kept.sizes), "stratum": kept.stratum, "distractor": kept.distractor}
        rows.append(row)
    return pd.DataFrame(rows)


def _as_json(value) -> str:
    return json.dumps(json_safe(value), ensure_ascii=False)
