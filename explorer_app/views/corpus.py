"""Page 8: a corpus of one's own: upload, map the columns, validate, train in the background, open."""

import re
import warnings
from pathlib import Path

import streamlit as st

from explorer_app import links
from explorer_app.escaped import md
from explorer_app.show import metrics, table
from explorer_app.views import training
from lmindexer.browse import upload
from lmindexer.common.errors import LMIndexerError
from lmindexer.corpus import csvadvice
from lmindexer.corpus.filetypes import kind_of

TYPES = ["csv", "tsv", "tab", "jsonl", "ndjson", "json", "parquet", "pq", "gz"]
DELIMITERS: dict[str, str | None] = {"As the file says": None}
DELIMITERS |= {name.removesuffix("s").capitalize(): sign for sign, name in csvadvice.DELIMITERS.items()}
SWITCHES = {  # a keyword of Corpus, as its messages give it, and the switch that stands for it
    r"""on_error=["']skip["']""": "Leave bad rows out",
    r"""html=["']strip["']""": "Take HTML out",
    r"""missing=["']keep["']""": "Keep words such as NULL and nan",
}
LIMIT = 200  # MB
NONE = "(none)"


def render() -> None:
    """Lay out the page."""
    st.title("Your corpus")
    st.caption(
        "Upload documents, say which column holds what, train, and look at the result. Training runs in a process of "
        "its own: this page may be closed or reloaded meanwhile. Everything stays on this machine."
    )
    under_way = st.container()  # filled last: what was started here stands where it was started
    corpus = _uploaded()
    job = links.get("job")
    with under_way:
        training.running(but=job if corpus is not None else None)
    if corpus is not None:
        training.form(corpus)
        if job:
            training.started(job)


def _uploaded():
    """The corpus of the uploaded file, or None while it is not there or not understood."""
    st.header("1. Upload")
    given = st.file_uploader(
        f"A file of documents: CSV, TSV, JSON (also .gz) or Parquet, up to {LIMIT} MB", type=TYPES,
        max_upload_size=LIMIT, key="upload",
    )  # fmt: skip
    if given is None:
        st.info(
            "One row a document, with at least one column of text. Nothing leaves this machine.", icon=":material/info:"
        )
        return None
    path = _kept(given)
    try:
        form = _form(path)
        look = _looked(str(path), path.name, form)
    except LMIndexerError as error:
        st.error(_clean(error, path, given.name), icon=":material/error:")
        return None
    if look.delimiter and not form.get("delimiter"):
        form = _asked(look, form)
        if form is None:
            return None
        look = _looked(str(path), path.name, form)
    return _mapped(path, given.name, look.columns, form)


def _form(path: Path) -> dict:
    """How the file is written: the choices that the command line has."""
    with st.expander("How the file is written", icon=":material/tune:"):
        first, second, third = st.columns(3)
        form: dict = {}
        if kind_of(path) in ("csv", "tsv"):
            named = first.selectbox("Delimiter", list(DELIMITERS), help="What stands between two fields of a row.")
            quote = second.text_input("Quotation mark", '"', max_chars=1, help="Empty: none; a mark is a letter.")
            escape = third.text_input(
                "Escape", "", max_chars=1, help="What stands before a quotation mark within a field, such as \\."
            )
            form = {"delimiter": DELIMITERS[named], "quote": quote or None, "escape": escape or None}
        if kind_of(path) != "parquet":
            form["encoding"] = first.text_input("Encoding", "utf-8", help="cp1252: an older Excel export.").strip()
    return form


def _asked(look: upload.Look, form: dict) -> dict | None:
    """The form after the answer to whether one column is really several; None while there is no answer."""
    words = {sign: word for word, sign in DELIMITERS.items()}[look.delimiter].lower()
    answer = st.radio(
        f"The file seems to have one column, {md(look.columns[0], 60)}. Do {words}s part it?", ["Yes", "No"], index=None
    )
    if answer is None:
        st.info("Answer this first.", icon=":material/help:")
        return None
    return form | {"delimiter": look.delimiter} if answer == "Yes" else form


