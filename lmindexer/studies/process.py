"""A worker process: `python -m lmindexer.studies.process` reads one job (JSON) a line, and answers with one line each.

It ends with its input, or when the program that started it is gone.
"""

import json
import os
import sys
import threading
import time
import traceback
from pathlib import Path

from lmindexer.common.jsonfiles import json_safe
from lmindexer.corpus.corpus import Corpus
from lmindexer.studies.plan import Run
from lmindexer.studies.worker import execute, explain


def main() -> None:
    """Serve jobs from standard input."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a library prints goes to the log, not among the answers
    threading.Thread(target=_end_with_parent, args=(os.getppid(),), daemon=True).start()
    import torch

    torch.set_num_threads(1)
    for line in sys.stdin:
        job = json.loads(line)
        print(f"--- {job['run']['corpus']}: {job['run']['label']}, seed {job['run']['seed']}", flush=True)
        answers.write(json.dumps(json_safe(answer(job))) + "\n")
        answers.flush()


def answer(job: dict) -> dict:
    """{"found": what was noted} or {"error": a sentence}; the traceback goes to the log."""
    try:
        corpus = Corpus.from_parquet(job["corpus"], name=job["run"]["corpus"], missing="keep")
        return {"found": execute(Path(job["folder"]), Run(**job["run"]), corpus, job["maps"], job["reference"])}
    except Exception as error:  # a run that fails must not end the others
        traceback.print_exc()
        return {"error": explain(error)}


def _end_with_parent(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


if __name__ == "__main__":
    main()
