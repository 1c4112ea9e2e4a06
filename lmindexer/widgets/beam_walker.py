"""Walk a beam down the tree of IDs over a trained recommender: change the width, step, see what is kept and dropped."""

import ipywidgets as iw
import pandas as pd
import torch

from lmindexer import plots
from lmindexer.common.errors import LMIndexerError, SettingsError
from lmindexer.common.kinds import COUNT, TEXT, having, takes
from lmindexer.tasks.base import title_of
from lmindexer.tasks.decoding import course_of
from lmindexer.widgets.panel import Panel, escaped, show_figure, table

WIDEST = 50
SHOWN = 12  # branches in the table, the best ones
MODEL = having("a recommender by IDs", "Give a fitted GenerativeRecommender or its like.", "check_fitted", "task_")


class BeamWalker(Panel):
    """The course of a beam after a user's history, position by position.

    The answer that a split holds back is known, so the walker says at which position its path leaves the beam.

    Args:
        model: a fitted recommender by IDs, such as `GenerativeRecommender`.
        user: whose history (everything before the test's answer); the first asked user where left out.
        width: prefixes kept after each code.

    Attributes: `beam` (a `tasks.decoding.Beam`), `position` (how far the walk has come; 0: the root), `answer` (the
    place of the right item).

    Raises LMIndexerError for a model that is not fitted, SettingsError for a user without a test answer.

    >>> walker = BeamWalker(model, width=2)                                       # doctest: +SKIP
    >>> walker.step()                                                             # doctest: +SKIP
    """

    @takes(model=MODEL, user=TEXT, width=COUNT)
    def __init__(self, model, user: str | None = None, width: int = 3):
        model.check_fitted()
        if not hasattr(model, "where_lost"):
            raise LMIndexerError(f"{model.name} does not recommend by IDs; give a GenerativeRecommender or its like.")
        self.model, self.task, self.position = model, model.task_, 0
        self.users = self.task.query_ids("test")
        self.user = iw.Combobox(value=user or self.users[0], options=self.users, description="user",
                                continuous_update=False)  # fmt: skip
        self.width = iw.IntSlider(min(width, WIDEST), 1, WIDEST, description="width", continuous_update=False)
        self.next = iw.Button(description="Next code", icon="arrow-down", button_style="primary")
        self.back = iw.Button(description="Back", icon="arrow-up")
        self.said, self.figure, self.list = iw.HTML(), iw.Output(), iw.HTML()
        knobs = iw.HBox([self.user, self.width], layout={"flex_flow": "wrap"})
        super().__init__([knobs, iw.HBox([self.next, self.back]), self.said, self.figure, self.list])
        self.begin(self.user.value)
        self.user.observe(self._take_user, "value")
        self.width.observe(lambda _: self._search(), "value")
        self.next.on_click(lambda _: self.step())
        self.back.on_click(lambda _: self.go(self.position - 1))

    def __repr__(self) -> str:
        return f"BeamWalker({self.user.value!r}, width {self.width.value}, at position {self.position} of {self.depth})"

    @property
    def depth(self) -> int:
        """Positions of the tree, the suffix included."""
        return self.model.network.tree.depth

    def begin(self, user: str) -> None:
        """Take another user and stand at the root."""
        if user not in self.users:
            raise SettingsError(f"The test does not ask about {user!r}; its users are {', '.join(self.users[:3])}, ….")
        self.user.value = user
        row = self.users.index(user)
        self.history = self.task.histories("test").take([row])
        self.answer = int(self.task.targets("test")[row])
        self.scorer = self.model.scorer(self.history)
        self.position = 0
        self._search()

    def step(self) -> int:
        """One position further, if there is one; returns where the walk stands."""
        self.go(self.position + 1)
        return self.position

    def go(self, position: int) -> None:
        """Stand at a position, 0 being the root."""
        self.position = max(0, min(int(position), self.depth))
        self._show()

    @property
    def lost(self) -> int:
        """The position, from 1, at which the right item's path leaves the beam; 0 if it stays."""
        kept = set(self.beam.steps.loc[self.beam.steps["kept"], "prefix"])
        return next((t for t in range(1, self.depth + 1) if self.path[:t] not in kept and len(self.path) >= t), 0)

    def branches(self) -> pd.DataFrame:
        """The branches of the last step, the best first: prefix, score, kept, documents, right (the answer's)."""
        some = self.beam.steps[self.beam.steps["position"] == self.position]
        some = some.sort_values("score", ascending=False, kind="stable")[["prefix", "score", "kept", "documents"]]
        return some.assign(right=[prefix == self.path[: self.position] for prefix in some["prefix"]])

    def static_html(self) -> str:
        """The branches where the walk stands, and at the end the items, as tables."""
        return self.said.value + self.list.value

    # -- what is on the screen -----------------------------------------------------------------------------

    def _take_user(self, change) -> None:
        if change["new"] in self.users:  # a name that is being typed is no user yet
            self.begin(change["new"])

    def _search(self) -> None:
        tree = self.model.network.tree
        nodes = tree.paths(torch.tensor([self.answer]))[0, 1:]
        self.path = tuple(code for code in tree.code[nodes].tolist() if code >= 0)
        with torch.no_grad():
            self.beam = course_of(self.scorer, tree, self.width.value)
        self._show()

    def _show(self) -> None:
        self.next.disabled, self.back.disabled = self.position == self.depth, self.position == 0
        steps = self.beam.steps[self.beam.steps["position"] <= self.position]
        show_figure(self.figure, plots.beam_tree(steps) if len(steps) else None)
        last = ", ".join(title_of(self.task.corpus, item) for item in self.history[0][-4:])
        self.said.value = (
            f"<p>Last taken: <b>{escaped(last)}</b>. What came next: "
            f"<b>{escaped(title_of(self.task.corpus, self.answer))}</b>, ID {escaped(_string(self.path))}. "
            f"{escaped(self._fate())}</p>"
        )
        self.list.value = self._branches() + (self._items() if self.position == self.depth else "")

    def _fate(self) -> str:
        if self.lost and self.lost <= self.position:
            return f"Its path left the beam at position {self.lost}."
        return "Its path is in the beam." if self.position else "Step to see how far the beam follows it."

    def _branches(self) -> str:
        rows = [
            [
                _string(row.prefix),
                row.score,
                int(row.documents),
                "kept" if row.kept else "",
                "right" if row.right else "",
            ]
            for row in self.branches().head(SHOWN).itertuples()
        ]
        return table(["prefix", "log P so far", "items", "", ""], rows) if rows else ""

    def _items(self) -> str:
        corpus, rows = self.task.corpus, []
        for rank, path in enumerate(self.beam.paths.head(SHOWN).itertuples(), start=1):
            item = int(path.documents[0])
            rows.append([rank, title_of(corpus, item), path.score, "right" if item == self.answer else ""])
        return table(["rank", "item", "log P", ""], rows, "Recommended")


def _string(path) -> str:
    return "".join(f"<{code}>" for code in path)
