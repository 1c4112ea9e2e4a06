"""Page 8: a corpus of one's own: upload, map the columns, validate, train in the background, open."""

import hashlib
import tempfile
import warnings
from pathlib import Path

import streamlit as st

from explorer_app import context, links
from explorer_app.progress import watch
from explorer_app.show import md, metrics, table
from lmindexer.browse import upload
from lmindexer.common.errors import LMIndexerError
from lmindexer.runs import jobs

TITLE, ICON = "Your corpus", ":material/upload_file:"
TYPES = ["csv", "tsv", "jsonl", "ndjson", "parquet", "gz"]
LIMIT = 200  # MB
NONE = "(none)"


def render() -> None:
    """Lay out the page."""
    st.title("Your corpus")
    st.caption(
        "Upload documents, say which column holds what, train, and look at the result. Training runs in a process of "
        "its own: this page may be closed or reloaded meanwhile. Everything stays on this machine."
    )
    _running()
    st.subheader("1. Upload")
    given = st.file_uploader(
        f"A file of documents: CSV, TSV, JSON lines (also .gz) or Parquet, up to {LIMIT} MB", type=TYPES,
        max_upload_size=LIMIT, key="upload",
    )  # fmt: skip
    if given is None:
        st.info(
            "One row a document, with at least one column of text. Nothing leaves this machine.", icon=":material/info:"
        )
        return
    path = _kept(given)
    try:
        columns = _columns(str(path), path.name)
    except LMIndexerError as error:
        st.error(_clean(error, path, given.name), icon=":material/error:")
        return
    corpus = _mapped(path, given.name, columns)
    if corpus is not None:
        _train(corpus)


def _running() -> None:
    """Runs that are not finished, and the one that was started here last."""
    folder = context.writable_folder()
    runs = jobs.unfinished(folder)
    last = links.get("job")
    known = {path.name: path for path in runs}
    if last in context.shelf().runs and last not in known:
        known[last] = context.shelf().get(last).path
    for name, path in known.items():
        watch(path, f"job_{name}", curves=name == last)


def _kept(given) -> Path:
    """The upload as a file of its own name's kind, named by its content, in a folder for this purpose."""
    content = given.getvalue()
    folder = Path(tempfile.gettempdir()) / "lmindexer-uploads"
    folder.mkdir(mode=0o700, exist_ok=True)
    suffix = "".join(part for part in Path(given.name).suffixes[-2:] if part[1:].lower() in TYPES).lower()
    path = folder / f"{hashlib.sha256(content).hexdigest()[:24]}{suffix or '.csv'}"
    if not path.exists():
        path.write_bytes(content)
    return path


def _clean(error, path: Path, name: str) -> str:
    """The message with the name that the person knows."""
    return md(str(error).replace(str(path), name).replace(path.name, name), 800)


@st.cache_data(max_entries=8, show_spinner="Reading the file …")
def _columns(path: str, name: str) -> list[str]:
    return upload.columns_of(path)


def _mapped(path: Path, name: str, columns: list[str]):
    st.subheader("2. What the columns hold")
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
    if not text:
        st.info("Choose at least one column of text.", icon=":material/info:")
        return None
    mapping = {"id": None if id_ == NONE else id_, "title": None if title == NONE else title}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            corpus = _read(str(path), mapping | {"text": text, "category": category}, separator, skip, Path(name).stem)
    except LMIndexerError as error:
        st.error(_clean(error, path, name), icon=":material/error:")
        return None
    _checked(corpus)
    return corpus


@st.cache_resource(max_entries=4, show_spinner="Reading the documents …")
def _read(path: str, mapping: dict, separator: str, skip: bool, name: str):
    return upload.read(path, mapping, separator, skip, name.split(".")[0] or "corpus")


def _checked(corpus) -> None:
    cells = [
        ("Documents", f"{len(corpus):,}", "Rows that can be used."),
        ("Left out", f"{len(corpus.skipped):,}", "Bad rows."),
    ]
    cells.append(("Category levels", str(corpus.levels), "How deep the deepest category path is."))
    metrics(cells)
    if len(corpus.skipped):
        with st.expander(
            f"{len(corpus.skipped):,} {'row was' if len(corpus.skipped) == 1 else 'rows were'} left out",
            icon=":material/rule:",
        ):
            table(corpus.skipped.head(1000).astype(str), "skipped")
    shown = corpus.frame.head(5).copy()
    shown["text"] = shown["text"].str.slice(0, 240)
    table(shown, "first_rows")


def _train(corpus) -> None:
    st.subheader("3. Train")
    first, second, third = st.columns(3)
    name = first.text_input("Name of the run", _free_name(corpus.name), max_chars=60)
    preset = second.segmented_control(
        "Preset", ["tiny", "minilm"], default="minilm", required=True,
        help="tiny: minutes or less, to try out. minilm: the real thing on a laptop.",
    )  # fmt: skip
    category_text = third.toggle(
        "Let the model read the categories",
        help="The slides' setting: agreement with the categories is then no surprise.",
    )
    positions = first.slider("Codes in an ID", 1, 4, 2 if preset == "tiny" else 3)
    size = second.select_slider(
        "Codes at each position (K)", [4, 8, 16, 32, 64, 128, 256], 8 if preset == "tiny" else 32
    )
    seed = third.number_input("Seed", 0, 10_000, 0)
    if not st.button("Train", type="primary", icon=":material/play_arrow:"):
        return
    try:
        run = jobs.start(
            context.writable_folder(), name.strip(), corpus, preset, positions=positions, codebook_size=size,
            seed=int(seed), category_text=bool(category_text),
        )  # fmt: skip
    except (LMIndexerError, OSError) as error:
        st.error(md(error, 600), icon=":material/error:")
        return
    links.put(job=run.name)
    st.rerun()


def _free_name(name: str) -> str:
    slug = "".join(sign if sign.isascii() and (sign.isalnum() or sign in "._-") else "-" for sign in name).strip("-.")[
        :50
    ]
    slug, number = slug or "corpus", 2
    folder, start = context.writable_folder(), slug
    while (folder / slug).exists():
        slug, number = f"{start}-{number}", number + 1
    return slug
