"""Progressive training: the stages of LMIndexer as one visible loop.

    reconstructor_warmup           min_φ        -Σ log P_recon(w | d_h)            against reconstructor collapse
    for t = 1 … T:
        continuous      (t)        min_θ,φ      L^t with h^t in the code's place   against posterior collapse
        codebook_init   (t)        E^t          k-means on h^t
        discrete        (t)        min_θ,φ,E^t  L^t with straight-through codes, then c^t is written down

Every epoch begins from a seed made of (seed, stage, epoch), so a run that was stopped and taken up again at its
last checkpoint does what an undisturbed run does.
"""

import math
import time
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from lmindexer.common.errors import TrainingError
from lmindexer.common.progress import Progress, history_frame
from lmindexer.model import losses
from lmindexer.model.hints import AskedWords, Hints, draw_hints
from lmindexer.model.model import Documents, IndexerModel
from lmindexer.model.tokens import Vocabulary
from lmindexer.quality.diagnostics import diagnose
from lmindexer.runs.checkpoints import Checkpoints
from lmindexer.settings.settings import Settings
from lmindexer.training.batches import epoch_batches, negative_mask
from lmindexer.training.clustering import kmeans_rows
from lmindexer.training.corpus_diagnostics import ENCODE_BATCH, CorpusDiagnostics, Look
from lmindexer.training.encoding import EncodedCorpus
from lmindexer.training.neighbours import nearest_neighbours

GROUP_SIZE = 5  # a document and its H = 4 negatives of the same prefix


@dataclass(frozen=True)
class Stage:
    """One stage: its name, the position t it learns (0 for the reconstructor's warm-up), its epochs."""

    name: str
    position: int
    epochs: int

    def __str__(self) -> str:
        return self.name if self.position == 0 else f"{self.name} c{self.position}"


def plan(settings: Settings) -> list[Stage]:
    """The stages that the settings ask for, in order."""
    stages = []
    if settings.reconstructor_warmup and settings.warmup_epochs:
        stages.append(Stage("reconstructor_warmup", 0, settings.warmup_epochs))
    for position in range(1, settings.positions + 1):
        if settings.continuous and settings.continuous_epochs:
            stages.append(Stage("continuous", position, settings.continuous_epochs))
        stages.append(Stage("codebook_init", position, 1))
        stages.append(Stage("discrete", position, settings.discrete_epochs))
    return stages


