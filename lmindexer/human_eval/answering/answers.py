"""A study's events as tables: the answers that stand, the annotators, the decisions, everything."""

import json
from collections import Counter

import pandas as pd

from lmindexer.human_eval.answering.study_file import Given, StudyFile
from lmindexer.human_eval.planning.questions import Question
from lmindexer.human_eval.planning.view import Arrangement, key_of

BLINDED = (
    "annotator", "simulated", "question_id", "type", "answer", "correct", "gold", "repeat", "skipped", "reason",
    "place", "shown", "position", "seconds", "comment", "at", "source", "after_unblinding",
)  # fmt: skip
HIDDEN = (
    "key", "method", "method_a", "method_b", "preferred", "prefix", "length", "stratum", "size", "distractor",
)  # fmt: skip
_DTYPES = {
    "seconds": float, "position": float, "length": float, "size": float, "place": int,
    **dict.fromkeys(("simulated", "gold", "repeat", "skipped", "after_unblinding"), bool),
}  # fmt: skip
_STANDING = """
SELECT annotator, showing, max(revision) AS last, event, at, kind, body FROM events
WHERE revision IS NOT NULL GROUP BY annotator, showing HAVING kind IN ('answer', 'skip')
"""  # of the columns beside max(), SQLite gives those of the row that has the maximum


def standing(study: StudyFile) -> list[dict]:
    """Each annotator's last answer or skip of each showing that was not taken back: event row with its body."""
    with study.store.reading() as connection:
        rows = [(*row[:-1], json.loads(row[-1])) for row in connection.execute(_STANDING)]
    names = ("annotator", "showing", "revision", "event", "at", "kind", "body")
    return [dict(zip(names, row, strict=True)) for row in rows]


def answers(study: StudyFile) -> pd.DataFrame:
    """The columns of `BLINDED`, and once the study is unblinded those of `HIDDEN`; by annotator and place."""
    given = {showing.name: showing for slot in range(1, study.facts["slots"] + 1) for showing in study.given(slot)}
    with study.store.reading() as connection:
        row = connection.execute("SELECT min(event) FROM events WHERE kind = 'unblind'").fetchone()
    columns = [*BLINDED, *(HIDDEN if row[0] is not None else ())]
    rows = []
    for event in standing(study):
        showing = given[event["showing"]]
        late = row[0] is not None and event["event"] > row[0]
        found = _answer(showing, event) | {"simulated": study.simulated, "after_unblinding": late}
        rows.append(found | (_hidden(showing.question, event["body"].get("answer")) if row[0] is not None else {}))
    rows.sort(key=lambda row: (row["annotator"], row["repeat"], row["place"]))
    seen: set[tuple[str, str]] = set()
    for row in rows:  # an annotator who had two places (after a merge) may have met a question in both
        row["repeat"] = row["repeat"] or (row["annotator"], row["question_id"]) in seen
        seen.add((row["annotator"], row["question_id"]))
    rows.sort(key=lambda row: (row["annotator"], row["place"]))
    return pd.DataFrame(
        {name: pd.Series([row.get(name) for row in rows], dtype=_DTYPES.get(name, object)) for name in columns}
    )


def counting(answers: pd.DataFrame) -> pd.DataFrame:
    """The answers that results stand on: no skips, gold questions, hidden repeats, or answers after the un-blinding."""
    out = answers["skipped"] | answers["gold"] | answers["repeat"] | answers["after_unblinding"]
    return answers[~out]


def _answer(showing: Given, event: dict) -> dict:
    question, body = showing.question, event["body"]
    answer, key = body.get("answer"), question.hidden.key
    return {
        "annotator": event["annotator"],
        "question_id": question.question_id,
        "type": question.type,
        "answer": answer,
        "correct": answer == key if answer is not None and key is not None else None,
        "gold": question.gold,
        "repeat": showing.repeat,
        "skipped": event["kind"] == "skip",
        "reason": body.get("reason"),
        "place": showing.place,
        "shown": body.get("shown"),
        "position": None if body.get("source") == "import" else _position(question, showing.arrangement),
        "seconds": body.get("seconds"),
        "comment": body.get("comment", ""),
        "at": event["at"],
        "source": body.get("source", "screen"),
    }


