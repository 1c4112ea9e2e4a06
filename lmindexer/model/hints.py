"""Hints d_h: which words of a document the reconstructor may see, and which words it is asked for.

The code must rebuild what the hints hide. Two forms:

"document"  one hint set d_h a document, as on the slides: L = -Σ_{w ∈ d∖d_h} log P(w | c, d_h).
            Every hidden word is asked for, and one query a document answers for all of them.
"target"    one hint set a target, as in the released training: a few words of the document are asked for,
            each under its own mask, which always hides the word itself (method.md §1.2).

Masks here are True where a word is *visible*; drawing them is one call for a whole batch.
"""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass
class Hints:
    """What the reconstructor sees and what it must say, for B documents of L tokens and M queries each.

    visible [B, M, L]  True where the query may look; never a padded token
    place   [B, M]     the token a query stands for ("target"), or None ("document": it stands for all)
    words   [B, M, P]  token ids asked for
    weight  [B, M, P]  weight of each in the loss; the weights of a document sum to 1, or to 0 if it has no
                       word to ask for (all hidden words carry no weight)
    """

    visible: Tensor
    place: Tensor | None
    words: Tensor
    weight: Tensor

    def to(self, device) -> "Hints":
        place = None if self.place is None else self.place.to(device)
        return Hints(self.visible.to(device), place, self.words.to(device), self.weight.to(device))

    def of(self, part: slice) -> "Hints":
        """The hints of some of the documents."""
        place = None if self.place is None else self.place[part]
        return Hints(self.visible[part], place, self.words[part], self.weight[part])


class AskedWords:
    """The words that a stage asks for: only they are scored. `place` [V] leads from the vocabulary to `words`."""

    def __init__(self, salience: Tensor, device: torch.device | str = "cpu"):
        self.salience = salience
        worth = salience if salience.any() else torch.ones_like(salience)  # unknown tokens only: the loss is then 0
        self.words = worth.nonzero()[:, 0].to(device)
        self.place = torch.zeros(len(salience), dtype=torch.long, device=device)
        self.place[self.words] = torch.arange(len(self.words), device=device)


def draw_hints(
    tokens: Tensor,
    present: Tensor,
    salience: Tensor,
    share: float,
    form: str = "document",
    targets: int = 8,
    generator: torch.Generator | None = None,
) -> Hints:
    """Draw hint masks and targets for a batch.

    tokens   [B, L] ids into the vocabulary of the reconstructor
    present  [B, L] True where there is a token (not padding)
    salience [V]    weight of each word as a target; 0 = never asked for (special tokens, and whatever the target
                    weighting leaves out), though it may be a hint
    share    fraction of the tokens that are hints, in [0, 1]; the mask probability of the paper is 1 - share
    targets  queries a document in the form "target"

    >>> g = torch.Generator().manual_seed(0)
    >>> hints = draw_hints(torch.tensor([[1, 2, 3]]), torch.ones(1, 3, dtype=bool), torch.ones(4), 0.5, generator=g)
    >>> hints.visible.shape, float(hints.weight.sum())
    (torch.Size([1, 1, 3]), 1.0)
    """
    if form == "document":
        return _document_hints(tokens, present, salience, share, generator)
    return _target_hints(tokens, present, salience, share, targets, generator)


def _document_hints(tokens, present, salience, share, generator) -> Hints:
    visible = (torch.rand(tokens.shape, generator=generator) < share) & present  # [B, L]
    weight = salience[tokens] * (present & ~visible)  # [B, L]
    return Hints(visible[:, None], None, tokens[:, None], _shares(weight)[:, None])


def _target_hints(tokens, present, salience, share, targets, generator) -> Hints:
    batch, length = tokens.shape
    weight = salience[tokens] * present  # [B, L]
    has_target = weight.sum(1, keepdim=True) > 0  # [B, 1]
    drawable = torch.where(has_target, weight, present.float())  # a row of zeros cannot be drawn from
    place = torch.multinomial(drawable, targets, replacement=True, generator=generator)  # [B, M]
    visible = torch.rand(batch, targets, length, generator=generator) < share  # [B, M, L]
    visible &= present[:, None]
    visible.scatter_(2, place[..., None], False)  # a word is never its own hint
    words = tokens.gather(1, place)[..., None]  # [B, M, 1]
    # Targets are drawn in proportion to salience, so each draw counts alike.
    return Hints(visible, place, words, (has_target / targets).expand(batch, targets)[..., None])


def _shares(weight: Tensor) -> Tensor:
    total = weight.sum(1, keepdim=True)
    return weight / total.masked_fill(total == 0, 1.0)
