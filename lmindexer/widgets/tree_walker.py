"""Type a text and walk it down the tree of IDs, one position at a time."""

import ipywidgets as iw
import numpy as np
import pandas as pd

from lmindexer import plots
from lmindexer.browse import documents, inside, words
from lmindexer.common.errors import LMIndexerError
from lmindexer.common.kinds import TEXT, having, takes
from lmindexer.tasks.decoding import greedy_steps
from lmindexer.widgets.panel import Panel, as_browser, escaped, show_figure, table

OFFERED = 5  # codes offered at each position


INDEXER = having("an indexer", "Give a fitted one, or lmindexer.load_indexer(run).", "scorer")


class TreeWalker(Panel):
    """Step a text through the positions: at each, the most probable codes, their key words, what lies below.

    Args:
        run: a `RunBrowser` of a bundle, a `Bundle` or the folder of a run; it must hold its model.
        text: to begin with.
        indexer: the run's indexer, if it is loaded already.

    >>> walker = TreeWalker("runs/wordnet", "a small dog that hunts rats")       # doctest: +SKIP
    >>> walker.step()                                                            # doctest: +SKIP
    """

    @takes(text=TEXT, indexer=INDEXER)
    def __init__(self, run, text: str = "", indexer=None):
        self.run = as_browser(run)
        if indexer is None and not inside.has_model(self.run):
            raise LMIndexerError(f"{self.run.name} holds no model, so no new text can be followed; give its indexer.")
        self.indexer = inside.load_model(self.run) if indexer is None else indexer
        self.scorer, self.prefix = None, ()
        self.text = iw.Text(value=text, placeholder="type a text, then press Enter", continuous_update=False,
                            layout={"width": "min(640px, 100%)"})  # fmt: skip
        self.next = iw.Button(description="Next code", icon="arrow-down", button_style="primary")
        self.back = iw.Button(description="Back", icon="arrow-up")
        self.branches, self.where = iw.HBox(layout={"flex_flow": "wrap"}), iw.HTML()
        self.figure, self.list = iw.Output(), iw.HTML()
        buttons = iw.HBox([self.next, self.back, self.where], layout={"align_items": "center", "flex_flow": "wrap"})
        super().__init__([self.text, buttons, self.branches, self.figure, self.list])
        self.text.observe(lambda _: self.begin(self.text.value), "value")
        self.next.on_click(lambda _: self.step())
        self.back.on_click(lambda _: self.go(self.prefix[:-1]))
        self.begin(text)

    def __repr__(self) -> str:
        return f"TreeWalker({self.text.value[:50]!r}, at {self._string() or 'the top'})"

    def begin(self, text: str) -> None:
        """Take another text and stand at the top of the tree."""
        self.text.value, self.prefix = text, ()
        self.scorer = self.indexer.scorer(text) if text.strip() else None
        self._show()

    def step(self, code: int | None = None) -> int | None:
        """Go on by `code`, or by the most probable one; returns the code, None where the ID is whole.

        Raises:
            LMIndexerError: when there is no text yet, or no such code.
        """
        if len(self.prefix) == self.run.positions:
            return None
        code = int(np.argmax(self.probabilities())) if code is None else int(code)
        self.go((*self.prefix, code))
        return code

    def walk(self) -> tuple[int, ...]:
        """Take the most probable code at every position that is left; returns the ID."""
        while self.step() is not None:
            pass
        return self.prefix

    def go(self, prefix) -> None:
        """Stand at a prefix."""
        self.prefix = self.run.checked(prefix)
        self._show()

    def probabilities(self) -> np.ndarray:
        """[K] P_s of the next code after the prefix, given the text."""
        if self.scorer is None:
            raise LMIndexerError("There is no text to follow; type one first.")
        prefix = np.array(self.prefix, dtype=np.int64).reshape(1, -1)
        return np.exp(np.asarray(self.scorer.log_probabilities(prefix), dtype=np.float64)[0])

    def steps(self) -> pd.DataFrame:
        """position, code, probability, rank, chosen, words of the codes taken and of those on offer now."""
        if self.scorer is None:
            return pd.DataFrame(columns=["position", "code", "probability", "rank", "chosen", "words"])
        whole = len(self.prefix) == self.run.positions
        path = self.prefix if whole else (*self.prefix, int(np.argmax(self.probabilities())))
        found = greedy_steps(self.scorer, path, OFFERED)
        named = [words.keywords(self.run, path[:t]) for t in range(len(path))]
        found["words"] = [", ".join(named[row.position - 1].get(row.code, [])[:4]) for row in found.itertuples()]
        found.loc[found["position"] > len(self.prefix), "chosen"] = False
        return found

    def static_html(self) -> str:
        """The codes on the way as a table, and the documents where the walk stands."""
        rows = [[int(r.position), f"<{r.code}>", f"{r.probability:.1%}", "taken" if r.chosen else "", r.words]
                for r in self.steps().itertuples()]  # fmt: skip
        said = f"<p>Text: <b>{escaped(self.text.value)}</b></p>" if self.text.value else "<p>No text yet.</p>"
        return said + table(["position", "code", "probability", "", "key words"], rows) + self._documents()

    # -- what is on the screen -----------------------------------------------------------------------------

    def _show(self) -> None:
        whole = len(self.prefix) == self.run.positions
        steps = self.steps()
        self.next.disabled, self.back.disabled = whole or self.scorer is None, not self.prefix
        self.where.value = f"<b>{escaped(self._string() or 'top of the tree')}</b>"
        offered = steps[steps["position"] > len(self.prefix)]
        self.branches.children = [self._branch(row) for row in offered.itertuples()]
        show_figure(self.figure, plots.code_probabilities(steps, "Codes on the way") if len(steps) else None)
        self.list.value = self._documents()

    def _branch(self, row) -> iw.Button:
        button = iw.Button(description=f"<{row.code}> {row.probability:.0%} {row.words}", tooltip=row.words,
                           layout={"width": "auto"})  # fmt: skip
        button.on_click(lambda _, code=row.code: self.step(code))
        return button

    def _documents(self) -> str:
        """Some documents below, or, where no document has this ID, those of the longest prefix that has some."""
        prefix, said = self.prefix, ""
        while not self.run.count(prefix):
            said, prefix = f"No document has the ID {self._string()}. ", prefix[:-1]
        page = documents.page(self.run, prefix, limit=6)
        where = "".join(f"<{code}>" for code in prefix) or "the top"
        rows = [[r.id, r.title, r.text[:90]] for r in page.rows.itertuples()]
        said += f"{page.total:,} documents under {where}:"
        return f"<p>{escaped(said)}</p>" + table(["ID", "title", "text"], rows)

    def _string(self) -> str:
        return "".join(f"<{code}>" for code in self.prefix)
