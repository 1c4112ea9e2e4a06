"""Which studies of human evaluation there are and which is chosen; opened studies are shared by everybody.

`lmindexer label open STUDY` starts the app with `--study=FILE`: it then shows studies and nothing of the explorer,
because the explorer shows the IDs that annotators must not see. Started on folders, it finds the studies in them.
"""

import hashlib
import re
import sqlite3
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import streamlit as st

from explorer_app import context, links
from explorer_app.escaped import md
from lmindexer.common.arguments import resolved
from lmindexer.common.errors import LMIndexerError
from lmindexer.human_eval import Study, open_demonstration
from lmindexer.human_eval.answering.demonstration import demonstration_file
from lmindexer.human_eval.answering.store import APPLICATION_ID, kept_in

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
        first, number = key_of(path), 2
        key = first
        while key in found:
            key, number = f"{first}~{number}", number + 1
        found[key] = path
    return found


def key_of(path: Path) -> str:
    """What stands for a study in a link: words of its title, never the file's name, and a sign of its content and time.

    The sign keeps apart studies of one title whatever other files there are. A file that cannot be read has its name.
    """
    try:
        about = kept_in(path)
    except (LMIndexerError, OSError, sqlite3.Error):
        return path.stem
    words = re.sub(r"[^a-z0-9]+", "-", about["name"].lower()).strip("-")[:50].rstrip("-")
    sign = hashlib.sha256(f"{about['fingerprint']} {about['created']}".encode()).hexdigest()[:6]
    return f"{words or 'study'}-{sign}"


def title_of(path: Path) -> str:
    """The study's title; a file that cannot be read has its name."""
    try:
        return kept_in(path)["name"]
    except (LMIndexerError, OSError, sqlite3.Error):
        return path.stem


def asked_for(options: dict[str, Path]) -> str:
    """The link's study: by its key, or by the file's name, as links had it before; "" for one that is not here."""
    wanted = links.get("study")
    if wanted in options:
        return wanted
    return next((key for key, path in options.items() if wanted and path.stem == wanted), "")


def say_if_missing(options: dict[str, Path]) -> None:
    """Say so where the link's study is not among them."""
    if links.get("study") and not asked_for(options):
        st.warning(f"There is no study **{md(links.get('study'), 80)}** here.", icon=":material/search_off:")


def forget() -> None:
    """Look the studies up again at once."""
    _found.clear()


def in_folder(folder: Path) -> list[Path]:
    """The study files that lie in a folder, by name; links that lead out of it are left out."""
    folder = resolved(folder)
    try:
        inside = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
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
        options = options | {key_of(demonstration_file()): demonstration_file()}
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
    say_if_missing(options)
    if len(options) > 1:
        first = asked_for(options) or next(iter(options))
        titles = {key: title_of(path) for key, path in options.items()}
        alike = Counter(titles.values())
        said = {key: title if alike[title] == 1 else f"{title} ({key[-6:]})" for key, title in titles.items()}
        links.choose("Study", list(options), "study", first, text=said.get, said=True)


def chosen(choice: bool = True, demonstration: bool = False) -> tuple[str, Study]:
    """The link's study, else the first, with the `choice` drawn; without a study the page says so and ends."""
    options = found(demonstration)
    if not options:
        _none()
    if choice:
        choose(demonstration)
    key = asked_for(options) or next(iter(options))
    try:
        return key, open_study(options[key])
    except (LMIndexerError, OSError, sqlite3.Error) as error:
        if not choice:
            choose(demonstration)
        st.error(f"The study **{md(key, 80)}** cannot be opened: {md(error, 600)}", icon=":material/error:")
        st.stop()


def _none():
    st.info("There is no study in the folders yet.", icon=":material/ballot:")
    if not only():
        st.markdown("Make one on the page **Studies**, or on the shell, from finished runs over the same corpus:")
    st.code("lmindexer label create runs/one runs/two -o study.sqlite\nlmindexer label open study.sqlite", "bash")
    st.stop()


TROUBLE = (LMIndexerError, OSError, sqlite3.Error)  # what a file can do to us; said, never raised


def act(label: str, does: Callable[[str, str], object], reason: str = "Why", needs_reason: bool = False) -> None:
    """Within a form: ask who and why, and do it; both stay in the study."""
    who = st.text_input("Your name", max_chars=60)
    why = st.text_input(reason, max_chars=300)
    if not st.form_submit_button(label, type="primary"):
        return
    if not who.strip() or (needs_reason and not why.strip()):
        st.error("Please give your name." if not who.strip() else "Please give a reason.")
        return
    try:
        does(who.strip(), why.strip())
    except TROUBLE as error:
        st.error(md(error, 600))
        return
    st.rerun()


def end_form(study: Study, where=st, key: str = "end_study") -> None:
    """A button that opens a form to end the study."""
    with where.popover("End the study", icon=":material/flag:"), st.form(key, border=False):
        st.markdown("No more answers are taken. This cannot be taken back.")
        act("End it", study.end)
