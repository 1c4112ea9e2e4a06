"""NGramGenerator: a small seq2seq that writes n-grams for a query, and the beam that keeps to n-grams that exist.

The encoder is frozen (its token states of a query are the memory), the decoder fresh: one T5 layer over the encoder's
own word embeddings, which are its output map too, restricted to the words of the corpus.
"""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lmindexer.model.backbones import fresh_decoder
from lmindexer.settings.settings import make_settings
from lmindexer.tasks.search.seal.index import NGramIndex


class NGramGenerator(nn.Module):
    """P(w_1 … w_m | query), word by word.

    Args:
        embeddings: [V, d] the encoder's word embeddings of the corpus's tokens.
        layers: of the decoder.

    Tokens here are 0 … V - 1, the corpus's own numbering (`Vocabulary` of `SEAL`).
    """

    def __init__(self, embeddings: Tensor, layers: int = 1):
        super().__init__()
        vocabulary, width = embeddings.shape
        self.decoder = fresh_decoder(width, make_settings(decoder_layers=layers))
        self.start = nn.Parameter(torch.zeros(width))
        self.output = nn.Linear(width, width)
        self.bias = nn.Parameter(torch.zeros(vocabulary))
        self.register_buffer("words", embeddings / embeddings.std(), persistent=False)

    def forward(self, states: Tensor, present: Tensor, tokens: Tensor) -> Tensor:
        """log P(next word) after each of `tokens` [B, t] (and before the first): [B, t + 1, V]; memory [B, L, d]."""
        start = self.start.expand(len(tokens), 1, -1)
        inputs = torch.cat([start, F.embedding(tokens, self.words)], 1)
        hidden = self.decoder(
            inputs_embeds=inputs,
            encoder_hidden_states=states,
            encoder_attention_mask=present.long(),
            use_cache=False,
        ).last_hidden_state
        scale = self.words.shape[1] ** -0.5
        return (scale * self.output(hidden) @ self.words.T + self.bias).log_softmax(-1)

    def loss(self, states: Tensor, present: Tensor, tokens: Tensor, real: Tensor) -> Tensor:
        """Mean -log P of target n-grams [B, m]; `real` [B, m] is false behind an n-gram's end."""
        log_p = self(states, present, tokens[:, :-1]).gather(2, tokens[..., None])[..., 0]
        return -(log_p * real).sum() / real.sum()


@dataclass(frozen=True)
class Generated:
    """N-grams of one query and their log P."""

    ngrams: list[tuple[int, ...]]
    log_p: np.ndarray


@torch.no_grad()
def constrained_beam(
    model: NGramGenerator, index: NGramIndex, states: Tensor, present: Tensor, width: int = 15, longest: int = 10
) -> Generated:
    """N-grams that exist in the corpus, by a beam for one query (states [1, L, d]).

    After each word only words that follow the n-gram somewhere in the corpus are allowed; an n-gram whose places are
    all at an end goes no further. Every prefix that the beam kept counts as an n-gram of its own.
    """
    runs, beams, scores = [(0, len(index.places), 0)], [()], np.zeros(1)
    found: dict[tuple[int, ...], float] = {}
    for _ in range(longest):
        tokens = torch.tensor(beams, dtype=torch.long, device=states.device).reshape(len(beams), -1)
        log_p = model(states.expand(len(beams), -1, -1), present.expand(len(beams), -1), tokens)[:, -1].cpu().numpy()
        rows, following = [], []
        for row, run in enumerate(runs):
            allowed = index.next_tokens(run)[0]
            rows.append(np.full(len(allowed), row))
            following.append(allowed)
        row, token = np.concatenate(rows), np.concatenate(following)
        if not len(row):
            break
        total = scores[row] + log_p[row, token]
        best = np.argsort(-total, kind="stable")[:width]
        runs = [index.extend(runs[row[place]], int(token[place])) for place in best]
        beams = [(*beams[row[place]], int(token[place])) for place in best]
        scores = total[best]
        found |= dict(zip(beams, scores.tolist(), strict=True))
    return Generated(list(found), np.array(list(found.values())))
