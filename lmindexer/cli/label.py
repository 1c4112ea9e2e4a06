"""lmindexer label …: make a labelling study, open it for annotators, watch it, take answers in and out."""

import getpass
import sys
from pathlib import Path
from typing import Annotated

import typer

from lmindexer.cli import explore
from lmindexer.cli.app import program
from lmindexer.cli.inputs import written
from lmindexer.common.errors import SettingsError, StudyError

label = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Have people judge IDs: blinded questions, agreement, results.",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)

_SHOWN = 20  # conflicts of an import

StudyFile = Annotated[Path, typer.Argument(metavar="STUDY", help="The file of a study.")]
By = Annotated[str | None, typer.Option(metavar="NAME", help="Who does this; kept in the study.  [default: you]")]


@label.command()
def create(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Finished runs over one corpus.")],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help="The study's file.")] = Path(
        "study.sqlite"
    ),
    questions: Annotated[
        list[str] | None,
        typer.Option(
            "--questions",
            metavar="TYPE[=N]",
            help="intruder, pair, coherence, ab, level or collision; give it again for several.  "
            "[default: intruder and pair]",
        ),
    ] = None,
    per_method: Annotated[int, typer.Option(min=1, help="Questions of each type for each run.")] = 40,
    annotators: Annotated[int | None, typer.Option(min=1, help="How many annotators.  [default: 2]")] = None,
    name: Annotated[
        list[str] | None,
        typer.Option("--annotator", metavar="NAME", help="Let only these in; give it again for each."),
    ] = None,
    overlap: Annotated[
        int | None, typer.Option(min=1, help="Annotators of each question.  [default: 2, or all if fewer]")
    ] = None,
    repeats: Annotated[float, typer.Option(min=0, max=1, help="Share that comes twice, unannounced.")] = 0.1,
    gold: Annotated[float, typer.Option(min=0, max=1, help="Share added with a known, easy answer.")] = 0.1,
    title: Annotated[
        str | None, typer.Option(metavar="WORDS", help="What annotators see as the study's title; blind to methods.")
    ] = None,
    length: Annotated[int | None, typer.Option(min=1, help="Codes that make a prefix.  [default: 2]")] = None,
    seed: Annotated[int, typer.Option(help="The same seed makes the same study.")] = 0,
    ask_password: Annotated[bool, typer.Option("--ask-password", help="Type a password for annotators.")] = False,
):
    """Make a study: draw questions from the runs, alike for each; print the plan.

    \b
      lmindexer label create runs/lm runs/rqvae -o study.sqlite
      lmindexer label create runs/lm runs/rqvae --questions pair=80 --questions ab=40 --annotators 4 --overlap 3
    """
    from lmindexer.human_eval import Study

    if name and annotators:
        raise SettingsError("--annotators and --annotator exclude each other; give the number or the names.")
    word = typer.prompt("Password of the study", hide_input=True, confirmation_prompt=True) if ask_password else None
    study = Study.create(
        runs,
        path=output,
        questions=_types(questions or ["intruder", "pair"], per_method),
        annotators=name or annotators or 2,
        overlap=overlap,
        repeats=repeats,
        gold=gold,
        length=length,
        seed=seed,
        password=word,
        name=title,
    )
    typer.echo(study.plan)
    typer.echo(f"Written to {output}. Label:  {program()} label open {output}")


def _types(given: list[str], per_method: int) -> dict[str, int]:
    """["pair=80", "ab"] → {"pair": 80, "ab": per_method}."""
    types = {}
    for word in given:
        kind, equals, number = word.partition("=")
        if equals and not number.isdigit():
            raise SettingsError(f"--questions {word}: write a type and a number, as in --questions pair=80.")
        types[kind] = int(number) if equals else per_method
    return types


