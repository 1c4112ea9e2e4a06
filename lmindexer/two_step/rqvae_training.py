"""How an RQ-VAE is trained: a plain autoencoder first, codebooks put where the documents are, then all together.

    continuous       the autoencoder without codes, so that z means something before it is cut into codes
    codebook_init    k-means on z, then on what is left, position after position
    discrete         the whole loss; after each epoch a code that nobody chose is moved to some document's residual

Every epoch starts from a seed of its own, so a fit that is killed goes on from its checkpoint to the same IDs.
"""

import time
from dataclasses import replace

import numpy as np
import torch

from lmindexer.common.progress import Progress
from lmindexer.common.threads import wait_briefly
from lmindexer.quality import diagnostics
from lmindexer.runs.checkpoints import Checkpoints, FitState
from lmindexer.settings.methods import RQVAESettings
from lmindexer.training.clustering import kmeans_rows
from lmindexer.training.stages import Stage
from lmindexer.two_step.rqvae_model import RQVAE, losses

ROWS = 50  # epochs of a stage that the history records, about
SETTLE = 0.2  # last share of the epochs, in which no code is moved any more
KEEP = 5.0  # seconds between checkpoints
SAMPLE = 20_000  # documents that k-means starts the codebooks on, and that dead codes are moved to


class RQVAETraining:
    """One fit of `model` on vectors [N, D]; `run()` returns what comes of it beside the weights."""

    def __init__(
        self, model: RQVAE, vectors: np.ndarray, s: RQVAESettings, checkpoints: Checkpoints, bars: Progress, device
    ):
        self.model, self.settings, self.checkpoints, self.bars, self.device = (
            model.to(device),
            s,
            checkpoints,
            bars,
            device,
        )
        self.vectors = torch.from_numpy(vectors).to(device)
        self.stages = [Stage("continuous", 1, s.warmup_epochs), Stage("discrete", 1, s.epochs)]

    def run(self) -> FitState:
        """Train, or go on from the last checkpoint; codes [N, T], the history and messages."""
        wait_briefly()
        state = self.checkpoints.restore(self.model)
        if state is None:
            state = FitState(codes=np.zeros((len(self.vectors), self.settings.positions), np.int32))
        while state.stage < len(self.stages):
            stage = self.stages[state.stage]
            if not stage.epochs:
                state = state.next_stage()
                continue
            if stage.name == "discrete" and state.epoch == 0:
                state = self._start_codebooks(state)
            state = self._train(stage, state).next_stage()
            self.checkpoints.write(self.model, state)
        return replace(state, messages=self._collapsed(state.codes))

    def _collapsed(self, codes: np.ndarray) -> tuple[str, ...]:
        """A sentence for each position that uses few of its codes."""
        said = []
        for position, size in enumerate(self.settings.codebook_sizes, start=1):
            count = len(np.unique(codes[:, position - 1]))
            if count < diagnostics.COLLAPSE_BOUND * min(size, len(codes)):
                said.append(
                    f"Position {position} uses {count} of {size} codes. Switch restart on, train longer, or choose a "
                    "smaller codebook."
                )
        return tuple(said)

    # ---- stages ----------------------------------------------------------------------------------------------------

    def _train(self, stage: Stage, state: FitState) -> FitState:
        s, steps = self.settings, -(-len(self.vectors) // self.settings.batch_size)
        parameters = [p for p in self.model.parameters() if p.requires_grad]
        optimizer = torch.optim.AdamW(parameters, lr=s.learning_rate, weight_decay=s.weight_decay)
        if state.optimizer is not None:
            optimizer.load_state_dict(optimizer.state_dict() | {"state": state.optimizer})
        self.bars.stage(stage, state.stage, len(self.stages), steps * stage.epochs)
        self.bars.resume_at(steps * state.epoch)
        kept, seconds = time.monotonic(), 0.0
        for now in range(state.epoch, stage.epochs):
            began = time.perf_counter()
            for group in optimizer.param_groups:
                group["lr"] = (
                    s.learning_rate * (1 - now / stage.epochs) if stage.name == "discrete" else s.learning_rate
                )
            terms = self._epoch(stage, now, optimizer)
            seconds += time.perf_counter() - began
            if now + 1 == stage.epochs or now % max(1, stage.epochs // ROWS) == 0:
                state, seconds = self._recorded(state, stage, now, steps, terms, seconds), 0.0
            if time.monotonic() - kept > KEEP and now + 1 < stage.epochs:
                state = replace(state, epoch=now + 1, optimizer=optimizer.state_dict()["state"])
                self.checkpoints.write(self.model, state)
                kept = time.monotonic()
        self.bars.close_stage()
        return state

    def _epoch(self, stage: Stage, epoch: int, optimizer) -> dict[str, float]:
        """One pass over the documents; the mean of each term."""
        s, model = self.settings, self.model.train()
        generator = torch.Generator().manual_seed(_seed_of(s.seed, self.stages.index(stage), epoch))
        sums: dict[str, float] = {}
        counts = [torch.zeros(size, device=self.device) for size in s.codebook_sizes]
        order = torch.randperm(len(self.vectors), generator=generator)
        for batch in order.split(s.batch_size):
            x = self.vectors[batch.to(self.device)]  # [B, D]
            if stage.name == "continuous":
                terms = {"reconstruction": (x - model.autoencode(x)).pow(2).sum(1).mean()}
            else:
                rebuilt, quantised = model(x)
                terms = losses(x, rebuilt, quantised, s.commitment)
                for t, count in enumerate(counts):
                    count += torch.bincount(quantised.codes[:, t], minlength=len(count))
            loss = sum(terms.values())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            for name, value in (terms | {"loss": loss}).items():
                sums[name] = sums.get(name, 0.0) + value.item() * len(batch)
            self.bars.step(epoch, loss.item())
        if stage.name == "discrete" and s.restart and epoch < (1 - SETTLE) * stage.epochs:
            self._restart(counts, generator, optimizer)
        return {name: value / len(self.vectors) for name, value in sums.items()}

    @torch.no_grad()
    def _start_codebooks(self, state: FitState) -> FitState:
        """k-means centres of each position's residuals (or random ones of them, without `kmeans_init`)."""
        s, began = self.settings, time.perf_counter()
        stage = Stage("codebook_init", 1, 1)
        self.bars.stage(stage, state.stage, len(self.stages), s.positions)
        drawn = np.random.default_rng(s.seed)
        some = np.sort(drawn.permutation(len(self.vectors))[: max(SAMPLE, 4 * max(s.codebook_sizes))])
        residual = self.model.eval().encoder(self.vectors[torch.from_numpy(some).to(self.device)])
        for book, size in zip(self.model.quantiser.books, s.codebook_sizes, strict=True):
            rows = residual.cpu().numpy()
            chosen = kmeans_rows(rows, size, s.seed, 1) if s.kmeans_init else rows[drawn.permutation(len(rows))[:size]]
            book.rows.copy_(torch.from_numpy(np.ascontiguousarray(chosen)))
            codes = book.squared_distances(residual).argmin(1)
            members = torch.bincount(codes, minlength=size) * (s.batch_size / len(residual))
            book.start_at(book.rows.clone(), members.to(residual).clamp(min=1e-3))
            residual = residual - book.rows[codes]
            self.bars.step(0, float(residual.pow(2).sum(1).mean()))
        state = self._recorded(state, stage, 0, s.positions, {}, time.perf_counter() - began)
        self.bars.close_stage()
        return state

    @torch.no_grad()
    def _restart(self, counts, generator, optimizer) -> None:
        """Move each code that nobody chose in this epoch to the residual of a random document."""
        if all(bool((count > 0).all()) for count in counts):
            return
        some = torch.randperm(len(self.vectors), generator=generator)[:SAMPLE]
        quantised = self.model.quantiser.eval()(self.model.encoder(self.vectors[some.to(self.device)]))
        for book, count, residual in zip(self.model.quantiser.books, counts, quantised.residuals, strict=True):
            dead = torch.nonzero(count == 0).flatten()
            if not len(dead):
                continue
            drawn = torch.randperm(len(residual), generator=generator)
            place = drawn.repeat(-(-len(dead) // len(drawn)))[: len(dead)].to(self.device)
            book.rows[dead] = residual[place]
            book.count[dead] = 1.0
            book.total[dead] = residual[place]
            for moment in ("exp_avg", "exp_avg_sq"):
                if moment in optimizer.state.get(book.rows, {}):
                    optimizer.state[book.rows][moment][dead] = 0

    # ---- what is seen on the way -------------------------------------------------------------------------------------

    @torch.no_grad()
    def _recorded(self, state: FitState, stage: Stage, epoch: int, steps: int, terms: dict, seconds: float) -> FitState:
        """The state with an epoch's rows of history: one a position, whose seconds add up to the epoch's."""
        terms = {name: value for name, value in terms.items() if name != "codebook"}
        common = {"stage": stage.name, "epoch": epoch + 1, "step": steps * (epoch + 1), "documents": len(self.vectors)}
        if stage.name == "continuous":
            codes, rows = state.codes, [common | terms | {"position": 1, "seconds": seconds}]
        else:
            codes = self._codes()
            common |= terms | {"seconds": seconds / codes.shape[1]}
            positions = range(1, codes.shape[1] + 1)
            rows = [common | {"position": t} | diagnostics.use_of_codes(codes[:, :t]) for t in positions]
        state = replace(state, codes=codes, history=(*state.history, *rows))
        self.bars.record(state.history)
        return state

    def _codes(self) -> np.ndarray:
        """Greedy codes [N, T] of all documents, as the model stands."""
        self.model.eval()
        parts = self.vectors.split(8192)
        return np.concatenate([self.model.quantiser(self.model.encoder(x)).codes.cpu().numpy() for x in parts]).astype(
            np.int32
        )


def _seed_of(seed: int, stage: int, epoch: int) -> int:
    return int(np.random.default_rng([seed, stage, epoch]).integers(2**62))
