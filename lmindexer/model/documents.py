"""`Documents`: a batch as the model reads it."""

from dataclasses import dataclass

from torch import Tensor


@dataclass
class Documents:
    """A batch. `states` [B, L, d] are cached encoder states, or None where the encoder runs (and trains);
    `start` [B, d] is the precomputed lexical part of the start, or None."""

    tokens: Tensor  # [B, L] tokenizer ids
    words: Tensor  # [B, L] places in the vocabulary
    present: Tensor  # [B, L]
    states: Tensor | None = None
    start: Tensor | None = None

    def to(self, device) -> "Documents":
        """The batch on a device."""
        parts = (self.tokens, self.words, self.present, self.states, self.start)
        return Documents(*(None if part is None else part.to(device, non_blocking=True) for part in parts))

    def twice(self) -> "Documents":
        """The batch and itself again, [2B, …]; both share the cached states."""
        start = None if self.start is None else self.start.repeat(2, 1)
        again = (part.repeat(2, 1) for part in (self.tokens, self.words, self.present))
        return Documents(*again, self.states, start)
