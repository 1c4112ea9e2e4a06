"""Hint masks as a picture: what the reconstructor may see of a text, and what it is asked for."""

import ipywidgets as iw
import torch

from lmindexer.common.errors import LMIndexerError
from lmindexer.common.kinds import COUNT, NUMBER, TEXT, having, takes
from lmindexer.model.hints import Hints, draw_hints
from lmindexer.settings.settings import HINT_FORMS
from lmindexer.widgets.panel import Panel, escaped

VISIBLE, HIDDEN, ASKED = "■", "·", "?"
ACROSS = 14  # words in one strip of the picture
STYLES = {VISIBLE: "background:#0072B2;color:#fff", HIDDEN: "color:#9AA0A6", ASKED: "background:#E69F00;color:#111"}


INDEXER = having("an LMIndexer", "Give a fitted one, or lmindexer.load_indexer(run).", "model_", "vocabulary_")


class HintMaskViewer(Panel):
    """Draw hint masks for one text and see which words are shown, hidden, and asked for.

    Args:
        text: one document. Longer ones are cut after `max_words`.
        indexer: a fitted LMIndexer; its tokenizer then cuts the text, and its worth of words says what is asked
            for at `position`. Without one, words are parted at spaces and all count alike.
        share: visible share of the words.
        form: "document" (one mask for all words, the slides) or "target" (one mask for each word asked for).
        targets: masks of the form "target".

    >>> viewer = HintMaskViewer("a small dog that hunts rats", share=0.5, seed=1)
    >>> viewer.asked == [word for word, seen in zip(viewer.words, viewer.hints.visible[0, 0]) if not seen]
    True
    """

    @takes(text=TEXT, indexer=INDEXER, share=NUMBER, form=TEXT, targets=COUNT, seed=COUNT, position=COUNT)
    def __init__(self, text: str, indexer=None, *, share: float = 0.3, form: str = "document", targets: int = 3,
                 seed: int = 0, position: int = 1, max_words: int = 42):  # fmt: skip
        if not text.strip():
            raise LMIndexerError("The text is empty; give at least one word.")
        self.words, self.tokens, self.salience = _tokenise(text, indexer, position, max_words)
        self.targets = targets
        self.share = iw.FloatSlider(value=share, min=0, max=1, step=0.05, description="shown")
        self.form = iw.ToggleButtons(options=HINT_FORMS, value=form, description="form")
        self.seed = iw.IntText(value=seed, description="seed", layout={"width": "150px"})
        self.again = iw.Button(description="Draw again", icon="refresh")
        self.image = iw.HTML()
        self.hints: Hints = self._draw()
        controls = iw.HBox([self.share, self.seed, self.again], layout={"flex_flow": "wrap"})
        super().__init__([self.form, controls, self.image])
        for control in (self.share, self.form, self.seed):
            control.observe(lambda _: self._show(), "value")
        self.again.on_click(lambda _: setattr(self.seed, "value", self.seed.value + 1))
        self._show()

    def __repr__(self) -> str:
        return f"HintMaskViewer({len(self.words)} words, {self.share.value:.0%} shown, form {self.form.value!r})"

    @property
    def asked(self) -> list[str]:
        """The words asked for, over all masks, in the order of the text and without repeats of a place."""
        weight = self._weights().sum(0)
        return [word for word, value in zip(self.words, weight.tolist(), strict=True) if value > 0]

    def static_html(self) -> str:
        """The masks as tables of signs: ■ shown, · hidden and not asked for, ? hidden and asked for."""
        return (
            f"<p>{self._sentence()} {VISIBLE} shown, {ASKED} hidden and asked for, {HIDDEN} hidden.</p>" + self._table()
        )

    # -- inside --------------------------------------------------------------------------------------------

    def _draw(self) -> Hints:
        generator = torch.Generator().manual_seed(self.seed.value)
        present = torch.ones_like(self.tokens, dtype=torch.bool)
        share, form = self.share.value, self.form.value
        return draw_hints(self.tokens, present, self.salience, share, form, self.targets, generator)

    def _weights(self) -> torch.Tensor:
        """Weight of each place as a target of each mask, [M, L]."""
        if self.hints.place is None:
            return self.hints.weight[0]  # [1, L]
        weights = torch.zeros(self.hints.visible.shape[1:])
        return weights.scatter(1, self.hints.place[0][:, None], self.hints.weight[0])

    def _signs(self) -> list[list[str]]:
        visible, weights = self.hints.visible[0].tolist(), self._weights().tolist()
        return [
            [VISIBLE if seen else ASKED if weight > 0 else HIDDEN for seen, weight in zip(*row, strict=True)]
            for row in zip(visible, weights, strict=True)
        ]

    def _table(self, styled: bool = False) -> str:
        signs, strips = self._signs(), []
        for first in range(0, len(self.words), ACROSS):
            part = slice(first, first + ACROSS)
            head = "".join(f"<th>{escaped(word)}</th>" for word in self.words[part])
            rows = []
            for number, row in enumerate(signs, start=1):
                cells = "".join(f'<td align="center"{_style(sign, styled)}>{sign}</td>' for sign in row[part])
                rows.append(f"<tr><td>mask {number}</td>{cells}</tr>")
            strips.append(f"<table><thead><tr><th></th>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>")
        return "".join(strips)

    def _sentence(self) -> str:
        masks = "One mask" if len(self._signs()) == 1 else f"{len(self._signs())} masks"
        return f"{masks} over {len(self.words)} words, {self.share.value:.0%} shown on average."

    def _show(self) -> None:
        self.hints = self._draw()
        legend = "shown (blue), hidden and asked for (orange), hidden and not asked for (a dot)"
        self.image.value = f"<p>{self._sentence()} {legend}</p>{self._table(styled=True)}"


def _style(sign: str, styled: bool) -> str:
    return f' style="{STYLES[sign]}"' if styled else ""


def _tokenise(text: str, indexer, position: int, most: int) -> tuple[list[str], torch.Tensor, torch.Tensor]:
    """(words, their places in a vocabulary [1, L], worth of each place as a target [V])."""
    if indexer is None:
        words = text.split()[:most]
        known = {word: place for place, word in enumerate(dict.fromkeys(words))}
        return words, torch.tensor([[known[word] for word in words]]), torch.ones(len(known))
    from lmindexer.model.tokens import TokenisedDocuments
    from lmindexer.settings.settings import make_settings
    from lmindexer.training.training import salience_at

    tokenizer = indexer.model_.encoder.backbone.tokenizer
    ids = TokenisedDocuments.from_texts([text], None, tokenizer, most).ids
    salience = salience_at(indexer.vocabulary_, make_settings(**indexer.settings), position)
    return (
        tokenizer.convert_ids_to_tokens(ids.tolist()),
        torch.from_numpy(indexer.vocabulary_.words(ids))[None].long(),
        salience,
    )
