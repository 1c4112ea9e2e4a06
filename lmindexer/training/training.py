"""Progressive training: the stages of LMIndexer as one visible loop.

    reconstructor_warmup           min_φ        -Σ log P_recon(w | d_h)            against reconstructor collapse
    for t = 1 … T:
        continuous      (t)        min_θ,φ      L^t with h^t in the code's place   against posterior collapse
        codebook_init   (t)        E^t          k-means on h^t
        discrete        (t)        min_θ,φ,E^t  L^t with straight-through codes, then c^t is written down

Each stage leads from one `FitState` to the next. Every epoch begins from a seed made of (seed, stage, epoch), so a
run that was stopped and taken up again at its last checkpoint does what an undisturbed run does.
"""

import math
import time
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from lmindexer.common.processes import processes
from lmindexer.common.progress import Progress
from lmindexer.common.threads import wait_briefly
from lmindexer.model.hints import AskedWords
from lmindexer.model.model import IndexerModel
from lmindexer.model.tokens import Vocabulary
from lmindexer.quality.diagnostics import diagnose
from lmindexer.runs.checkpoints import Checkpoints, FitState
from lmindexer.settings.settings import Settings
from lmindexer.training.all_documents import ENCODE_BATCH
from lmindexer.training.batches import epoch_batches
from lmindexer.training.clustering import kmeans_rows
from lmindexer.training.corpus_diagnostics import CorpusDiagnostics, Look, documents_unasked
from lmindexer.training.encoding import EncodedCorpus
from lmindexer.training.neighbours import nearest_neighbours
from lmindexer.training.objective import Objective
from lmindexer.training.optimizer import StageOptimizer
from lmindexer.training.stages import Stage, check_size, plan
from lmindexer.training.votes import CodeVotes

GROUP_SIZE = 5  # a document and its H = 4 negatives of the same prefix