class Training:
    """Trains `model` on `corpus`; `run()` returns the history. Everything that a resume needs is in `Checkpoints`."""

    def __init__(
        self,
        model: IndexerModel,
        corpus: EncodedCorpus,
        vocabulary: Vocabulary,
        settings: Settings,
        checkpoints: Checkpoints,
        progress: Progress,
        device: torch.device | str = "cpu",
    ):
        self.model, self.corpus, self.vocabulary, self.settings = model.to(device), corpus, vocabulary, settings
        self.checkpoints, self.progress, self.device = checkpoints, progress, torch.device(device)
        self.stages = plan(settings)
        self.history: list[dict] = []
        self.codes = np.zeros((len(corpus), 0), np.int32)  # c^1 … c^t as far as they are written down
        self.diagnostics = CorpusDiagnostics(self.model, corpus, settings, self.device)
        self.seen: Look | None = None  # what the model made of the corpus when it was last looked at
        self.votes: CodeVotes | None = None
        self.kept_votes: np.ndarray | None = None  # of a checkpoint inside a discrete stage
        self.messages: list[str] = []  # collapses, in words
        self.asked: AskedWords | None = None
        _check_size(corpus, settings)

    def run(self) -> pd.DataFrame:
        """Run all stages from the last checkpoint on."""
        stage_index, epoch, optimizer_state = self.checkpoints.restore(self)
        try:
            for index in range(stage_index, len(self.stages)):
                self._run_stage(index, epoch, optimizer_state)
                epoch, optimizer_state = 0, None
        finally:
            self.progress.close()  # also where Ctrl-C stopped a stage: what is said next begins on a line of its own
        return history_frame(self.history)

    # ---- stages ----------------------------------------------------------------------------------------------

    def _run_stage(self, index: int, first_epoch: int, optimizer_state: dict | None) -> None:
        stage = self.stages[index]
        self.progress.stage(stage, index, len(self.stages), self._steps(stage))
        if stage.name == "codebook_init":
            self._begin_epoch(index, 0)
            self._init_codebook(stage)
        else:
            self.asked = AskedWords(self.salience(stage.position), self.device)
            optimizer, schedule = self._optimizer(stage)
            if optimizer_state:
                whole = optimizer.state_dict() | {"state": optimizer_state}
                optimizer.load_state_dict(whole)
                done = first_epoch * self._steps(stage) // stage.epochs
                schedule(done)
                self.progress.resume_at(done)
            if stage.name == "discrete":
                self.votes = self._start_votes(stage)
            else:
                self.votes = None
            for epoch in range(first_epoch, stage.epochs):
                self._begin_epoch(index, epoch)
                self._run_epoch(stage, epoch, optimizer, schedule)
                if epoch + 1 < stage.epochs:
                    self.checkpoints.write(self, index, epoch + 1, optimizer)
        if stage.name == "discrete":
            self.codes = np.column_stack([self.codes, self.seen.greedy[:, -1]])
        self._say_collapse(stage)
        self.checkpoints.write(self, index + 1, 0, None)
        self.progress.close_stage()

    def _run_epoch(self, stage: Stage, epoch: int, optimizer, schedule) -> None:
        began, sums, steps = time.perf_counter(), {}, 0
        generator = np.random.default_rng([self.settings.seed, self.stages.index(stage), epoch])
        self.model.train()
        for batch in epoch_batches(self.codes, self.settings.batch_size, generator, GROUP_SIZE):
            schedule()
            with self._autocast():
                terms = self._losses(stage, batch)
                loss = sum((weight * value for weight, value in terms.values()), torch.zeros((), device=self.device))
            if loss.requires_grad:  # not where the settings leave a position without any loss
                optimizer.zero_grad(set_to_none=True)
                loss.backward()
                nn.utils.clip_grad_norm_([p for g in optimizer.param_groups for p in g["params"]], 1.0)
                optimizer.step()
            steps += 1
            for name, (_, value) in {**terms, "loss": (1.0, loss)}.items():
                sums[name] = sums.get(name, 0.0) + float(value.detach())
            self.progress.step(epoch, sums["loss"] / steps)
        means = {name: total / steps for name, total in sums.items()}
        self._record(stage, epoch, steps, time.perf_counter() - began, means)

    def _init_codebook(self, stage: Stage) -> None:
        """E^t = k-means centres of h^t, all at the centres' mean length.

        Centres are fitted for distance but codes are chosen by dot product, in which a longer row would win
        documents that lie nearer to a shorter one (method.md §1.5); rows of one length choose alike.
        """
        book = self.model.codebooks[stage.position - 1]
        began = time.perf_counter()
        h = self._look(stage).states
        if self.settings.codebook_init == "kmeans":
            centres = torch.from_numpy(kmeans_rows(h, len(book.rows), self.settings.seed))
            length = centres.norm(dim=-1, keepdim=True)
            book.set_rows((centres / length.clamp(min=1e-6) * length.mean()).to(self.device))
            chosen = [book.choose(part.to(self.device)).cpu() for part in torch.from_numpy(h).split(ENCODE_BATCH)]
            self.seen.greedy[:, -1] = torch.cat(chosen)
        self.progress.step(0, float("nan"))
        self._record(stage, 0, 0, time.perf_counter() - began, {})

    def _look(self, stage: Stage) -> Look:
        """Look at the whole corpus, and keep what was seen."""
        self.seen = self.diagnostics.look(self.codes, stage.position)
        return self.seen

    # ---- one step --------------------------------------------------------------------------------------------

    def _losses(self, stage: Stage, batch: Tensor) -> dict[str, tuple[float, Tensor]]:
        """name -> (weight, value) for one batch of document numbers."""
        s, model = self.settings, self.model
        documents = self.corpus.batch(batch, self.device)
        hints = self._hints(stage, documents)
        words = self.asked.place[hints.words]  # [B, M, P]
        if stage.position == 0:
            logits = model.reconstruct_from_hints(documents, hints, self.asked.words)
            return {"reconstruction": (1.0, losses.reconstruction_loss(logits, words, hints.weight))}

        t, book = stage.position, model.codebooks[stage.position - 1]
        earlier_codes = torch.from_numpy(self.codes[batch.numpy()].astype(np.int64)).to(self.device)  # [B, t-1]
        earlier = [row.detach() for row in model.rows(earlier_codes)]  # written down: they train no further
        contrast = s.contrastive != "off" and s.contrastive_weight and t >= s.contrastive_from
        if contrast:
            h, moved = model.encoder(documents, earlier, views=2)  # [2B, t, d]
            (h, view), (moved, _) = h.chunk(2), moved.chunk(2)  # [B, t, d]: the documents under two dropouts
        else:
            h, moved = model.encoder(documents, earlier)  # [B, t, d]
        terms = {}
        if stage.name == "continuous":
            code = h[:, -1]
        else:
            code, chosen, log_p = book.straight_through(h[:, -1])
            terms |= self._agreement(batch, chosen, log_p)
        if s.reconstruction:
            logits = model.reconstruct([*earlier, code], documents, hints, self.asked.words)
            value = losses.reconstruction_loss(logits, words, hints.weight)
            terms["reconstruction"] = (s.reconstruction, value)
        if contrast:
            negative = negative_mask(earlier_codes)
            value = losses.contrastive_loss(h[:, -1], view[:, -1], negative, s.contrastive, s.contrastive_temperature)
            terms["contrastive"] = (s.contrastive_weight, value)
        if s.commitment and t > 1:
            tables = [model.codebooks[j].log_probabilities(h[:, j]) for j in range(t - 1)]
            terms["commitment"] = (s.commitment, losses.commitment_loss(tables, earlier_codes))
        if s.at("anchor", t) and s.start == "pooled":
            terms["anchor"] = (s.at("anchor", t), losses.anchor_loss(moved[:, -1]))
        return terms

    def _agreement(self, batch: Tensor, chosen: Tensor, log_p: Tensor) -> dict[str, tuple[float, Tensor]]:
        if self.votes is None:
            return {}
        shares, counts = self.votes.of(batch, log_p.shape[1])
        self.votes.update(batch, chosen)
        p = log_p.exp()
        return {
            "agreement": (
                self.settings.agreement,
                losses.agreement_loss(p, shares.to(p), counts.to(p.device)),
            ),
            "balance": (self.settings.balance, losses.balance_loss(p)),
        }

    def _hints(self, stage: Stage, documents: Documents) -> Hints:
        s = self.settings
        share = s.warmup_hint_share if stage.position == 0 else s.at("hint_share", stage.position)
        hints = draw_hints(
            documents.words.cpu(),
            documents.present.cpu(),
            self.asked.salience,
            share,
            s.hint_form,
            s.targets,
        )
        return hints.to(self.device)

    def salience(self, position: int) -> Tensor:
        """Worth of each word as a target at a position, [V]."""
        return salience_at(self.vocabulary, self.settings, position)

    def _start_votes(self, stage: Stage) -> "CodeVotes | None":
        s = self.settings
        if not s.agreement or stage.position > s.agreement_until or self.corpus.start is None:
            return None
        neighbours = nearest_neighbours(self.corpus.start, self.settings.neighbours)
        votes = CodeVotes(neighbours, self.codes, self._look(stage).greedy[:, -1])
        if self.kept_votes is not None:
            votes.codes, self.kept_votes = self.kept_votes, None
        return votes

    # ---- optimiser, records, checkpoints ---------------------------------------------------------------------

    def _optimizer(self, stage: Stage):
        """AdamW without weight decay; the rate rises over a tenth of the steps, then falls to 0 (method.md §1.5)."""
        model, s = self.model, self.settings
        groups = [{"params": list(model.reconstructor.parameters()), "lr": s.learning_rate}]
        if stage.position:
            groups.append({"params": list(model.encoder.parameters()), "lr": s.learning_rate})
        if stage.name == "discrete":
            rows = [model.codebooks[stage.position - 1].rows]
            groups.append({"params": rows, "lr": s.learning_rate * s.codebook_rate})
        optimizer = torch.optim.AdamW(groups, weight_decay=0.0)
        rates = [group["lr"] for group in groups]
        total, done = max(1, self._steps(stage)), 0

        def schedule(jump_to: int | None = None) -> None:
            nonlocal done
            if jump_to is not None:
                done = jump_to
                return
            done += 1
            factor = min(done / max(1.0, 0.1 * total), max(0.0, (total - done + 1) / (0.9 * total)), 1.0)
            for group, rate in zip(optimizer.param_groups, rates, strict=True):
                group["lr"] = rate * factor

        return optimizer, schedule

    def _steps(self, stage: Stage) -> int:
        if stage.name == "codebook_init":
            return 1
        # epoch_batches never ends in a batch of one
        full, rest = divmod(len(self.corpus), self.settings.batch_size)
        return stage.epochs * max(1, full + (rest > 1))

    def _begin_epoch(self, index: int, epoch: int) -> None:
        torch.manual_seed(((self.settings.seed * 1_000_003 + index) * 10_007 + epoch) % 2**63)

    def _record(self, stage: Stage, epoch: int, steps: int, seconds: float, means: dict) -> None:
        last = epoch + 1 == stage.epochs
        found = {}
        if last or (epoch + 1) % self.settings.diagnose_every == 0:
            if stage.position and stage.name != "codebook_init":  # there it is known already
                self._look(stage)
            asked = AskedWords(self.salience(stage.position), self.device)
            found = self.diagnostics.measure(stage, self.codes, self.seen, asked)
        row = {"stage": stage.name, "position": stage.position, "epoch": epoch + 1, "step": steps * (epoch + 1)}
        self.history.append({**row, "seconds": seconds, "documents": len(self.corpus), **means, **found})
        self.progress.record(self.history)

    def _say_collapse(self, stage: Stage) -> None:
        if stage.position == 0 or not self.history:
            return
        size = self.settings.codebook_sizes[stage.position - 1]
        value = self.history[-1].get("perplexity")
        if value is None:
            return
        message = diagnose(value, size, len(self.corpus), stage.name, stage.position)
        if message:
            self.messages.append(message)
            self.progress.say(message)

    def _autocast(self):
        use = self.device.type == "cuda" and torch.cuda.is_bf16_supported()
        return torch.autocast(self.device.type, torch.bfloat16, enabled=use)