def _kept(given) -> Path:
    """The upload as a file of its own name's kind, named by its content, in a folder for this purpose."""
    suffix = "".join(part for part in Path(given.name).suffixes[-2:] if part[1:].lower() in TYPES).lower()
    return upload.keep(given.getvalue(), suffix or ".csv")


def _clean(error, path: Path, name: str) -> str:
    """The message with the name that the person knows, its remedy as the switch that is here."""
    said = str(error).replace(str(path), name).replace(path.name, name)
    return md(_here(said), 800)


def _here(said: str) -> str:
    """A remedy in Python's words as the switches and fields of this page."""
    for keyword, field in SWITCHES.items():
        said = re.sub(rf"""([Pp])ass {keyword}""", rf"\1ress “{field}”", said)
    return re.sub(
        r"""([Pp])ass (delimiter|quote|escape|encoding|separator)=""", r"\1ut into the field above: \2 ", said
    )


@st.cache_data(max_entries=8, show_spinner="Reading the file …")
def _looked(path: str, name: str, form: dict) -> upload.Look:
    return upload.look_at(path, form)


def _mapped(path: Path, name: str, columns: list[str], form: dict):
    st.header("2. What the columns hold")
    guessed = upload.guess(columns)
    first, second = st.columns(2)
    options = [NONE, *columns]
    id_ = first.selectbox("Id", options, options.index(guessed["id"] or NONE), help="None: rows are numbered.")
    title = first.selectbox("Title", options, options.index(guessed["title"] or NONE))
    text = second.multiselect("Text", columns, guessed["text"], help="Several are joined in this order.")
    category = second.multiselect(
        "Category",
        columns,
        guessed["category"],
        help="One column that holds a path, or one for each level, coarse to fine.",
    )
    separator = first.text_input("Separator of the levels in a path", " > ", disabled=len(category) != 1)
    skip = second.toggle("Leave bad rows out", help="Otherwise the first bad row stops the reading.")
    strip = second.toggle("Take HTML out", help="Tags and entities in titles and texts.")
    keep = second.toggle("Keep words such as NULL and nan", help="Otherwise such cells are empty.")
    if not text:
        st.info("Choose at least one column of text.", icon=":material/info:")
        return None
    mapping = {"id": None if id_ == NONE else id_, "title": None if title == NONE else title}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            options = {"separator": separator or None, "on_error": "skip" if skip else "raise"}
            options |= {"html": "strip" if strip else "keep", "missing": "keep" if keep else "empty"}
            chosen = mapping | {"text": text, "category": category}
            corpus = _read(str(path), chosen, form | options, Path(name).stem)
    except LMIndexerError as error:
        st.error(_clean(error, path, name), icon=":material/error:")
        return None
    _checked(corpus)
    return corpus


@st.cache_resource(max_entries=4, show_spinner="Reading the documents …")
def _read(path: str, mapping: dict, options: dict, name: str):
    return upload.read(path, mapping, name.split(".")[0] or "corpus", **options)


def _checked(corpus) -> None:
    cells = [
        ("Documents", f"{len(corpus):,}", "Rows that can be used."),
        ("Left out", f"{len(corpus.skipped):,}", "Bad rows."),
    ]
    cells.append(("Category levels", str(corpus.levels), "How deep the deepest category path is."))
    metrics(cells)
    for remark in corpus.remarks:
        st.warning(md(_here(remark), 400), icon=":material/visibility:")
    if len(corpus.skipped):
        with st.expander(
            f"{len(corpus.skipped):,} {'row was' if len(corpus.skipped) == 1 else 'rows were'} left out",
            icon=":material/rule:",
        ):
            table(corpus.skipped.head(1000).astype(str), "skipped", "Rows left out")
    shown = corpus.frame.head(5).copy()
    shown["text"] = shown["text"].str.slice(0, 240)
    table(shown, "first_rows", "The first documents")
