"""Looking inside: the probabilities behind one document's ID, and what its code knows of its words."""

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from lmindexer.model.documents import Documents
from lmindexer.model.hints import AskedWords, Hints, draw_hints
from lmindexer.model.model import IndexerModel
from lmindexer.model.tokens import Vocabulary
from lmindexer.settings.settings import Settings
from lmindexer.training.encoding import EncodedCorpus
from lmindexer.training.training import salience_at


class DocumentScorer:
    """log P_s(c^{t+1} | c^{≤t}, d) of one document for many prefixes at once.

    A recommender or a search model offers the same method, so a beam over the ID tree works with each.
    """

    def __init__(self, model: IndexerModel, encoded: EncodedCorpus, device):
        self.model, self.device = model, device
        self.documents = encoded.batch(torch.tensor([0]), device)
        with torch.no_grad():
            self.documents.states = model.encoder.states(self.documents)

    @torch.no_grad()
    def log_probabilities(self, prefixes: np.ndarray) -> np.ndarray:
        """prefixes [B, t] codes, 0 ≤ t < T -> [B, K] log-probabilities of the next code."""
        prefixes = torch.as_tensor(np.asarray(prefixes, dtype=np.int64), device=self.device)
        batch, length = prefixes.shape
        documents = type(self.documents)(
            **{
                name: None if value is None else value.expand(batch, *value.shape[1:])
                for name, value in vars(self.documents).items()
            }
        )
        h, _ = self.model.encoder(documents, self.model.rows(prefixes))
        return self.model.codebooks[length].log_probabilities(h[:, -1]).cpu().numpy()


@torch.no_grad()
def reconstruction_table(
    model: IndexerModel,
    encoded: EncodedCorpus,
    vocabulary: Vocabulary,
    settings: Settings,
    hint_share: float,
    seed: int,
) -> pd.DataFrame:
    """One row a token of one document: is it hidden, and how probable is it with and without the code?

    Columns: token, hidden, asked, with_code, without_code, rank_with, rank_without (1 = the first guess). Probabilities
    are over the words that training asked for at the last position, which are all that the reconstructor has learned
    to tell apart; for other tokens `asked` is False and there is no number.

    without_code is the better, on this document's hidden words, of two that do not know the code: the reconstructor
    with the same hints and a null vector in the code's place, which it last practised in its warm-up, and the shares of
    the corpus's documents that hold a word. So what the code adds is never flattered by a weak rival.

    The same hints are used both times. In the form "target" each token is asked for under its own mask, so all count
    as hidden.
    """
    device = model.token_ids.device
    documents = encoded.batch(torch.tensor([0]), device)
    asked = AskedWords(salience_at(vocabulary, settings, settings.positions), device)
    hints = _hints(documents, settings, hint_share, seed)
    codes, _, _ = model.assign(documents, settings.positions)
    words = documents.words[0].cpu()  # [L]
    query = torch.arange(len(words)) if settings.hint_form == "target" else torch.zeros(len(words), dtype=torch.long)
    hidden = ~hints.visible[0, query, torch.arange(len(words))]  # [L]
    counts = torch.isin(words, asked.words.cpu())  # [L]

    at = query[counts], asked.place[documents.words[0]].cpu()[counts]  # of each asked token: (its query, its word)
    knowing = model.reconstruct(model.rows(codes), documents, hints.to(device), asked.words)
    null = model.reconstruct_from_hints(documents, hints.to(device), asked.words)
    held = torch.from_numpy(vocabulary.documents).float()[asked.words.cpu()].clamp(min=1)
    rivals = [null, held.log().expand_as(null.cpu())]
    with_code, rank_with = _guesses(knowing, at)
    without = [_guesses(rival, at) for rival in rivals]
    without_code, rank_without = max(without, key=lambda found: _mean_log(found[0][hidden[counts]]))
    frame = {
        "token": model.encoder.backbone.tokenizer.convert_ids_to_tokens(documents.tokens[0].tolist()),
        "hidden": hidden.numpy(),
        "asked": counts.numpy(),
    }
    numbers = {"with_code": with_code, "without_code": without_code, "rank_with": rank_with}
    for name, values in (numbers | {"rank_without": rank_without}).items():
        frame[name] = np.full(len(words), np.nan)
        frame[name][counts.numpy()] = values.numpy()
    return pd.DataFrame(frame)


def _hints(documents: Documents, settings: Settings, share: float, seed: int) -> Hints:
    """One draw of hints for one document, whatever the form; in the form "target" one query a token, blind to it."""
    generator, everything = torch.Generator().manual_seed(seed), torch.ones(int(documents.words.max()) + 1)
    words, present = documents.words.cpu(), documents.present.cpu()
    drawn = draw_hints(words, present, everything, share, "document", generator=generator)
    if settings.hint_form == "target":
        length = words.shape[1]
        drawn.place = torch.arange(length)[None]
        drawn.visible = drawn.visible.expand(-1, length, -1) & ~torch.eye(length, dtype=torch.bool)
    return drawn


def _guesses(logits: Tensor, at: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """Probability and rank, [n] each, of words by (query, word) in logits [1, M, V]."""
    table = logits[0].float().softmax(-1).cpu()  # [M, V]
    p = table[at]  # [n]
    return p, 1 + (table[at[0]] > p[:, None]).sum(1)


def _mean_log(p: Tensor) -> float:
    return float(p.clamp(min=1e-30).log().mean()) if len(p) else 0.0
