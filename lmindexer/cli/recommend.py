"""lmindexer recommend: what a person would take next, by a finished task run."""

import json
from pathlib import Path
from typing import Annotated

import typer

from lmindexer.common.errors import SettingsError


def recommend(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a recommendation model's run.")],
    user: Annotated[str | None, typer.Option(metavar="U", help="A user of the run.")] = None,
    history: Annotated[
        str | None, typer.Option(metavar="ID,ID,…", help="Items taken so far, the oldest first.")
    ] = None,
    top: Annotated[int, typer.Option(min=1, help="Number of items.")] = 10,
    seen: Annotated[bool, typer.Option("--seen", help="Recommend items of the history too.")] = False,
    category: Annotated[
        str | None, typer.Option(metavar="PATH", help="Only documents below it, such as 'Home > Lamps'.")
    ] = None,
    among: Annotated[str | None, typer.Option(metavar="ID,ID,…", help="Only these documents.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON: the history and the items.")] = False,
):
    """Recommend what a user takes next, by a task run.

    Give a user of the run, or any history.

    \b
      lmindexer bench recommendation attack --only sasrec --seeds 0
      lmindexer recommend runs/studies/recommendation/attack/sasrec-0 --user "G0007 APT28"
      lmindexer recommend runs/studies/recommendation/attack/sasrec-0 --history T1566.001,T1204.002 --json
    """
    from lmindexer.common.jsonfiles import json_safe
    from lmindexer.tasks.base import title_of
    from lmindexer.tasks.loading import load_task_model
    from lmindexer.tasks.recommendation import Recommender

    if (user is None) == (history is None):
        raise SettingsError("Give either --user or --history.")
    model = load_task_model(run)
    if not isinstance(model, Recommender):
        raise SettingsError(f"{run} is a run for {model.task_.kind}, not for recommendation; use lmindexer search.")
    taken = None if history is None else [part.strip() for part in history.split(",") if part.strip()]
    ids = None if among is None else among.split(",")
    found = model.recommend(taken, user=user, top=top, seen=seen, category=category, among=ids)
    corpus, task = model.task_.corpus, model.task_
    places = (
        task.all[task.row_of_user(user)] if user is not None else [list(corpus.doc_ids).index(one) for one in taken]
    )
    if as_json:
        past = [{"doc_id": corpus.doc_ids[place], "title": title_of(corpus, place)} for place in places]
        answer = {"model": model.name, "user": user, "history": past, "items": found.to_dict(orient="records")}
        answer |= {"note": found.attrs["note"]} if found.attrs["note"] else {}
        typer.echo(json.dumps(json_safe(answer), ensure_ascii=False, indent=1))
        return
    last = "; ".join(f"{corpus.doc_ids[place]} {title_of(corpus, place)}" for place in list(places)[-5:])
    typer.echo(f"After {len(places)} {'item' if len(places) == 1 else 'items'}, the last: {last}")
    if len(found):
        typer.echo(found.to_string(index=False, float_format="%.3f"))
    if note := found.attrs["note"]:
        typer.echo(note if len(found) else f"Nothing is left to recommend. {note} With --seen, items come again.")