class CodeVotes:
    """For each document, how its nearest neighbours of the same prefix vote for the code at position t.

    Codes are kept for the whole corpus and renewed as batches pass, so a vote costs no second encoding.
    """

    def __init__(self, neighbours: np.ndarray, earlier_codes: np.ndarray, codes: np.ndarray):
        """neighbours [N, k] document numbers, earlier_codes [N, t-1], codes [N]."""
        same = (earlier_codes[neighbours] == earlier_codes[:, None]).all(-1)  # [N, k]
        self.neighbours, self.same, self.codes = torch.from_numpy(neighbours), torch.from_numpy(same), codes.copy()

    def of(self, batch: Tensor, size: int) -> tuple[Tensor, Tensor]:
        """Shares of the votes [B, K], and which documents have a voter [B]."""
        voters, same = self.neighbours[batch], self.same[batch].float()  # [B, k]
        codes = torch.from_numpy(self.codes[voters.numpy()].astype(np.int64))  # [B, k]
        shares = torch.zeros(len(batch), size).scatter_add_(1, codes, same)  # [B, K]
        total = shares.sum(1, keepdim=True)
        return shares / total.clamp(min=1), total[:, 0] > 0

    def update(self, batch: Tensor, codes: Tensor) -> None:
        self.codes[batch.numpy()] = codes.cpu().numpy()


def salience_at(vocabulary: Vocabulary, settings: Settings, position: int) -> Tensor:
    """Target weights [V] for a position; the warm-up (position 0) takes those of the last, finest position."""
    sizes = settings.codebook_sizes[: position or settings.positions]
    return torch.from_numpy(vocabulary.salience(math.prod(sizes), settings.target_weights, settings.salience_floor))


def _check_size(corpus: EncodedCorpus, settings: Settings) -> None:
    largest = max(settings.codebook_sizes)
    if len(corpus) < largest:
        raise TrainingError(
            f"The corpus has {len(corpus)} documents and a codebook {largest} codes; give at least one document a "
            f"code, for example codebook_size={max(2, int(len(corpus) ** 0.5))}."
        )
