"""lmindexer search: documents for a text, by a finished search run."""

import json
from pathlib import Path
from typing import Annotated

import typer

from lmindexer.common.errors import LMIndexerError, SettingsError


def search(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a search model's run.")],
    query: Annotated[
        str | None, typer.Argument(metavar="[QUERY]", help="What is searched for, in quotation marks.")
    ] = None,
    queries: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Queries, one a line, in place of QUERY.")
    ] = None,
    top: Annotated[int, typer.Option(min=1, help="Number of documents.")] = 10,
    exact: Annotated[bool, typer.Option("--exact", help="Score every document, in place of a beam's.")] = False,
    view: Annotated[
        str | None,
        typer.Option(metavar="all|ties|hybrid", help="Of a generative model: which ranking.  [default: all]"),
    ] = None,
    category: Annotated[
        str | None, typer.Option(metavar="PATH", help="Only documents below it, such as 'Home > Lamps'.")
    ] = None,
    among: Annotated[str | None, typer.Option(metavar="ID,ID,…", help="Only these documents.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, one line a query.")] = False,
):
    """Find the documents that a text means, by a task run.

    Each comes with its score and, for a generative model, its ID and the path down the tree.

    \b
      lmindexer bench search wordnet --only generative-nodes
      lmindexer search runs/studies/search/wordnet/generative-nodes-0 "a ball for my little son"
      lmindexer search runs/studies/search/wordnet/generative-nodes-0 --queries questions.txt --json

    Any search run answers: bm25, dense, SEAL, generative. --exact and --view are a generative model's.
    """
    from lmindexer.tasks.allowing import allowed_documents
    from lmindexer.tasks.loading import load_task_model
    from lmindexer.tasks.search import GenerativeRetriever, SearchModel

    texts = _texts(query, queries)
    model = load_task_model(run)
    if not isinstance(model, SearchModel):
        raise SettingsError(f"{run} is a run for {model.task_.kind}, not for search; use lmindexer recommend.")
    options = ({"exact": True} if exact else {}) | ({"view": view} if view else {})
    if options and not isinstance(model, GenerativeRetriever):
        raise SettingsError(
            f"{run} is a run of {model.name}, which has one exact ranking; leave --exact and --view out."
        )
    options |= {"category": category, "among": None if among is None else among.split(",")}
    allowed_documents(model.task_.corpus, options["among"], category)  # said once, not for every query
    for text in texts:
        try:
            found = model.search(text, top=top, **options)
        except LMIndexerError as error:
            if len(texts) == 1:
                raise
            found = None
            note = str(error)
        else:
            note = found.attrs.get("note", "")
        _show(text, found, note, as_json, heading=len(texts) > 1)


def _texts(query: str | None, queries: Path | None) -> list[str]:
    if (query is None) == (queries is None):
        raise SettingsError("Give either a query, in quotation marks, or --queries FILE with one a line.")
    if queries is None:
        return [query]
    try:
        lines = queries.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{queries} cannot be read ({error}); give a text file in UTF-8, a query a line.") from None
    texts = [line for line in lines if line.strip()]
    if not texts:
        raise SettingsError(f"{queries} holds no query; write one a line.")
    return texts


def _show(text: str, found, note: str, as_json: bool, heading: bool) -> None:
    from lmindexer.common.jsonfiles import json_safe

    if as_json:
        documents = [] if found is None else found.to_dict(orient="records")
        answer = {"query": text[:200], "documents": documents} | ({"note": note} if note else {})
        typer.echo(json.dumps(json_safe(answer), ensure_ascii=False))
        return
    if heading:
        typer.echo(f"\n{text[:100]}")
    if found is not None and len(found):
        typer.echo(found.to_string(index=False, float_format="%.3f", max_colwidth=60))
    if note:
        typer.echo(note)