class Training:
    """Trains `model` on `corpus`. What it learns beside the weights is in the `FitState` that `run()` returns."""

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
        check_size(len(corpus), max(settings.codebook_sizes))
        self.model, self.corpus, self.vocabulary, self.settings = model.to(device), corpus, vocabulary, settings
        self.checkpoints, self.progress, self.device = checkpoints, progress, torch.device(device)
        self.stages = plan(settings)
        self.diagnostics = CorpusDiagnostics(self.model, corpus, settings, self.device)
        self.looked: Look | None = None  # at the model as it is now

    def run(self) -> FitState:
        """Run all stages from the last checkpoint on."""
        wait_briefly()
        state = self.checkpoints.restore(self.model) or self.beginning()
        try:
            while state.stage < len(self.stages):
                state = self.run_stage(state)
        finally:
            self.progress.close()  # also where Ctrl-C stopped a stage: what is said next begins on a line of its own
        return state

    def beginning(self) -> FitState:
        """Nothing learned yet."""
        return FitState(codes=np.zeros((len(self.corpus), 0), np.int32))

    def run_stage(self, state: FitState) -> FitState:
        """From the state before the stage `state.stage`, or inside it, to the one after it."""
        stage = self.stages[state.stage]
        self.progress.stage(stage, state.stage, len(self.stages), self.steps(stage))
        after = self._init_codebook(stage, state) if stage.name == "codebook_init" else self._learn(stage, state)
        after = self._with_collapse_told(stage, after).next_stage()
        if reach := told_reach(stage, after.history[-1]):
            self.progress.say(reach)
        self.checkpoints.write(self.model, after)
        self.progress.close_stage()
        return after

    # ---- stages that learn by steps --------------------------------------------------------------------------

    def _learn(self, stage: Stage, state: FitState) -> FitState:
        objective = Objective(
            self.model, self.corpus, self.settings, self.device, stage, self._asked(stage), self._votes(stage, state)
        )
        optimizer = self.optimizer(stage)
        if state.optimizer is not None:
            done = state.epoch * self.steps(stage) // stage.epochs
            optimizer.resume(state.optimizer, done)
            self.progress.resume_at(done)
        reach = self._reach(objective.asked)
        for epoch in range(state.epoch, stage.epochs):
            self._begin_epoch(state.stage, epoch)
            began = time.perf_counter()
            steps, means = self._run_epoch(objective, optimizer, state, epoch)
            means["seconds"] = time.perf_counter() - began
            if self.diagnostics.due(stage, epoch):
                look = self._look(state, stage) if stage.position else None
                means |= self.diagnostics.measure(stage, state.codes, look, objective.asked) | reach
            state = self._recorded(state, stage, epoch, steps, means)
            if epoch + 1 < stage.epochs:
                votes = None if objective.votes is None else objective.votes.codes
                state = replace(state, epoch=epoch + 1, optimizer=optimizer.state, votes=votes)
                self.checkpoints.write(self.model, state)
        if stage.name == "discrete":  # the greedy codes of the last look are written down
            greedy = self._look(state, stage).greedy
            state = replace(state, codes=np.column_stack([state.codes, greedy[:, -1]]))
            self.looked = None  # the next look is at another position
        return state

    def _look(self, state: FitState, stage: Stage) -> Look:
        """What the model makes of all documents; not anew where no step was taken since the last look."""
        if self.looked is None:
            self.looked = self.diagnostics.look(state.codes, stage.position)
        return self.looked

    def _run_epoch(
        self, objective: Objective, optimizer: StageOptimizer, state: FitState, epoch: int
    ) -> tuple[int, dict[str, float]]:
        """One pass over the documents: how many steps, and the mean of each term."""
        sums, steps = {}, 0
        generator = np.random.default_rng([self.settings.seed, state.stage, epoch])
        self.model.train()
        self.looked = None
        for batch in epoch_batches(state.codes, self.settings.batch_size, generator, GROUP_SIZE):
            optimizer.advance()
            with self._autocast():
                terms = objective.terms(batch, state.codes)
                loss = sum((weight * value for weight, value in terms.values()), torch.zeros((), device=self.device))
            optimizer.step(loss, len(batch))
            steps += 1
            for name, (_, value) in {**terms, "loss": (1.0, loss)}.items():
                sums[name] = sums.get(name, 0.0) + float(value.detach())
            self.progress.step(epoch, sums["loss"] / steps)
        return steps, {name: total / steps for name, total in sums.items()}

    def optimizer(self, stage: Stage) -> StageOptimizer:
        """The optimiser of what a stage trains."""
        model, s = self.model, self.settings
        groups = [{"params": list(model.reconstructor.parameters()), "lr": s.learning_rate}]
        if stage.position:
            groups.append({"params": list(model.encoder.parameters()), "lr": s.learning_rate})
        if stage.name == "discrete":
            rows = [model.codebooks[stage.position - 1].rows]
            groups.append({"params": rows, "lr": s.learning_rate * s.codebook_rate})
        return StageOptimizer(groups, self.steps(stage))

    def steps(self, stage: Stage) -> int:
        """How many steps a stage takes."""
        if stage.name == "codebook_init":
            return 1
        # epoch_batches never ends in a batch of one
        full, rest = divmod(len(self.corpus), self.settings.batch_size)
        return stage.epochs * max(1, full + (rest > 1))

    def _asked(self, stage: Stage) -> AskedWords:
        return AskedWords(salience_at(self.vocabulary, self.settings, stage.position), self.device)

    def _reach(self, asked: AskedWords) -> dict[str, float]:
        """How many words a stage asks for, and the share of documents that have none of them."""
        unasked = documents_unasked(self.corpus, asked.salience.numpy())
        return {"asked_words": len(asked.words), "documents_unasked": unasked}

    def _votes(self, stage: Stage, state: FitState) -> CodeVotes | None:
        s = self.settings
        if stage.name != "discrete" or not s.agreement or stage.position > s.agreement_until:
            return None
        if self.corpus.start is None:
            return None
        codes = state.votes  # of a checkpoint inside the stage
        if codes is None:
            codes = self._look(state, stage).greedy[:, -1]
        return CodeVotes(nearest_neighbours(self.corpus.start, s.neighbours), state.codes, codes)

    # ---- the codebook ----------------------------------------------------------------------------------------

    def _init_codebook(self, stage: Stage, state: FitState) -> FitState:
        """E^t = k-means centres of h^t, all at the centres' mean length.

        Centres are fitted for distance but codes are chosen by dot product, in which a longer row would win
        documents that lie nearer to a shorter one (method.md §1.5); rows of one length choose alike.
        """
        self._begin_epoch(state.stage, 0)
        began = time.perf_counter()
        look = self._look(state, stage)
        if self.settings.codebook_init == "kmeans":
            look = self.looked = self._with_centres(stage, look)
        means = {"seconds": time.perf_counter() - began}
        self.progress.step(0, float("nan"))
        means |= self.diagnostics.measure(stage, state.codes, look, self._asked(stage))
        return self._recorded(state, stage, 0, 0, means)

    def _with_centres(self, stage: Stage, look: Look) -> Look:
        """Put the codebook at the centres of the states; the look with the codes that they give."""
        book = self.model.codebooks[stage.position - 1]
        size = len(book.rows)
        found = processes().from_first(
            lambda: kmeans_rows(look.states, size, self.settings.seed), (size, look.states.shape[1])
        )
        centres = torch.from_numpy(found)
        length = centres.norm(dim=-1, keepdim=True)
        book.set_rows((centres / length.clamp(min=1e-6) * length.mean()).to(self.device))
        parts = torch.from_numpy(look.states).split(ENCODE_BATCH)
        chosen = torch.cat([book.choose(part.to(self.device)).cpu() for part in parts]).numpy().astype(np.int32)
        return Look(look.states, np.column_stack([look.greedy[:, :-1], chosen]))

    # ---- records ---------------------------------------------------------------------------------------------

    def _begin_epoch(self, index: int, epoch: int) -> None:
        torch.manual_seed(((self.settings.seed * 1_000_003 + index) * 10_007 + epoch) % 2**63)

    def _recorded(self, state: FitState, stage: Stage, epoch: int, steps: int, measured: dict) -> FitState:
        """The state with one more row of history."""
        row = {"stage": stage.name, "position": stage.position, "epoch": epoch + 1, "step": steps * (epoch + 1)}
        state = replace(state, history=(*state.history, {**row, "documents": len(self.corpus), **measured}))
        self.progress.record(state.history)
        return state

    def _with_collapse_told(self, stage: Stage, state: FitState) -> FitState:
        size = self.settings.codebook_sizes[stage.position - 1] if stage.position else 0
        value = state.history[-1].get("perplexity") if stage.position and state.history else None
        message = diagnose(value, size, len(self.corpus), stage.name, stage.position)
        if not message:
            return state
        self.progress.say(message)
        return replace(state, messages=(*state.messages, message))

    def _autocast(self):
        use = self.device.type == "cuda" and torch.cuda.is_bf16_supported()
        return torch.autocast(self.device.type, torch.bfloat16, enabled=use)


def told_reach(stage: Stage, row: dict) -> str:
    """A sentence at the end of a discrete stage about documents that none of its words speaks of; "" if all are.

    >>> told_reach(Stage("discrete", 1, 3), {"asked_words": 109, "documents_unasked": 0.285})
    'discrete c1 asked for 109 words; 28.5 % of the documents have none of them.'
    """
    if stage.name != "discrete" or not row.get("documents_unasked"):
        return ""
    share = f"{row['documents_unasked']:.1%}".replace("%", " %")
    return f"{stage} asked for {row['asked_words']:,} words; {share} of the documents have none of them."


def salience_at(vocabulary: Vocabulary, settings: Settings, position: int) -> Tensor:
    """Target weights [V] for a position; the warm-up (position 0) takes those of the last, finest position."""
    sizes = settings.codebook_sizes[: position or settings.positions]
    return torch.from_numpy(vocabulary.salience(math.prod(sizes), settings.target_weights, settings.salience_floor))
