"""Train a tiny run with parts of the method switched off and watch what collapses."""

import threading

import ipywidgets as iw
import numpy as np
import pandas as pd

from lmindexer import plots
from lmindexer.browse.history import MEASURES
from lmindexer.common.errors import LMIndexerError
from lmindexer.common.kinds import COUNT, kind_of, takes
from lmindexer.common.progress import Progress, history_frame
from lmindexer.corpus.corpus import Corpus
from lmindexer.quality.diagnostics import diagnose
from lmindexer.widgets.panel import Panel, escaped, show_figure, sparkline, table

CURVES = ("perplexity", "diff_ratio", "macro_f1")
SWITCHES = {  # name: (words, what it sets when it is off)
    "reconstructor_warmup": ("reconstructor warm-up", {"reconstructor_warmup": False}),
    "continuous": ("continuous warm-up", {"continuous": False}),
    "kmeans": ("k-means codebook", {"codebook_init": "random"}),
    "contrastive": ("contrastive loss", {"contrastive": "off"}),
    "commitment": ("commitment loss", {"commitment": 0.0}),
}
SMALL = {"codebook_size": 16, "positions": 2, "warmup_epochs": 2, "continuous_epochs": 3, "discrete_epochs": 4}


class Stopped(Exception):
    """A person asked the training to stop."""


CORPUS = kind_of(Corpus, "a Corpus", "Make one with Corpus.from_records, from_frame or from_file.")


