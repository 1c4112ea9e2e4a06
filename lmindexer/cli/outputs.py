"""What several commands give: the report of a run, a table in a file."""

from pathlib import Path

from lmindexer.common.errors import LMIndexerError
from lmindexer.common.files import written_aside

_WRITERS = {
    ".csv": lambda frame, path: frame.to_csv(path, index=False),
    ".tsv": lambda frame, path: frame.to_csv(path, index=False, sep="\t"),
    ".jsonl": lambda frame, path: frame.to_json(path, orient="records", lines=True, force_ascii=False),
    ".parquet": lambda frame, path: frame.to_parquet(path, index=False),
}


def report_of(bundle, samples: int = 5) -> str:
    """The text report of a run; what the run has measured already is not measured again."""
    from lmindexer.quality import IDQuality, evaluate_ids
    from lmindexer.quality.report import text_report

    measured = bundle.metrics
    quality = IDQuality.from_dict(measured) if measured else evaluate_ids(bundle.ids, bundle.corpus)
    return text_report(bundle.ids, bundle.corpus, quality, samples)


def check_output(path: Path) -> None:
    """Say before any work that a table cannot be written there."""
    if path.suffix.lower() not in _WRITERS:
        raise LMIndexerError(f"{path}: the ending says the format; give one of {', '.join(_WRITERS)}.")
    _check_place(path)


def check_page(path: Path) -> None:
    """Say before any work that a page cannot be written there."""
    if path.suffix.lower() not in (".html", ".htm"):
        raise LMIndexerError(f"{path} is no name for a page; give one that ends in .html.")
    _check_place(path)


def _check_place(path: Path) -> None:
    if path.is_dir() or not path.parent.is_dir():
        reason = "is a folder" if path.is_dir() else f"cannot be written: there is no folder {path.parent}"
        raise LMIndexerError(f"{path} {reason}; give another file.")


def write_text(text: str, path: Path) -> None:
    """Write a page or a report, aside first and then renamed."""
    with written_aside(path) as aside:
        aside.write_text(text, encoding="utf-8")


def write_table(frame, path: Path) -> None:
    """Write a table in the format that the ending says, aside first and then renamed."""
    check_output(path)
    with written_aside(path) as aside:
        _WRITERS[path.suffix.lower()](frame, aside)
