"""Progress of a fit: a bar on every stage, and two files that others may watch (progress.json, history.parquet)."""

import json
import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
from tqdm.auto import tqdm

from lmindexer.common.errors import TrainingError
from lmindexer.common.files import written_aside
from lmindexer.common.forecast import Forecast, in_words

INTERVAL = 1.0  # seconds between writes of progress.json
COLUMNS = [  # of a history, in every run; None where a stage or a setting leaves something undefined
    *("stage", "position", "epoch", "step", "seconds", "documents", "loss"),
    *("reconstruction", "contrastive", "commitment", "agreement", "balance", "anchor"),
    *("perplexity", "within_prefix_perplexity", "used_codes", "diff_ratio", "diff_ratio_released"),
    *("macro_f1", "id_consistency", "asked_words", "documents_unasked"),
]


def history_frame(rows: list[dict]) -> pd.DataFrame:
    """One row an epoch, as `COLUMNS` has it: stage as text, the rest numbers."""
    frame = pd.DataFrame(list(rows)).reindex(columns=COLUMNS)
    whole = {"position": int, "epoch": int, "step": int, "documents": int}
    return frame.astype({name: whole.get(name, float) for name in COLUMNS[1:]})


class Progress:
    """Shows bars when `show`, and writes into `folder` unless it is None."""

    def __init__(self, folder: Path | None = None, show: bool = True):
        self.folder, self.show = folder, show
        self.bar, self.now, self.began, self.written = None, {}, time.time(), 0.0
        self.forecast: Forecast | None = None  # of the whole fit; set by whoever knows its parts

    def whole(self, part: str, share: float, write=tqdm.write) -> str:
        """What is left of the whole fit, in words, when `share` of a part is done; "" while nothing is known.

        The first time it is known, the whole is said too.
        """
        left = None if self.forecast is None else self.forecast.left(part, share)
        if left is None:
            return ""
        if self.show and "seconds_left" not in self.now:
            write(f"The whole takes about {in_words(time.time() - self.began + left)} on this machine as it is now.")
        self.now["seconds_left"] = round(left, 1)
        return f"{in_words(left)} left in all"

    def stage(self, stage, index: int, stages: int, steps: int) -> None:
        """A stage begins."""
        kept = {name: self.now[name] for name in ("seconds_left",) if name in self.now}
        self.now = kept | {
            "stage": stage.name,
            "position": stage.position,
            "epoch": 0,
            "epochs": stage.epochs,
            "step": 0,
            "steps": steps,
            "stage_index": index,
            "stages": stages,
        }
        title = f"[{index + 1}/{stages}] {stage!s}"
        self.bar = tqdm(total=steps, desc=f"{title:<28}", disable=not self.show, unit=" steps")
        self._write(force=True)

    def resume_at(self, step: int) -> None:
        self.bar.update(step)
        self.now["step"] = step

    def step(self, epoch: int, loss: float) -> None:
        self.now["epoch"], self.now["step"] = epoch + 1, self.now["step"] + 1
        self.bar.update(1)
        shown = [f"loss {loss:.3f}"] if loss == loss else []
        self.bar.set_postfix_str(", ".join(shown + self._left()), refresh=False)
        self._write()

    def _left(self) -> list[str]:
        part = f"stage {self.now['stage_index']}"
        said = self.whole(part, self.now["step"] / max(1, self.now["steps"]), self.bar.write)
        return [said] if said else []

    def record(self, history: list[dict]) -> None:
        """An epoch is over: show its diagnostics, keep the history so far."""
        last = history[-1]
        shown = [f"loss {last['loss']:.3f}"] if "loss" in last else []
        shown += [f"perplexity {last['perplexity']:.1f}"] if last.get("perplexity") else []
        shown += [f"Macro-F1 {last['macro_f1']:.3f}"] if last.get("macro_f1") is not None else []
        self.bar.set_postfix_str(", ".join(shown + self._left()))
        if self.folder is not None:
            with written_aside(self.folder / "history.parquet", TrainingError) as aside:
                self.folder.mkdir(parents=True, exist_ok=True)
                history_frame(history).to_parquet(aside)

    def say(self, message: str) -> None:
        if self.show:
            self.bar.write(message)

    def close_stage(self) -> None:
        self._write(force=True)
        self.close()

    def close(self) -> None:
        """Let go of the line; a second time does nothing."""
        if self.bar is not None:
            self.bar.close()

    def _write(self, force: bool = False) -> None:
        if self.folder is None or (not force and time.time() - self.written < INTERVAL):
            return
        self.written = time.time()
        stamp = {"seconds": self.written - self.began, "pid": os.getpid(), "updated": datetime.now(UTC).isoformat()}
        stamp |= {"command": sys.orig_argv, "cwd": os.getcwd()}  # by which a fit of the shell can be gone on with
        with written_aside(self.folder / "progress.json", TrainingError) as aside:
            self.folder.mkdir(parents=True, exist_ok=True)
            aside.write_text(json.dumps(self.now | stamp), encoding="utf-8")