class CollapseLab(Panel):
    """Switches, a train button, a stop button, and live curves of perplexity, diff ratio and Macro-F1.

    Every run of the `tiny` preset takes some seconds on a CPU and adds a curve. `train` does the same from code and
    waits; `runs` keeps the histories.

    Args:
        corpus: None takes the first `documents` of the bundled WordNet nouns.
        settings: of `lmindexer.settings.settings`, for all runs; the defaults are 2 positions of 16 codes.

    >>> lab = CollapseLab()                                                      # doctest: +SKIP
    >>> lab.train(reconstructor_warmup=False, continuous=False, kmeans=False)    # doctest: +SKIP
    """

    @takes(corpus=CORPUS, documents=COUNT)
    def __init__(self, corpus: Corpus | None = None, documents: int = 240, **settings):
        self.corpus = _first_nouns(documents) if corpus is None else corpus
        self.settings = {**SMALL, **settings}
        self.runs: dict[str, pd.DataFrame] = {}
        self.running: str | None = None
        self._stop, self._thread = threading.Event(), None
        self.switches = {
            name: iw.Checkbox(value=True, description=words, indent=False, layout={"width": "190px"})
            for name, (words, _) in SWITCHES.items()
        }
        self.rate = iw.Dropdown(description="learning rate", options=[3e-4, 1e-3, 3e-3, 1e-2], value=1e-3,
                                style={"description_width": "90px"}, layout={"width": "200px"})  # fmt: skip
        self.start_button = iw.Button(description="Train", icon="play", button_style="primary")
        self.stop_button = iw.Button(description="Stop", icon="stop", disabled=True)
        self.clear_button = iw.Button(description="Clear", icon="trash")
        self.bar, self.message = iw.FloatProgress(max=1.0, layout={"width": "220px"}), iw.HTML()
        self.figures = {name: iw.Output() for name in CURVES}
        buttons = iw.HBox([self.start_button, self.stop_button, self.clear_button, self.bar],
                          layout={"flex_flow": "wrap", "align_items": "center"})  # fmt: skip
        choices = iw.HBox([*self.switches.values(), self.rate], layout={"flex_flow": "wrap"})
        super().__init__([choices, buttons, self.message, *self.figures.values()])
        self.start_button.on_click(lambda _: self.start())
        self.stop_button.on_click(lambda _: self.stop())
        self.clear_button.on_click(lambda _: self.clear())
        self._draw()

    def __repr__(self) -> str:
        state = f"training {self.running!r}" if self.running else f"{len(self.runs)} runs"
        return f"CollapseLab({len(self.corpus)} documents, {state})"

    # -- training ------------------------------------------------------------------------------------------

    def train(self, name: str | None = None, **switches) -> pd.DataFrame:
        """Train with the switches as they stand, some of them set here first, and wait.

        Args:
            name: of the curve; left out, it says what is switched off.
            switches: names of `SWITCHES` (True or False), and learning_rate.

        Returns:
            The history. A run that was stopped has the epochs until then.

        Raises:
            LMIndexerError: when a switch is not known, or another run is going on.
        """
        self._set(switches)
        name, settings = self._begin(name)
        self._fit(name, settings)
        return self.runs[name]

    def start(self, name: str | None = None) -> None:
        """Train in the background, as the button does; `wait` waits for its end."""
        name, settings = self._begin(name)
        self._thread = threading.Thread(target=self._fit, args=(name, settings), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ask the run that is going on to stop after its present step."""
        self._stop.set()

    def wait(self, seconds: float | None = None) -> None:
        """Wait for the end of a run that was started in the background."""
        if self._thread is not None:
            self._thread.join(seconds)

    def clear(self) -> None:
        """Forget all finished runs."""
        self.runs = {name: history for name, history in self.runs.items() if name == self.running}
        self.message.value = ""
        self._draw()

    def summary(self) -> pd.DataFrame:
        """One row a run: at each position the last perplexity, diff ratio and Macro-F1."""
        rows = {name: self._last(history) for name, history in self.runs.items()}
        return pd.DataFrame.from_dict(rows, orient="index").rename_axis("run").reset_index()

    def static_html(self) -> str:
        """The runs as a table, with the course of the perplexity in the discrete stages as a line of blocks."""
        intro = f"<p><b>Collapse lab</b>: {len(self.corpus)} documents, codebooks of {self.codebook_sizes}.</p>"
        if not self.runs:
            return intro + "<p>Nothing is trained yet.</p>"
        table_ = self.summary()
        rows = [[*row, self._course(row[0])] for row in table_.itertuples(index=False)]
        names = [name.replace("_", " ") for name in table_.columns]
        return intro + table([*names, "perplexity by epoch"], rows)

    @property
    def codebook_sizes(self) -> tuple[int, ...]:
        """K of each position."""
        return self._indexer({}).codebook_sizes

    # -- inside --------------------------------------------------------------------------------------------

    def _set(self, switches: dict) -> None:
        for name, value in switches.items():
            if name == "learning_rate":
                self.rate.options = sorted({*self.rate.options, value})
                self.rate.value = value
            elif name in self.switches:
                self.switches[name].value = bool(value)
            else:
                known = ", ".join([*self.switches, "learning_rate"])
                raise LMIndexerError(f"There is no switch {name!r}; there are {known}.")

    def _begin(self, name: str | None) -> tuple[str, dict]:
        if self.running:
            raise LMIndexerError(f"{self.running!r} is still being trained; stop it first.")
        off = [key for key, box in self.switches.items() if not box.value]
        settings = {"learning_rate": self.rate.value}
        for key in off:
            settings |= SWITCHES[key][1]
        if name is None:
            name = "without " + ", ".join(SWITCHES[key][0] for key in off) if off else "everything on"
            name += "" if self.rate.value == 1e-3 else f", rate {self.rate.value:g}"
        self._stop.clear()
        self.running = name
        self.runs[name] = history_frame([])
        self.start_button.disabled, self.stop_button.disabled = True, False
        self.bar.value, self.message.value = 0.0, f"Training <i>{escaped(name)}</i> …"
        return name, settings

    def _indexer(self, settings: dict):
        from lmindexer.indexers import LMIndexer  # torch takes seconds to load

        return LMIndexer("tiny", device="cpu", **{**self.settings, **settings})

    def _fit(self, name: str, settings: dict) -> None:
        said = ""
        try:
            indexer = self._indexer(settings)
            indexer.fit(self.corpus, progress=_Watch(self, name))
            self.runs[name] = indexer.history_
            said = self._verdict(name)
        except Stopped:
            said = f"<i>{escaped(name)}</i> was stopped."
        except LMIndexerError as error:
            said = escaped(error)
            del self.runs[name]
        finally:
            self.running = None
            self.message.value = said
            self.start_button.disabled, self.stop_button.disabled = False, True
            self._draw()

    def _verdict(self, name: str) -> str:
        """What the last perplexities say, in words."""
        said = []
        for position, size in enumerate(self.codebook_sizes, start=1):
            value = self._last(self.runs[name]).get(f"perplexity_{position}")
            words = diagnose(value, size, len(self.corpus), "discrete", position)
            said += [words] if words else []
        return f"<i>{escaped(name)}</i>: " + (escaped(" ".join(said)) or "no position has collapsed.")

    def _last(self, history: pd.DataFrame) -> dict:
        """{measure_position: last value}; None where a run was stopped before."""
        found = {}
        for measure in CURVES:
            for position in range(1, self.settings["positions"] + 1):
                part = history[(history["position"] == position) & history[measure].notna()]
                found[f"{measure}_{position}"] = float(part[measure].iloc[-1]) if len(part) else None
        return found

    def _course(self, name: str) -> str:
        history, lines = self.runs[name], []
        for position, size in enumerate(self.codebook_sizes, start=1):
            values = history[history["position"] == position]["perplexity"].dropna()
            lines.append(sparkline(values.tolist(), size))
        return " | ".join(lines)

    def _draw(self) -> None:
        shown = {name: history for name, history in self.runs.items() if len(history)}
        for measure, output in self.figures.items():
            if not shown:
                show_figure(output, None)
                continue
            figure = plots.training_curves(shown, measure, self.codebook_sizes, len(self.corpus))
            last = measure == CURVES[-1]
            figure.update_layout(height=330 if last else 270, showlegend=last, margin={"b": 90 if last else 40})
            show_figure(output, figure.update_layout(title={"text": MEASURES[measure], "font": {"size": 14}}))


class _Watch(Progress):
    """Tells a lab of every step and epoch, and stops where the lab says so."""

    def __init__(self, lab: CollapseLab, name: str):
        super().__init__(None, False)
        self.lab, self.name = lab, name

    def step(self, epoch: int, loss: float) -> None:
        if self.lab._stop.is_set():
            raise Stopped
        super().step(epoch, loss)
        part = min(self.now["step"] / max(self.now["steps"], 1), 1.0)
        self.lab.bar.value = (self.now["stage_index"] + part) / self.now["stages"]

    def record(self, history: list[dict]) -> None:
        super().record(history)
        self.lab.runs[self.name] = history_frame(history)
        self.lab._draw()


def _first_nouns(documents: int) -> Corpus:
    from lmindexer.datasets import load_sample

    corpus = load_sample("wordnet")
    return corpus.take(np.arange(min(documents, len(corpus))))