@label.command("open")
def open_study(
    study: StudyFile,
    results: Annotated[bool, typer.Option("--results", help="Also show results and adjudication.")] = False,
    port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="[default: the first free one from 8501 on]")
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen at; 0.0.0.0 lets other machines in.")] = "127.0.0.1",
    browser: Annotated[bool, typer.Option(help="Open the browser.")] = True,
):
    """Open the labelling page; Ctrl-C closes it, answers stay.

    Nothing else of the explorer is shown, for it shows the IDs that annotators must not see.

    \b
      lmindexer label open study.sqlite
      lmindexer label open study.sqlite --host 0.0.0.0 --port 8600 --no-browser
      lmindexer label open study.sqlite --results
    """
    path = _opened(study).path
    application = explore.application_path()
    port = explore._free_port(host) if port is None else explore._checked_port(host, port)
    words = [f"--study={path}", *(["--coordinator"] if results else [])]
    sys.exit(explore._serve(application, words, host, port, browser))


def _opened(path: Path):
    from lmindexer.human_eval import Study

    return Study.open(path)


def _by(name: str | None) -> str:
    try:
        return name or getpass.getuser()
    except (OSError, KeyError):  # an account without a name
        raise StudyError("Give your name with --by; it is kept in the study.") from None


@label.command()
def status(study: StudyFile):
    """Show the plan, and how far the annotators are; no answers.

    \b
      lmindexer label status study.sqlite
    """
    opened = _opened(study)
    typer.echo(f"{opened.name}, made {opened.created[:16].replace('T', ' ')} UTC")
    if opened.simulated:
        typer.echo("For simulated annotators: no person's answers are in it.")
    typer.echo(opened.plan)
    people = opened.annotators()
    for row in people.itertuples():
        skipped = f", {row.skipped} skipped" if row.skipped else ""
        where = " (left)" if row.left else " (from elsewhere)" if row.slot == 0 else ""
        typer.echo(f"  {row.annotator}{where}: {row.answered + row.skipped} of {row.total}{skipped}")
    progress = opened.progress()
    typer.echo(f"Done: {progress['done']:,} of {progress['total']:,} screens. {_state(opened)}")


def _state(study) -> str:
    end = study.end_of
    words = f"Ended by {end['by']}." if end else "Complete." if study.ended else "Open."
    return f"{words} Unblinded." if study.unblinded else f"{words} Methods are hidden."


@label.command()
def end(study: StudyFile, by: By = None, reason: Annotated[str, typer.Option(help="Why; kept.")] = ""):
    """End a study before everything is answered. It takes no more answers; this cannot be taken back.

    \b
      lmindexer label end study.sqlite --reason "two weeks are over"
    """
    opened = _opened(study)
    opened.end(_by(by), reason)
    typer.echo(_state(opened))


@label.command("hand-on")
def hand_on(
    study: StudyFile,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The annotator who drops out.")],
    by: By = None,
):
    """Free the place of an annotator who drops out; the next newcomer goes on there.

    \b
      lmindexer label hand-on study.sqlite "Ada L"
    """
    _opened(study).hand_on(name, _by(by))
    typer.echo(f"The place of {name} goes to the next newcomer. Answers so far are kept.")


@label.command()
def export(
    study: StudyFile,
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="FILE", help=".csv, .tsv, .jsonl, .parquet; .json: Label Studio.")
    ],
    what: Annotated[str, typer.Option(metavar="answers|questions|events|tasks", help="Which part.")] = "answers",
    early: Annotated[
        str | None, typer.Option(metavar="REASON", help="Look before the end; the reason is kept in the study.")
    ] = None,
):
    """Write answers, questions or events to a file.

    \b
      lmindexer label export study.sqlite -o answers.csv
      lmindexer label export study.sqlite -o study.json           Label Studio: tasks with annotations, and study.xml
      lmindexer label export study.sqlite -o tasks.json --what tasks       without answers, to label there
    """
    from lmindexer.human_eval.answering.export import export as write

    for path in write(_opened(study), output, what, early=early):
        typer.echo(f"Written: {path}")


