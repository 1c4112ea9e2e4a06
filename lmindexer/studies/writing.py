"""A study's report in Markdown: how it was made, its tables, what is met and missed, what is still to be run."""

import datetime
import os
import platform

from lmindexer.studies.plan import Run
from lmindexer.studies.sections import sections
from lmindexer.studies.slides import DIFFERENCES
from lmindexer.studies.tables import markdown

TITLES = {
    "table1": "Table 1 at equal K: do the codes agree with the categories?",
    "table1-slides": "Table 1 with the slides' codebooks (512, 256, 50)",
    "training": "Training study: warm-up, continuous stage and contrastive loss, on and off",
    "commitment": "Table 2: the commitment loss, on and off",
    "layers": "Table 5: layers of the reconstructor",
    "length": "Length of the ID",
    "codebook": "Size of the codebooks",
}


def report(result, command: str = "") -> str:
    """The whole report of a `StudyResult`; `command` is the line that made it."""
    study = result.study
    parts = [f"# {TITLES.get(study.name, study.name)}", _made(result, command)]
    if result.found:
        parts += sections(result)
    else:
        parts.append("No run is finished yet.")
    if study.name.startswith("table1"):
        parts.append("## What differs from the slides\n\n" + "\n".join(f"- {line}" for line in DIFFERENCES))
    parts += _open_ends(result, command)
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def _made(result, command: str) -> str:
    study, found = result.study, result.found
    lines = [f"```sh\n{command}\n```"] if command else []
    seeds = ", ".join(str(seed) for seed in study.options.get("seeds", ()))
    count = f"{len(found)} of {len(study.runs)} runs"
    state = "all runs are finished" if not result.waiting and not result.failed else f"**{count} are finished**"
    facts = [
        f"written {datetime.datetime.now(datetime.UTC):%Y-%m-%d %H:%M} UTC, {state}",
        f"seeds {seeds}; mean ± standard deviation over seeds",
        "corpora: " + "; ".join(f"{name} ({len(corpus):,} documents)" for name, corpus in study.corpora.items()),
    ]
    if found:
        versions = {name: version for one in found for name, version in one["versions"].items()}
        said = ", ".join(f"{name} {version}" for name, version in sorted(versions.items()))
        seconds = sum(one["seconds"] for one in found)
        facts.append(f"{said}; {platform.machine()}, {os.cpu_count()} cores, one thread a run")
        facts.append(
            f"runs made {found[0]['created'][:10] if len(found) == 1 else _dates(found)}, {seconds / 3600:.1f} "
            "hours of one core together"
        )
    return "\n\n".join([*lines, "\n".join(f"- {fact}" for fact in facts)])


def _dates(found: list[dict]) -> str:
    days = sorted({one["created"][:10] for one in found})
    return days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"


def _open_ends(result, command: str) -> list[str]:
    parts = []
    if result.failed:
        lines = [f"- {name}: {why}" for name, why in result.failed.items()]
        parts.append("## Failed\n\n" + "\n".join(lines))
    if result.waiting:
        rows = [[*group, ", ".join(map(str, sorted(seeds)))] for group, seeds in _grouped(result.waiting).items()]
        again = f" The command above goes on from here:\n\n```sh\n{command}\n```" if command else ""
        parts.append(
            f"## Still to be run\n\n{len(result.waiting)} of {len(result.study.runs)} runs are not finished.{again}"
            f"\n\n{markdown(['corpus', 'category text', 'method', 'seeds'], rows)}"
        )
    return parts


def _grouped(waiting: list[Run]) -> dict[tuple, list[int]]:
    groups: dict[tuple, list[int]] = {}
    for run in waiting:
        key = (run.corpus, "with" if run.category_text else "without", run.label)
        groups.setdefault(key, []).append(run.seed)
    return groups
