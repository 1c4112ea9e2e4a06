"""The labelling screen of a study inside a notebook: one decision a screen, by keys or buttons."""

import time

import ipywidgets as iw

from lmindexer.common.errors import LMIndexerError
from lmindexer.common.kinds import NUMBER, TEXT, takes
from lmindexer.human_eval import SKIP_REASONS, Session, Study, View
from lmindexer.human_eval.answering.screen import SETTLE, pace
from lmindexer.human_eval.planning.guide import GENERAL, guide_of
from lmindexer.widgets.panel import Panel, escaped

_CARD = (
    "border:1px solid #8888;border-radius:6px;padding:.5em .8em;margin:.25em;flex:1 1 15em;"
    "white-space:pre-wrap;overflow-wrap:anywhere;line-height:1.45"
)
_WRAP = {"flex_flow": "row wrap", "align_items": "center"}


class Labeller(Panel):
    """Answer the questions of a study.

    Buttons say their keys; with the cursor in the box "Keys" the keys themselves work: 1-9 answer, S skips, U takes
    the last answer back, P pauses, ? shows the guideline. Every answer is on disk before the next question shows, so
    the same name goes on later where it left off, here or in the explorer. Nothing here tells method, ID or category.

    Args:
        study: a `Study` or its file.
        name: under which the answers are kept.
        password: where the study has one.
        settle: so many seconds a new question takes no answer, which keeps double clicks from answering two.

    Raises:
        StudyError: when the name cannot sign in.

    >>> Labeller("study.sqlite", "Ada")                                          # doctest: +SKIP
    Labeller('study', 'Ada', 3 of 40 done)
    """

    @takes(name=TEXT, password=TEXT, settle=NUMBER)
    def __init__(self, study, name: str, password: str | None = None, settle: float = SETTLE):
        self.study = study if isinstance(study, Study) else Study.open(study)
        self.session: Session = self.study.sign_in(name, password)
        self.view: View | None = None
        self.settle = settle
        self._deaf_until = self._shown_at = 0.0
        self._paused_at: float | None = None
        self._skipping = False
        self.head, self.trouble, self.documents, self.guide = iw.HTML(), iw.HTML(), iw.HTML(), iw.HTML()
        self.answers = iw.HBox(layout=_WRAP)
        self.acts = iw.HBox(layout=_WRAP)
        self.comment = iw.Text(placeholder="Comment (optional)", layout={"width": "min(36em, 98%)"})
        self.key_box = iw.Text(description="Keys", placeholder="1-9, S, U, P, ?", layout={"width": "16em"})
        self.documents.layout = {"min_height": "14em", "max_height": "34em", "overflow": "auto"}  # buttons stay put
        self.guide.layout = {"display": "none", "max_height": "28em", "overflow": "auto"}
        super().__init__(
            [self.head, self.trouble, self.documents, self.comment, self.answers, self.acts, self.key_box, self.guide]
        )
        self.key_box.observe(self._typed, "value")
        self._next()

    def __repr__(self) -> str:
        progress = self.session.progress()
        return f"Labeller({self.study.name!r}, {self.session.annotator!r}, {progress.done} of {progress.total} done)"

    def static_html(self) -> str:
        """How far the annotator is; the question itself stays out of a saved notebook."""
        return f"<p><b>{escaped(self.study.name)}</b>: {escaped(pace(self.session.progress()))}</p>"

    def press(self, key: str) -> None:
        """Do what a key does: "1" … "9", "s", "u", "p", "?", and "b" back from the reasons of a skip."""
        token, key = self._token(), key.lower()
        if self._paused_at is not None:
            if key == "p":
                self._resume()
        elif key == "?":
            self._toggle_guide()
        elif key == "u":
            self._undo(token)
        elif self.view is None:
            return
        elif key == "p":
            self._pause()
        elif key in ("s", "b"):
            self._skipping = key == "s"
            self._draw_buttons()
        elif key.isdecimal():
            self._choose(token, key)

    # ---------------------------------------------------------------------------------------------------- acts

    def _typed(self, change) -> None:
        """A key in the box; a key that is held keeps the box deaf until it is let go."""
        typed = change["new"]
        if not typed:
            return
        self.key_box.value = ""
        now = time.monotonic()
        deaf, self._deaf_until = now < self._deaf_until, max(self._deaf_until, now + self.settle)
        if not deaf:
            self.press(typed[-1])

    def _token(self) -> str:
        return self.view.token if self.view else ""

    def _choose(self, token: str, key: str) -> None:
        """An answer, or a skip's reason; a press that belongs to another screen, or comes too early, is nothing."""
        if self.view is None or token != self.view.token or time.monotonic() - self._shown_at < self.settle:
            return
        keys = (
            [str(n) for n in range(1, len(SKIP_REASONS) + 1)] if self._skipping else [c.key for c in self.view.choices]
        )
        if key not in keys:
            return
        seconds = time.monotonic() - self._shown_at
        try:
            if self._skipping:
                self.session.skip(SKIP_REASONS[int(key) - 1], seconds, self.comment.value, token)
            else:
                self.session.answer(key, seconds, self.comment.value, token)
        except LMIndexerError as error:
            self._say(f"That was not saved: {error} Please answer this question again.")
            return
        self._next()

    def _undo(self, token: str) -> None:
        if token != self._token():
            return
        try:
            if self.session.undo() is None:
                self._say("There is nothing to take back.")
                return
        except LMIndexerError as error:
            self._say(str(error))
            return
        self._next()

    def _pause(self) -> None:
        self._paused_at = time.monotonic()
        self.documents.layout.display = "none"
        self._draw_buttons()

    def _resume(self) -> None:
        """Go on: the pause does not count for the question, and is noted in the study."""
        seconds, self._paused_at = time.monotonic() - self._paused_at, None
        self._shown_at += seconds
        self.documents.layout.display = None
        self._draw_buttons()
        try:
            self.session.log("note:pause", {"seconds": round(seconds, 1)})
        except LMIndexerError as error:
            self._say(str(error))

    def _toggle_guide(self) -> None:
        self.guide.layout.display = None if self.guide.layout.display == "none" else "none"

    # ------------------------------------------------------------------------------------------------- drawing

    def _say(self, words: str) -> None:
        self.trouble.value = f'<p role="alert"><b>{escaped(words)}</b></p>' if words else ""

    def _next(self) -> None:
        """Show the question that is open now."""
        self._skipping, self.comment.value = False, ""
        try:
            self.view = self.session.next()
            progress = self.session.progress()
        except LMIndexerError as error:
            self._say(f"{error} Run the cell again to go on.")
            return
        self._say("")
        self._shown_at = time.monotonic()
        if self.view is None:
            done = progress.done == progress.total
            words = "All done, thank you." if done else "The study has ended; it takes no more answers. Thank you."
            self.head.value = f'<div role="status"><h3>{words}</h3>{escaped(pace(progress))}</div>'
            self.documents.value = self.guide.value = ""
        else:
            where = f"<b>Question {self.view.number} of {self.view.total}</b> · {escaped(pace(progress))}"
            self.head.value = f'<div role="status">{where}<h3>{escaped(self.view.prompt)}</h3></div>'
            self.documents.value = documents_html(self.view)
            self.guide.value = guide_html(self.view.type)
        self.comment.layout.display = None if self.view else "none"
        self._draw_buttons()

    def _draw_buttons(self) -> None:
        if self._paused_at is not None:
            self.answers.children = [self._button("Go on [P]", "p", primary=True)]
            self.acts.children = []
            return
        token = self._token()
        if self._skipping:
            labels = [(str(n), reason) for n, reason in enumerate(SKIP_REASONS, start=1)]
        else:
            labels = [(choice.key, choice.label) for choice in self.view.choices] if self.view else []
        self.answers.children = [self._answer_button(key, label, token) for key, label in labels]
        if self._skipping:
            acts = [("Back [B]", "b")]
        elif self.view:
            acts = [("Skip [S]", "s"), ("Undo [U]", "u"), ("Pause [P]", "p"), ("Guide [?]", "?")]
        else:
            acts = [("Undo [U]", "u")]
        self.acts.children = [self._button(label, key) for label, key in acts]

    def _answer_button(self, key: str, label: str, token: str) -> iw.Button:
        button = iw.Button(description=f"{label} [{key}]", tooltip=label, layout={"width": "auto"})
        button.style.font_weight = "bold"
        button.on_click(lambda _: self._choose(token, key))
        return button

    def _button(self, label: str, key: str, primary: bool = False) -> iw.Button:
        style = "primary" if primary else ""
        button = iw.Button(description=label, tooltip=label, button_style=style, layout={"width": "auto"})
        token = self._token()
        button.on_click(lambda _: self.press(key) if token == self._token() else None)
        return button


