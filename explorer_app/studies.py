"""Which studies of human evaluation there are and which is chosen; opened studies are shared by everybody.

`lmindexer label open STUDY` starts the app with `--study=FILE`: it then shows studies and nothing of the explorer,
because the explorer shows the IDs that annotators must not see. Started on folders, it finds the studies in them.
"""

import sqlite3
import sys
from pathlib import Path

import streamlit as st

from explorer_app import context, links
from explorer_app.show import md
from lmindexer.common.arguments import resolved
from lmindexer.common.errors import LMIndexerError
from lmindexer.human_eval import Study, open_demonstration
from lmindexer.human_eval.answering.demonstration import demonstration_file
from lmindexer.human_eval.answering.store import APPLICATION_ID

SUFFIXES = (".sqlite", ".study")
_MAGIC = b"SQLite format 3\0"
_ID_AT = slice(68, 72)  # where SQLite keeps the application's id


def given() -> tuple[str, ...]:
    """The study files named on the command line by --study=FILE."""
    return tuple(word.removeprefix("--study=") for word in sys.argv[1:] if word.startswith("--study="))


def only() -> bool:
    """Whether the app was started for annotators: on studies, without the explorer."""
    return bool(given())


def coordinator() -> bool:
    """Whether this app may show what annotators must not see: results, adjudication."""
    return not only() or "--coordinator" in sys.argv[1:]


@st.cache_resource(ttl=4, show_spinner=False)
def _found(files: tuple[str, ...], folders: tuple[str, ...]) -> dict[str, Path]:
    paths = [resolved(name) for name in files]
    for folder in folders:
        paths += in_folder(Path(folder))
    found: dict[str, Path] = {}
    for path in dict.fromkeys(paths):
        key, number = path.stem, 2
        while key in found:
            key, number = f"{path.stem}~{number}", number + 1
        found[key] = path
    return found


def in_folder(folder: Path) -> list[Path]:
    """The study files that lie in a folder, by name; links that lead out of it are left out."""
    folder = resolved(folder)
    try:
        inside = sorted(path for path in folder.iterdir() if path.suffix in SUFFIXES)
        real = [resolved(path) for path in inside]
        return [path for path in real if path.is_relative_to(folder) and _is_study(path)]
    except OSError:
        return []


def _is_study(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(100)
    return head.startswith(_MAGIC) and head[_ID_AT] == APPLICATION_ID.to_bytes(4, "big")


def found(demonstration: bool = False) -> dict[str, Path]:
    """{key: file} of the studies; a key from a link is looked up here and never becomes a path.

    demonstration: also the bundled study of simulated annotators, where the explorer was not started on a study.
    """
    options = _found(given(), () if only() else context.folders())
    if demonstration and not only() and demonstration_file().is_file():
        options = options | {demonstration_file().stem: demonstration_file()}
    return options


@st.cache_resource(max_entries=16, show_spinner="Opening the study …")
def _opened(path: str, stamp: tuple) -> Study:
    return open_demonstration() if Path(path) == demonstration_file() else Study.open(path)


def open_study(path: Path) -> Study:
    """The study in a file, opened once for everybody.

    Raises:
        LMIndexerError: when it cannot be opened.
    """
    at = path.stat()
    return _opened(str(path), (at.st_dev, at.st_ino))


def choose(demonstration: bool = False) -> None:
    """Draw the choice of the study where there are several; it lives in the link."""
    options = found(demonstration)
    if links.get("study") and links.get("study") not in options:
        st.warning(f"There is no study **{md(links.get('study'), 80)}** here.", icon=":material/search_off:")
    if len(options) > 1:
        links.choose("Study", list(options), "study", next(iter(options)))


def chosen(choice: bool = True, demonstration: bool = False) -> tuple[str, Study]:
    """The link's study, else the first, with the `choice` drawn; without a study the page says so and ends."""
    options = found(demonstration)
    if not options:
        _none()
    if choice:
        choose(demonstration)
    key = links.get("study") if links.get("study") in options else next(iter(options))
    try:
        return key, open_study(options[key])
    except (LMIndexerError, OSError, sqlite3.Error) as error:
        if not choice:
            choose(demonstration)
        st.error(f"The study **{md(key, 80)}** cannot be opened: {md(error, 600)}", icon=":material/error:")
        st.stop()


def _none():
    st.info("There is no study in the folders yet.", icon=":material/ballot:")
    st.markdown("Make one from two or more finished runs over the same corpus:")
    st.code("lmindexer label create runs/one runs/two -o study.sqlite\nlmindexer label open study.sqlite", "bash")
    st.stop()