@label.command("import")
def import_(
    study: StudyFile,
    answers: Annotated[Path, typer.Argument(metavar="FILE", help="annotator, question_id, answer; or .json.")],
    by: By = None,
    encoding: Annotated[str | None, typer.Option(help="Of a text file.  [default: utf-8]")] = None,
    delimiter: Annotated[str | None, typer.Option(help="Of a CSV file, as in --delimiter ';'.")] = None,
    quote: Annotated[str | None, typer.Option(help="""Quotation mark of a table, or "none".  [default: "]""")] = None,
    escape: Annotated[
        str | None, typer.Option(help="What stands before a quotation mark within a field, as in --escape '\\'.")
    ] = None,
):
    """Take in answers made elsewhere: a table as export writes it, or what Label Studio exports (JSON).

    An answer that differs from the one that is there already is kept as a conflict; the one that is there stands.

    \b
      lmindexer label import study.sqlite answers.csv
    """
    from lmindexer.human_eval.answering.imports import import_answers

    form = {"encoding": encoding, "delimiter": delimiter, "quote": quote, "escape": escape}
    form = written({name: value for name, value in form.items() if value})
    opened = _opened(study)
    done = import_answers(opened, answers, _by(by), **form)
    answers, were = "answer" if done.recorded == 1 else "answers", "was" if done.known == 1 else "were"
    typer.echo(f"{done.recorded:,} {answers} recorded; {done.known:,} {were} there already.")
    if done.conflicts:
        what = "answer differs from the one" if len(done.conflicts) == 1 else "answers differ from those"
        typer.echo(f"{len(done.conflicts):,} {what} that stand{'s' * (len(done.conflicts) == 1)}:")
        for conflict in done.conflicts[:_SHOWN]:
            typer.echo(f"  {conflict}")
        if len(done.conflicts) > _SHOWN:
            typer.echo(f"  and {len(done.conflicts) - _SHOWN:,} more")
        early = "" if opened.ended else " --early conflicts"
        typer.echo(f"All are kept:  {program()} label export {study} -o events.jsonl --what events{early}")


@label.command()
def merge(
    first: Annotated[Path, typer.Argument(metavar="STUDY")],
    second: Annotated[Path, typer.Argument(metavar="STUDY")],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help="The file to make.")],
):
    """Make one file of two copies of a study that were labelled apart.

    \b
      lmindexer label merge ada.sqlite ben.sqlite -o both.sqlite
    """
    from lmindexer.human_eval.answering.merging import merge as write

    merged = write(_opened(first), _opened(second), output)
    progress = merged.progress()
    typer.echo(f"Written to {output}: {progress['done']:,} of {progress['total']:,} screens are done.")


@label.command()
def rescue(
    damaged: Annotated[Path, typer.Argument(metavar="FILE", help="A damaged study; it is not touched.")],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help="The file to make.")],
    like: Annotated[
        Path | None, typer.Option(metavar="STUDY", help="A sound copy, for questions that cannot be read.")
    ] = None,
):
    """Save every answer of a damaged study that can be read, in a new file.

    \b
      lmindexer label rescue study.sqlite -o rescued.sqlite
    """
    from lmindexer.human_eval.answering.rescue import rescue as save

    done = save(damaged, output, _opened(like) if like else None)
    lost = "an unknown number" if done.lost is None else f"{done.lost:,}"
    typer.echo(f"Written to {output}: {done.events:,} events read, {lost} lost.")
    progress = done.study.progress()
    typer.echo(f"{progress['done']:,} of {progress['total']:,} screens are done.")


@label.command()
def power(
    difference: Annotated[float, typer.Option(help="Between the shares of right answers of two methods.")] = 0.2,
    base: Annotated[float, typer.Option(help="The lower share.")] = 0.6,
    chance: Annotated[float, typer.Option("--power", help="Probability to find it.")] = 0.8,
    alpha: Annotated[float, typer.Option(help="Level of the test.")] = 0.05,
    overlap: Annotated[int, typer.Option(min=1, help="Annotators of each question.")] = 1,
    icc: Annotated[float, typer.Option(help="How alike answers to one question are, 0 to 1.")] = 0.0,
):
    """Say how many judgments find a difference between two methods.

    \b
      lmindexer label power --difference 0.15 --overlap 2 --icc 0.4
    """
    from lmindexer.human_eval import judgments_needed

    needed = judgments_needed(difference, base, chance, alpha, overlap, icc)
    questions = -(-needed // overlap)
    typer.echo(
        f"{needed:,} judgments of each method ({questions:,} questions by {overlap} annotators each) find a rise from "
        f"{base:.0%} to {base + difference:.0%} with power {chance:.0%} at the {alpha:.0%} level."
    )
