"""`RQVAEIndexer`: a residual-quantised VAE on text embeddings, the two-step way of TIGER."""

import numpy as np
import torch

from lmindexer.indexers.two_step import EmbeddingIndexer
from lmindexer.runs.checkpoints import STATE, Checkpoints
from lmindexer.training.stages import check_size
from lmindexer.two_step.residual import ResidualCoder
from lmindexer.two_step.rqvae_model import RQVAE
from lmindexer.two_step.rqvae_training import RQVAETraining


class RQVAEIndexer(EmbeddingIndexer):
    """Embeds documents, maps the embeddings to z and codes z by T codebooks that are trained with the map.

    preset:   "default" (K = 32, as LMIndexer's) or "tiger" (K = 256, T = 3, as in arXiv 2305.05065; both have its
              network, 512-256-128 → 32).
    settings: any field of `lmindexer.settings.methods.RQVAESettings`; an unknown one is an error with the nearest name.
    device:   "auto" takes a GPU where there is one.

    What was learned: `model_` (`lmindexer.two_step.rqvae_model.RQVAE`), `codebooks_`, `states_` (z), `history_`.

    `scorer` and the probabilities of `encode(…, details=True)` are softmax over negative squared distances
    (`lmindexer.two_step.residual.ResidualCoder`): RQ-VAE itself has none.

    >>> RQVAEIndexer("tiger").codebook_sizes
    (256, 256, 256)
    """

    method = "rqvae"
    coder_: ResidualCoder | None

    def __init__(self, preset: str = "default", *, device: str = "auto", **settings):
        super().__init__(preset, **settings)
        self.device = torch.device(("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device)
        self.model_: RQVAE | None = None

    @property
    def codebooks_(self) -> list[np.ndarray]:
        """The learned codebooks E^1 … E^T, each [K, d]."""
        self._check_fitted()
        return list(self.coder_.codebooks)

    def _learn(self, vectors, corpus, bars, history, folder, resume) -> None:
        s = self._settings
        check_size(len(vectors), max(self.codebook_sizes))
        if folder is not None and not resume:
            (folder / STATE).unlink(missing_ok=True)
        with torch.random.fork_rng(devices=[self.device] if self.device.type == "cuda" else []):
            torch.manual_seed(s.seed)
            self.model_ = self._network(vectors.shape[1])
            identity = {"settings": self.settings, "corpus": corpus.fingerprint}
            checkpoints = Checkpoints(folder, identity)
            learned = RQVAETraining(self.model_, vectors, s, checkpoints, bars, self.device).run()
        history += learned.history
        self.messages_ = learned.messages
        self.coder_ = ResidualCoder.fit(self._rows(), self._states(vectors))

    def _network(self, inputs: int) -> RQVAE:
        s = self._settings
        hidden = s.hidden if isinstance(s.hidden, list | tuple) else (s.hidden,)
        sinkhorn = [s.at("sinkhorn", position) for position in range(1, s.positions + 1)]
        return RQVAE(inputs, hidden, s.latent, self.codebook_sizes, s.ema, s.ema_decay, sinkhorn)

    def _rows(self) -> list[np.ndarray]:
        return [book.rows.detach().cpu().numpy() for book in self.model_.quantiser.books]

    @torch.no_grad()
    def _states(self, vectors: np.ndarray) -> np.ndarray:
        """z [N, d], in double precision, so that it does not depend on which documents are encoded together."""
        encoder = self.model_.encoder.cpu().double()
        try:
            return np.concatenate([encoder(torch.from_numpy(x).double()).numpy() for x in _parts(vectors)])
        finally:
            encoder.float()

    def _tensors(self) -> dict[str, torch.Tensor]:
        model = {f"model.{name}": value for name, value in self.model_.state_dict().items()}
        return model | {"temperatures": torch.tensor(self.coder_.temperatures, dtype=torch.float64)}

    def _take(self, tensors, config) -> None:
        temperatures = tensors.pop("temperatures").tolist()
        weights = {name.removeprefix("model."): value for name, value in tensors.items()}
        self.model_ = self._network(weights["encoder.0.weight"].shape[1])
        self.model_.load_state_dict(weights)
        self.model_.eval()
        self.coder_ = ResidualCoder(self._rows(), temperatures)


def _parts(vectors: np.ndarray, size: int = 8192):
    return (vectors[first : first + size] for first in range(0, len(vectors), size))
