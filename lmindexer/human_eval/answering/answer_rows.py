"""Answers in a file, as rows with plain types: a table, or what Label Studio exports.

A table is read by the corpus's own readers, so encodings, delimiters, blank lines and row numbers are as there.
"""

import json
import math
from pathlib import Path

from lmindexer.common.errors import CorpusError, StudyError
from lmindexer.corpus.checks import is_missing, number_as_string, require_columns
from lmindexer.corpus.readers import kind_of, read_table
from lmindexer.human_eval.answering.label_studio import rows_of_tasks
from lmindexer.human_eval.planning.signin import clean_name

NEEDED = ("annotator", "question_id", "answer")
WELCOME = ("repeat", "skipped", "reason", "seconds", "comment")
# what spreadsheets of several languages write for a ticked box, and what people write into one
TRUE = "TRUE WAHR VRAI VERDADERO VERO VERDADEIRO WAAR PRAWDA SANT SAND SANN TOSI PRAVDA IGAZ DOĞRU ИСТИНА "
FALSE = "FALSE FALSCH FAUX FALSO ONWAAR FAŁSZ FALSKT FALSK USANN EPÄTOSI NEPRAVDA HAMIS YANLIŞ ЛОЖЬ "
_TRUE = frozenset((TRUE + "T YES Y JA OUI SI SÍ SIM TAK ДА EVET はい 是 X ✓ ✔ ☑ CHECKED ON 1 1.0").casefold().split())
_FALSE = frozenset(
    (FALSE + "F NO N NEIN NON NÃO NIE NEE NEJ НЕТ HAYIR いいえ 否 ✗ ✘ ☐ UNCHECKED OFF 0 0.0").casefold().split()
)


def read_rows(study, path: Path, **form) -> list[dict]:
    """The file's rows, checked against the study's questions.

    Args:
        study: whose questions they answer.
        path: .json is a Label Studio export; any other ending is a table's.
        form: encoding, delimiter, quote and escape of a text file, as `read_table` takes them.

    Returns:
        Dicts with annotator, question_id, answer (None for a skip), skipped, reason, repeat, seconds, comment, and
        place ("answers.csv, row 3").

    Raises:
        StudyError: naming file, row and remedy.
    """
    raw = _tasks(path) if path.name.lower().endswith(".json") else _table(path, form)
    asked = {_text(row.get("question_id")) for row in raw}
    if not any(study.find(question) for question in asked):
        raise StudyError(
            f"{path}: none of its {len(asked):,} questions is in this study, so it is of another one; import it into "
            "the study that it was exported from."
        )
    return [_clean(study, row) for row in raw]


def _tasks(path: Path) -> list[dict]:
    try:
        tasks = json.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise StudyError(f"{path}: there is no such file; check the path.") from None
    except (OSError, ValueError, RecursionError) as error:
        raise StudyError(f"{path} cannot be read as JSON ({error}); export it again.") from None
    if not isinstance(tasks, list):
        raise StudyError(f"{path} is no list of tasks; export it from Label Studio as JSON.")
    return rows_of_tasks(tasks, str(path))


def _table(path: Path, form: dict) -> list[dict]:
    def choose(names, place, hint=None):
        require_columns(NEEDED, names, place, hint=hint)
        return [*NEEDED, *(name for name in WELCOME if name in names)]

    try:
        table = read_table(path, kind_of(path), choose, **form)
        table.settle("raise")
    except CorpusError as error:
        raise StudyError(str(error)) from None
    cells = zip(*table.columns.values(), strict=True)
    return [
        dict(zip(table.columns, row, strict=True)) | {"place": f"{path}, row {number}"}
        for number, row in zip(table.rows, cells, strict=True)
    ]


def _clean(study, row: dict) -> dict:
    """A row with plain types, or StudyError naming it."""
    place, question = row["place"], study.find(_text(row.get("question_id")))
    if question is None:
        raise StudyError(f"{place}: the study has no question {row.get('question_id')!r}; take the study it is of.")
    skipped = _truth(row, "skipped")
    answer = None if skipped else _answer(_text(row.get("answer")), question.choices)
    if not skipped and answer is None:
        known, given = ", ".join(question.choices), _text(row.get("answer"))
        raise StudyError(f"{place}: {given!r} is no answer to it; give one of {known}, or mark it as skipped.")
    return {
        "annotator": _annotator(row),
        "question_id": question.question_id,
        "answer": answer,
        "skipped": skipped,
        "reason": (_text(row.get("reason")) or "Skipped elsewhere") if skipped else None,
        "repeat": _truth(row, "repeat"),
        "seconds": _seconds(row.get("seconds"), place),
        "comment": _text(row.get("comment")),
        "place": place,
    }


def _annotator(row: dict) -> str:
    name = _text(row.get("annotator"))
    if not name:
        raise StudyError(f"{row['place']}: nobody is named as annotator; fill the column in.")
    try:
        return clean_name(name)
    except StudyError as error:
        raise StudyError(f"{row['place']}: {name[:80]!r} is no name. {error}") from None


def _answer(given: str, choices: tuple[str, ...]) -> str | None:
    """The choice that is meant: case does not count, nor ".0" behind a number (a column of numbers with gaps)."""
    plain = given.casefold().removesuffix(".0")
    return next((choice for choice in choices if choice.casefold() == plain), None)


def _text(value) -> str:
    if is_missing(value):
        return ""
    return number_as_string(value) or str(value).strip()


def _truth(row: dict, column: str) -> bool:
    """A box that is ticked or not; empty is not, and the column's own name or verb ("skip") is a tick."""
    word = _text(row.get(column)).casefold()
    if word in _TRUE or word in (column, column.removesuffix("ped")):
        return True
    if word in _FALSE or not word:
        return False
    raise StudyError(
        f"{row['place']}: {row[column]!r} in the column {column!r} says neither yes nor no; write true or false."
    )


def _seconds(value, place: str) -> float | None:
    if not _text(value):
        return None
    try:
        seconds = float(value)
    except (TypeError, ValueError, OverflowError):
        seconds = -1.0
    if not (math.isfinite(seconds) and seconds >= 0):
        raise StudyError(f"{place}: {value!r} is no time in seconds; mend it or leave it empty.")
    return round(seconds, 3)
