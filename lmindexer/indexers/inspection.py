"""Looking inside: the probabilities behind one document's ID, and what its code knows of its words."""

import numpy as np
import pandas as pd
import torch

from lmindexer.model.hints import draw_hints
from lmindexer.model.model import IndexerModel
from lmindexer.settings.settings import Settings
from lmindexer.training.encoding import EncodedCorpus


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
    model: IndexerModel, encoded: EncodedCorpus, settings: Settings, hint_share: float, seed: int, device
) -> pd.DataFrame:
    """One row a token of one document: is it hidden, and how probable is it with and without the code?

    Columns: token, hidden, with_code, without_code, rank_with, rank_without (1 = the reconstructor's first guess
    over the corpus's words). The same hints are used both times. In the form "target" each token is asked for
    under its own mask, so all count as hidden.
    """
    documents = encoded.batch(torch.tensor([0]), device)
    everything = torch.ones(len(model.token_ids))
    generator = torch.Generator().manual_seed(seed)
    drawn = draw_hints(
        documents.words.cpu(), documents.present.cpu(), everything, hint_share, "document", generator=generator
    )
    if settings.hint_form == "target":  # one query a token, each blind to its own
        length = documents.words.shape[1]
        drawn.place = torch.arange(length)[None]
        drawn.visible = drawn.visible.expand(-1, length, -1) & ~torch.eye(length, dtype=torch.bool)
    hints = drawn.to(device)
    codes, _, _ = model.assign(documents, settings.positions)
    with_code = model.reconstruct(model.rows(codes), documents, hints)[0].float().softmax(-1)  # [M, V]
    without = model.reconstruct_from_hints(documents, hints)[0].float().softmax(-1)

    words = documents.words[0]
    query = torch.arange(len(words)) if settings.hint_form == "target" else torch.zeros(len(words), dtype=torch.long)
    tokenizer = model.encoder.backbone.tokenizer
    frame = {"token": tokenizer.convert_ids_to_tokens(documents.tokens[0].tolist())}
    frame["hidden"] = ~drawn.visible[0, query, torch.arange(len(words))].numpy()
    for name, table in (("with", with_code.cpu()), ("without", without.cpu())):
        p = table[query, words.cpu()]
        frame[f"{name}_code"] = p.numpy()
        frame[f"rank_{name}"] = (1 + (table[query] > p[:, None]).sum(1)).numpy()
    return pd.DataFrame(frame)[["token", "hidden", "with_code", "without_code", "rank_with", "rank_without"]]