def _position(question: Question, arrangement: Arrangement) -> float | None:
    """Where on the screen the right answer stood (A/B: group "a"), from 1; None where sides mean nothing."""
    if question.type not in ("intruder", "pair", "ab"):
        return None
    return float(key_of(question, arrangement, "a" if question.type == "ab" else question.hidden.key))


def _hidden(question: Question, answer: str | None) -> dict:
    hidden = question.hidden
    found = {"key": hidden.key, "stratum": hidden.stratum, "distractor": hidden.distractor}
    if len(hidden.methods) == 2:
        found |= {"method_a": hidden.methods[0], "method_b": hidden.methods[1]}
        found["preferred"] = hidden.methods["ab".index(answer)] if answer is not None else None
    if hidden.methods:
        found["method"] = hidden.methods[0] if len(hidden.methods) == 1 else None
        found["prefix"] = " / ".join("".join(f"<{code}>" for code in prefix) for prefix in hidden.prefixes)
        found |= {"length": len(hidden.prefixes[0]), "size": sum(hidden.sizes) / len(hidden.sizes)}
    return found


def annotators(study: StudyFile) -> pd.DataFrame:
    """annotator, slot, simulated, joined, answered, skipped, total, last (None before the first event), left."""
    with study.store.reading() as connection:
        joined = connection.execute("SELECT annotator, at, body FROM events WHERE kind = 'joined' ORDER BY event")
        joined = [(name, at, json.loads(body)) for name, at, body in joined]
        last = dict(
            connection.execute("SELECT annotator, max(at) FROM events WHERE revision IS NOT NULL GROUP BY annotator")
        )
        left = {row[0] for row in connection.execute("SELECT annotator FROM events WHERE kind = 'left'")}
    counts = Counter((row["annotator"], row["kind"]) for row in standing(study))
    rows = []
    for name, at, about in joined:
        rows.append(
            {
                "annotator": name,
                "slot": about["slot"],
                "simulated": about["simulated"],
                "joined": at,
                "answered": counts[name, "answer"],
                "skipped": counts[name, "skip"],
                "total": len(study.given(about["slot"])) or counts[name, "answer"] + counts[name, "skip"],
                "last": last.get(name),
                "left": name in left,
            }
        )
    names = ("annotator", "slot", "simulated", "joined", "answered", "skipped", "total", "last", "left")
    return pd.DataFrame(rows, columns=list(names))


def progress(study: StudyFile) -> dict:
    """{"done", "total", "slots": [{"slot", "done", "total"}]}: showings that somebody with that place is done with."""
    with study.store.reading() as connection:
        joined = connection.execute("SELECT annotator, body FROM events WHERE kind = 'joined'")
        slot_of = {name: json.loads(body)["slot"] for name, body in joined}
    found: dict[int, set[str]] = {}
    for row in standing(study):
        found.setdefault(slot_of.get(row["annotator"], 0), set()).add(row["showing"])
    slots = []
    for slot in range(1, study.facts["slots"] + 1):
        given = study.given(slot)
        done = sum(showing.name in found.get(slot, ()) for showing in given)
        slots.append({"slot": slot, "done": done, "total": len(given)})
    return {"done": sum(s["done"] for s in slots), "total": sum(s["total"] for s in slots), "slots": slots}


def adjudications(study: StudyFile) -> pd.DataFrame:
    """question_id, answer, by, comment, at: the latest decision on each question."""
    found = {}
    with study.store.reading() as connection:
        for by, at, body in connection.execute(
            "SELECT annotator, at, body FROM events WHERE kind = 'adjudicate' ORDER BY event"
        ):
            decision = json.loads(body)
            found[decision["question_id"]] = {**decision, "by": by, "at": at}
    return pd.DataFrame(list(found.values()), columns=["question_id", "answer", "by", "comment", "at"])


def events(study: StudyFile) -> pd.DataFrame:
    """event, id, at, kind, annotator, showing, revision, body (a dict), in the order they were written."""
    names = ["event", "id", "at", "kind", "annotator", "showing", "revision", "body"]
    with study.store.reading() as connection:
        rows = connection.execute(f"SELECT {', '.join(names)} FROM events ORDER BY event")
        return pd.DataFrame([(*row[:-1], json.loads(row[-1])) for row in rows], columns=names)
