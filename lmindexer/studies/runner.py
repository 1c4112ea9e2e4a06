"""Runs a study: processes of one thread each, finished runs skipped, half runs taken up, the rest going on past a
failure, an estimate of the time left."""

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from lmindexer.common.errors import LMIndexerError
from lmindexer.common.kinds import COUNT, FUNCTION, TRUTH, kind_of, takes
from lmindexer.corpus.corpus import Corpus
from lmindexer.studies.measure import KEPT
from lmindexer.studies.plan import Run, Study
from lmindexer.studies.records import Records
from lmindexer.studies.worker import build, execute, explain, noted

ONE_THREAD = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")


@dataclass
class StudyResult:
    """What a study has found so far.

    Attributes:
        study: the study.
        found: what was noted of each finished run, in the study's order (`worker.execute`).
        failed: run's name → why.
        waiting: runs that are still to be made.
        records: finished runs whose bundles may be elsewhere.
    """

    study: Study
    found: list[dict] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    waiting: list[Run] = field(default_factory=list)
    records: Records = field(default_factory=Records)

    def frame(self) -> pd.DataFrame:
        """One row a finished run: what it is and its numbers (`tables.flat`)."""
        from lmindexer.studies.tables import cost_of_embeddings, flat

        return cost_of_embeddings(pd.DataFrame([flat(one) for one in self.found]))

    def history(self) -> pd.DataFrame:
        """One row an epoch of every finished run: corpus, category_text, label, seed, and what `measure.KEPT` names."""
        names = ("corpus", "category_text", "label", "seed")
        rows = [
            {name: one["run"][name] for name in names} | row for one in self.found for row in one["measures"]["history"]
        ]
        return pd.DataFrame(rows, columns=[*names, *KEPT])

    def codes(self, run: Run):
        """The codes [N, T] of a finished run."""
        from lmindexer.runs.bundle import Bundle

        kept = self.records.rows.get(run.name)
        if kept is not None and kept["noted"] in self.found:  # else its bundle is newer, or of other settings
            return kept["codes"]
        return Bundle.open(self.study.path(run)).ids.codes

    def keep(self) -> None:
        """Write the finished runs into the study's file of records, if it has one."""
        if self.records.path is None:
            return
        for one in self.found:
            run = Run(**one["run"])
            self.records.add(run, one, self.codes(run))
        self.records.write()

    def markdown(self, command: str = "") -> str:
        """The study's report (`writing.report`)."""
        from lmindexer.studies.writing import report

        return report(self, command)


STUDY = kind_of(Study, "a Study", "Plan one first, for example with lmindexer.studies.table1([corpus]).")


@takes(study=STUDY)
def state_of(study: Study) -> StudyResult:
    """What is there already; nothing is run."""
    found, waiting, records = [], [], Records.read(study.records)
    for run in study.runs:
        corpus = study.corpora[run.corpus]
        one = noted(study.inside("results"), run, corpus, study.path(run)) or records.noted(run, corpus)
        waiting.append(run) if one is None else found.append(one)
    return StudyResult(study, found, {}, waiting, records)


@takes(study=STUDY, processes=COUNT, maps=TRUTH, reference=TRUTH, say=FUNCTION)
def run_study(
    study: Study,
    processes: int | None = None,
    *,
    maps: bool = False,
    reference: bool = True,
    say: Callable[[str], None] = print,
) -> StudyResult:
    """Make the runs of a study that are not there yet.

    Args:
        processes: how many at once, each with one thread (None: one a core; 0: none but this one, for debugging).
        maps: also lay out each run's map of documents for the explorer, which takes longer than a small fit.
        reference: also measure neighbour preservation, for which the corpus is embedded once.
        say: is given each line of progress.

    Ctrl-C ends the workers and is passed on; everything finished stays, and the same call goes on from there. A
    run that fails is reported in `failed`, with its traceback in the study's log.

    Raises:
        SettingsError, LMIndexerError: before anything is run, when a run names a setting or an indexer that is
            not there.
    """
    result = state_of(study)
    total, done = len(study.runs), len(result.found)
    if done:
        say(f"{done} of {total} runs are there already.")
    if not result.waiting:
        return result
    for run in result.waiting:
        build(run)  # a setting or an indexer that is not there is said now, not after hours
    study.inside("corpora").mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    with _only_one(study):
        make = _in_this_process if processes == 0 else _in_processes
        count = min(processes or os.cpu_count() or 1, len(result.waiting))
        with contextlib.closing(make(study, list(result.waiting), count, maps, reference)) as answers:
            for run, answer in answers:
                done += 1
                _take(result, run, answer, f"[{done}/{total}] {run.name}", count, say)
    order = {run.name: place for place, run in enumerate(study.runs)}
    result.found.sort(key=lambda one: order[Run(**one["run"]).name])
    spent = _duration(time.monotonic() - began)
    say(f"{len(result.found)} of {total} runs are finished after {spent}" + _failures(result))
    return result


def _take(result: StudyResult, run: Run, answer: dict, place: str, processes: int, say) -> None:
    result.waiting.remove(run)
    if "error" in answer:
        result.failed[run.name] = answer["error"]
        say(f"{place} failed: {answer['error']}")
        return
    result.found.append(answer["found"])
    left = time_left(result.waiting, result.found, result.study.corpora, processes)
    say(f"{place}: {_in_short(answer['found'])}{'; ' + left if left else ''}")


# ---- where the work is done ------------------------------------------------------------------------------------


def _in_this_process(study: Study, runs: list[Run], _count: int, maps: bool, reference: bool):
    for run in runs:
        try:
            yield run, {"found": execute(study.folder, run, study.corpora[run.corpus], maps, reference)}
        except Exception as error:  # the rest goes on
            yield run, {"error": explain(error)}