def documents_html(view: View) -> str:
    """The documents of a question as HTML: every word escaped, each card in its own direction of writing."""
    beside = view.type in ("ab", "level")
    groups = []
    for group in view.groups:
        heading = f"<h4>{escaped(group.heading)}</h4>" if len(view.groups) > 1 else ""
        cards = "".join(_card(item) for item in group.items)
        wide = "flex:1 1 16em" if beside else "flex:none"
        groups.append(f'<div style="{wide}">{heading}<div style="display:flex;flex-wrap:wrap">{cards}</div></div>')
    flow = "row wrap" if beside else "column"
    return f'<div style="display:flex;flex-flow:{flow}">{"".join(groups)}</div>'


def _card(item) -> str:
    number = f"<b>[{escaped(item.choice)}]</b> " if item.choice else ""
    title = f"<b><bdi>{escaped(item.title)}</bdi></b>" if item.title else ""
    head = f"<div>{number}{title}</div>" if number or title else ""
    return f'<div style="{_CARD}" dir="auto">{head}<div dir="auto">{escaped(item.text)}</div></div>'


def guide_html(kind: str) -> str:
    """The guideline of a question type with its worked examples, as HTML."""
    guide = guide_of(kind)
    rules = "".join(f"<li>{escaped(rule)}</li>" for rule in (*guide.rules, *GENERAL))
    parts = [f"<h4>{escaped(guide.title)}</h4><p>{escaped(guide.task)}</p><ul>{rules}</ul>"]
    for number, example in enumerate(guide.examples, start=1):
        shown = "".join(
            f"<div>{f'<b>{escaped(label)}:</b> ' if label else ''}{escaped(text)}</div>"
            for label, text in example.shown
        )
        parts.append(
            f"<p><b>Example {number}</b></p>{shown}<p>→ <b>{escaped(example.answer)}</b>. {escaped(example.why)}</p>"
        )
    return "".join(parts)
