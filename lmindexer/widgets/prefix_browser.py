"""Going down the tree of IDs: the codes after a prefix with their key words, their categories, their documents."""

import ipywidgets as iw

from lmindexer import plots
from lmindexer.browse import documents, prefixes, words
from lmindexer.widgets.panel import Panel, as_browser, bar, escaped, show_figure, table

SHOWN = 12  # documents on a page
NOTHING = -9  # stands for no choice; -1 is "no code" in IDs of variable depth


class PrefixBrowser(Panel):
    """Browse the documents of a run by the prefix of their IDs.

    Args:
        run: a `RunBrowser`, a `Bundle` or the folder of a run. `RunBrowser.from_parts(ids, corpus)` takes IDs that
            are only in memory.
        prefix: where to begin.
        level: category level of the figure and of the leading category (1 = the coarsest).

    >>> browser = PrefixBrowser("runs/wordnet", prefix=(24,))                    # doctest: +SKIP
    """

    def __init__(self, run, prefix=(), level: int = 1):
        self.run = as_browser(run)
        self.prefix = self.run.checked(prefix)
        self.level = self.run.checked_level(level) if self.run.levels else None
        self.offset = 0
        self._filling = False
        self.up = iw.Button(description="Up", icon="arrow-up", tooltip="one code less", layout={"width": "80px"})
        self.where = iw.HTML()
        self.code = iw.Dropdown(description="next code", layout={"width": "min(560px, 100%)"})
        self.levels = iw.Dropdown(
            description="categories", options=[(f"level {k}", k) for k in range(1, self.run.levels + 1)],
            value=self.level, layout={"width": "200px"},
        )  # fmt: skip
        self.figure, self.list = iw.Output(), iw.HTML()
        self.before = iw.Button(icon="chevron-left", tooltip="documents before", layout={"width": "44px"})
        self.after = iw.Button(icon="chevron-right", tooltip="further documents", layout={"width": "44px"})
        self.place = iw.HTML()
        head = iw.HBox([self.up, self.where], layout={"align_items": "center"})
        choose = iw.HBox([self.code, *([self.levels] if self.run.levels > 1 else [])], layout={"flex_flow": "wrap"})
        pages = iw.HBox([self.before, self.after, self.place], layout={"align_items": "center"})
        super().__init__([head, choose, self.figure, pages, self.list])
        self.up.on_click(lambda _: self.go(self.prefix[:-1]))
        self.before.on_click(lambda _: self._page(-SHOWN))
        self.after.on_click(lambda _: self._page(SHOWN))
        self.code.observe(self._chosen, "value")
        self.levels.observe(self._levelled, "value")
        self.go(self.prefix)

    def __repr__(self) -> str:
        where = f"at {self._string()}" if self.prefix else "at the top"
        return f"PrefixBrowser({self.run.name!r}, {self.run.documents:,} documents, {where})"

    def go(self, prefix=()) -> None:
        """Show a prefix, as a click would.

        Raises:
            LMIndexerError: when these IDs cannot have it.
        """
        self.prefix, self.offset = self.run.checked(prefix), 0
        self._show()

    def codes(self):
        """The codes after the prefix (`browse.prefixes.children`) with a column of their key words."""
        found = prefixes.children(self.run, self.prefix, self.level)
        named = words.keywords(self.run, self.prefix)
        found["words"] = [", ".join(named.get(code, [])[:4]) for code in found["code"]]
        return found

    def static_html(self) -> str:
        """The codes after the prefix as a table, or the documents where no code comes after."""
        title = f"<p><b>{escaped(self._string() or 'All IDs')}</b>: {self._sentence()}</p>"
        found = self.codes()
        if found.empty:
            return title + self._documents_table()
        columns = ["code", "documents", "", "key words"]
        rows = [[f"<{r.code}>", int(r.documents), bar(r.documents / found["documents"].max()), r.words]
                for r in found.head(10).itertuples()]  # fmt: skip
        if "purity" in found:
            columns += ["leading category", "its share"]
            for row, (category, purity) in zip(rows, found[["category", "purity"]].to_numpy(), strict=False):
                row += [category, f"{purity:.0%}"]
        rest = f"<p>and {len(found) - 10:,} further codes</p>" if len(found) > 10 else ""
        return title + table(columns, rows) + rest

    # -- what is on the screen -----------------------------------------------------------------------------

    def _show(self) -> None:
        self._filling = True  # so that filling the list is not taken for a choice
        found = self.codes()
        options = [(f"<{r.code}>  {r.documents:,} documents  {r.words}", int(r.code)) for r in found.itertuples()]
        self.code.options = [("choose …", NOTHING), *options]
        self.code.value = NOTHING
        self.code.disabled = not options
        self._filling = False
        self.up.disabled = not self.prefix
        self.where.value = f"<b>{escaped(self._string() or 'All IDs')}</b>&ensp;{escaped(self._named())}"
        drawable = options and self.level
        show_figure(self.figure, self._figure(found) if drawable else None)
        self._list()

    def _figure(self, found):
        named = {int(r.code): r.words.split(", ") for r in found.itertuples() if r.words}
        figure = plots.category_distribution(self.run, prefix=self.prefix, level=self.level, names=named)
        return figure.update_layout(height=400)

    def _list(self) -> None:
        total = self.run.count(self.prefix)
        self.list.value = self._documents_table()
        last = min(self.offset + SHOWN, total)
        self.place.value = f"documents {min(self.offset + 1, total):,} to {last:,} of {total:,}"
        self.before.disabled, self.after.disabled = self.offset == 0, last >= total

    def _documents_table(self) -> str:
        rows = documents.page(self.run, self.prefix, offset=self.offset, limit=SHOWN).rows
        kept = [[r.id, r.title, r.text[:90], r.category] for r in rows.itertuples()]
        return table(["ID", "title", "text", "category"], kept)

    def _sentence(self) -> str:
        found = prefixes.summary(self.run, self.prefix, self.level)
        return f"{found['documents']:,} of {self.run.documents:,} documents. {escaped(self._named())}"

    def _named(self) -> str:
        return words.name_of(self.run, self.prefix, 5)

    def _string(self) -> str:
        return "".join(f"<{code}>" for code in self.prefix)

    # -- what a person does --------------------------------------------------------------------------------

    def _chosen(self, change) -> None:
        if not self._filling and change["new"] not in (None, NOTHING):
            self.go((*self.prefix, change["new"]))

    def _levelled(self, change) -> None:
        self.level = change["new"]
        self._show()

    def _page(self, step: int) -> None:
        total = self.run.count(self.prefix)
        self.offset = max(0, min(self.offset + step, max(total - 1, 0) // SHOWN * SHOWN))
        self._list()