def _in_processes(study: Study, runs: list[Run], count: int, maps: bool, reference: bool):
    """(run, answer) as they come, from `count` workers that each take the next run."""
    files = {name: _written(study, name, corpus) for name, corpus in study.corpora.items()}
    waiting: queue.SimpleQueue = queue.SimpleQueue()
    answers: queue.SimpleQueue = queue.SimpleQueue()
    for run in runs:
        waiting.put(run)
    workers = [Worker(study.inside(f"worker-{number}.log")) for number in range(1, count + 1)]

    def serve(worker: Worker) -> None:
        while not worker.stopped:
            try:
                run = waiting.get_nowait()
            except queue.Empty:
                return
            job = {"folder": str(study.folder.resolve()), "corpus": str(files[run.corpus]), "run": run.to_dict()}
            answers.put((run, worker.do(job | {"maps": maps, "reference": reference})))

    threads = [threading.Thread(target=serve, args=(worker,), daemon=True) for worker in workers]
    try:
        for thread in threads:
            thread.start()
        for _ in runs:
            while True:
                try:
                    answer = answers.get(timeout=0.5)  # a wait without end would not hear Ctrl-C everywhere
                    break
                except queue.Empty:
                    continue
            yield answer
    finally:
        for worker in workers:
            worker.stop()


class Worker:
    """A process that makes one run after another; it is started when it is first asked, and again if it died."""

    def __init__(self, log: Path):
        self.log, self.process, self.stopped = log, None, False
        self.command = [sys.executable, "-m", "lmindexer.studies.process"]

    def do(self, job: dict) -> dict:
        """The answer to a job: {"found": …} or {"error": …}."""
        process = self._alive()
        try:
            process.stdin.write(json.dumps(job) + "\n")
            process.stdin.flush()
            line = process.stdout.readline()
        except (OSError, ValueError):  # it died, or was stopped meanwhile
            line = ""
        if line:
            return json.loads(line)
        code = process.wait()
        why = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        hint = " (the system ends a process so when memory runs out)" if code == -9 else ""
        return {"error": f"its process ended ({why}){hint}; {self.log} has what it printed"}

    def _alive(self) -> subprocess.Popen:
        if self.process is None or self.process.poll() is not None:
            environment = os.environ | dict.fromkeys(ONE_THREAD, "1") | {"TOKENIZERS_PARALLELISM": "false"}
            with self.log.open("ab") as log:
                self.process = subprocess.Popen(
                    self.command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    env=environment,
                    text=True,
                    encoding="utf-8",
                    start_new_session=True,  # Ctrl-C is for this program, which then ends its workers
                )
        return self.process

    def stop(self) -> None:
        """End the process; a fit in it has its checkpoints."""
        self.stopped = True
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            with contextlib.suppress(OSError):
                pipe.close()


def _written(study: Study, name: str, corpus: Corpus) -> Path:
    """The corpus as a file that workers read, written aside and renamed."""
    path = study.inside("corpora", f"{corpus.fingerprint[-16:]}.parquet").resolve()
    if not path.exists():
        aside = path.with_name(f"{path.stem}.{os.getpid()}.part.parquet")
        corpus.to_parquet(aside)
        aside.replace(path)
    return path


@contextlib.contextmanager
def _only_one(study: Study):
    """Refuse a second program that would make the runs of the same study at the same time."""
    with study.inside("running").open("w") as file:
        try:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except ImportError:  # Windows has none; there a second program is the person's to avoid
            pass
        except OSError:
            raise LMIndexerError(
                f"Another program is making the runs in {study.folder}; wait for it, stop it, or only write the "
                "report of what is there."
            ) from None
        yield


# ---- progress --------------------------------------------------------------------------------------------------


def time_left(waiting: list[Run], found: list[dict], corpora, processes: int) -> str:
    """In words, or "" where nothing is known yet.

    A run is taken to need what finished runs of its method needed a document, or of all methods if none of its own
    is finished.
    """
    seconds = seconds_left(waiting, found, {name: len(corpus) for name, corpus in corpora.items()}, processes)
    return "" if seconds is None else f"about {_duration(seconds)} left"


def seconds_left(waiting: list[Run], found: list[dict], sizes: dict[str, int], processes: int) -> float | None:
    """The estimate behind `time_left`; None where nothing is finished.

    >>> done = [{"run": {"label": "a"}, "seconds": 10.0, "documents": 100}]
    >>> seconds_left([Run("x", True, "a", "random", 0)], done, {"x": 300}, 1)
    30.0
    """
    if not found:
        return None
    rates: dict[str, list[float]] = {}
    for one in found:
        rates.setdefault(one["run"]["label"], []).append(one["seconds"] / max(one["documents"], 1))
    every = [rate for some in rates.values() for rate in some]
    total = 0.0
    for run in waiting:
        known = rates.get(run.label, every)
        total += sum(known) / len(known) * sizes[run.corpus]
    return total / max(1, min(processes, len(waiting)))


def _duration(seconds: float) -> str:
    """
    >>> _duration(42), _duration(170), _duration(5000)
    ('42 s', '3 min', '1 h 23 min')
    """
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def _in_short(found: dict) -> str:
    from lmindexer.studies.tables import flat

    row = flat(found)
    ami = row.get("ami_c1")
    return ("" if ami is None else f"AMI of c1 {ami:.3f}, ") + f"{_duration(found['seconds'])}"


def _failures(result: StudyResult) -> str:
    if not result.failed:
        return "."
    return f"; {len(result.failed)} failed: " + "; ".join(f"{name}: {why}" for name, why in result.failed.items())
