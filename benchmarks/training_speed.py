"""Where a training step's time goes, and how it compares with a plain T5 of the same sizes.

    python benchmarks/training_speed.py [--data ../shared/data/amazon-beauty] [--documents 3000] [--steps 40]
                                        [--parts masks step training encode] [--drawn-states]

Processor seconds of one thread, everything in one process, the two sides of each ratio by turns:

    masks       documents/s of drawing hints at 128 tokens, in both forms
    step        shares of data, masks and whole-corpus diagnostics in the discrete stages of positions 1 and 2; with
                --drawn-states the frozen encoder is left out: its states are drawn, on whose values no time depends
    training    documents/s of the same T5 layers: in lmindexer, and alone (transformers, forward + backward + AdamW)
    encode      documents/s of `encode` (texts to codes), and of the bare encoder on the same batches
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from transformers import T5Config, T5ForConditionalGeneration

import lmindexer as lmi
from lmindexer.common.progress import Progress
from lmindexer.datasets import load_folder, samples_folder
from lmindexer.model.backbones import train_tokenizer
from lmindexer.model.hints import draw_hints
from lmindexer.model.tokens import TokenisedDocuments
from lmindexer.runs.checkpoints import Checkpoints, FitState
from lmindexer.training import encoding
from lmindexer.training.batches import epoch_batches
from lmindexer.training.objective import Objective, stage_hints
from lmindexer.training.optimizer import StageOptimizer
from lmindexer.training.stages import Stage
from lmindexer.training.training import GROUP_SIZE, Training


def seconds(call, times: int = 1) -> float:
    """Processor seconds of one of `times` calls."""
    began = time.process_time()
    for _ in range(times):
        call()
    return (time.process_time() - began) / times


def masks(batch: int = 64, length: int = 128, words: int = 5000) -> None:
    """Documents a second of `draw_hints`."""
    rng = torch.Generator().manual_seed(0)
    tokens = torch.randint(1, words, (batch, length), generator=rng)
    present, salience = torch.ones_like(tokens, dtype=torch.bool), torch.rand(words, generator=rng)
    for form, target in (("document", 100_000), ("target", 100_000)):
        draw_hints(tokens, present, salience, 0.1, form)
        took = min(seconds(lambda form=form: draw_hints(tokens, present, salience, 0.1, form), 50) for _ in range(5))
        print(f"masks, form {form!r}: {batch / took:,.0f} documents/s (target {target:,})", flush=True)


def prepared(corpus, **settings) -> tuple[Training, lmi.LMIndexer]:
    """A `Training` that is ready to take a step, and its indexer."""
    indexer = lmi.LMIndexer(**settings)
    torch.manual_seed(0)
    encoded = indexer._prepare(corpus, False)
    checkpoints, progress = Checkpoints(None, {}), Progress(None, False)
    return Training(
        indexer.model_, encoded, indexer.vocabulary_, indexer._settings, checkpoints, progress, indexer.device
    ), indexer


def drawn_states(tokens, backbone, *_) -> tuple[np.ndarray, None]:
    """In the place of a frozen encoder's states: as many, drawn."""
    rng, states = np.random.default_rng(0), np.empty((len(tokens.ids), backbone.width), np.float16)
    for rows in np.array_split(states, 1 + len(states) // 100_000):
        rows[:] = rng.standard_normal(rows.shape, np.float32)
    return states, None


def step_shares(training: Training, stage: Stage, steps: int) -> None:
    """Shares of a stage: gathering batches, drawing masks, steps, looks at all documents and Macro-F1."""
    documents = len(training.corpus)
    codes = np.random.default_rng(0).integers(0, 32, (documents, stage.position - 1)).astype(np.int32)
    state = FitState(codes=codes)
    objective = Objective(
        training.model, training.corpus, training.settings, training.device, stage, training._asked(stage),
        training._votes(stage, state),
    )  # fmt: skip
    batches = epoch_batches(codes, training.settings.batch_size, np.random.default_rng(0), GROUP_SIZE)
    optimizer = training.optimizer(stage)

    def step(batch):
        optimizer.advance()
        terms = objective.terms(batch, codes)
        optimizer.step(sum((weight * value for weight, value in terms.values()), torch.zeros(())))

    training.model.train()
    for batch in batches[:3]:
        step(batch)
    some = batches[3 : 3 + steps]
    whole = sum(seconds(lambda b=b: step(b)) for b in some)
    data = sum(seconds(lambda b=b: training.corpus.batch(b)) for b in some)
    gathered = [training.corpus.batch(b) for b in some]
    drawn = sum(seconds(lambda d=d: stage_hints(stage, training.settings, d, objective.asked)) for d in gathered)
    order = seconds(lambda: epoch_batches(codes, training.settings.batch_size, np.random.default_rng(0), GROUP_SIZE))
    scale = len(batches) / len(some)
    seen = []
    look = seconds(lambda: seen.append(training.diagnostics.look(codes, stage.position)))
    numbers = seconds(lambda: training.diagnostics.measure(stage, codes, seen[0], objective.asked))
    looks = sum(training.diagnostics.due(stage, epoch) for epoch in range(stage.epochs))
    total = stage.epochs * (scale * whole + order) + looks * (look + numbers)
    print(f"{stage}, {documents:,} documents in batches of {training.settings.batch_size}: "
          f"{whole / len(some) * 1e3:.1f} ms a step, "
          f"{stage.epochs * documents / total:,.0f} documents/s with everything, "
          f"{looks} looks in {stage.epochs} epochs")  # fmt: skip
    parts = {
        "data": stage.epochs * (scale * data + order),
        "masks": stage.epochs * scale * drawn,
        "looks between": (looks - 1) * look,
        "Macro-F1": looks * numbers,
    }
    for name, took in parts.items():
        print(f"  {name:<14} {took / total:6.1%} of a stage")
    print(f"  {'together':<14} {sum(parts.values()) / total:6.1%} (target 5 %)")
    print(f"  and the last look, which gives the codes: {look / total:.1%}", flush=True)


T5 = {"d_model": 256, "d_kv": 64, "num_heads": 4, "d_ff": 1024, "num_layers": 4, "num_decoder_layers": 4}


def beside_plain_t5(corpus, folder: Path, steps: int, contrastive: str, batch_size: int = 16) -> None:
    """Documents a second of training a T5: as LMIndexer does in the continuous stage of position 1, and T5 alone.

    With the contrastive loss every document is encoded twice, under two dropouts, and by plain T5 too."""
    views = 1 if contrastive == "off" else 2
    tokenizer = train_tokenizer(corpus.documents())
    config = T5Config(vocab_size=len(tokenizer), decoder_start_token_id=0, pad_token_id=0, **T5)
    model = T5ForConditionalGeneration(config)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    training, _ = prepared(
        corpus, preset="slides", backbone=str(folder), codebook_size=32, batch_size=batch_size, contrastive=contrastive
    )
    stage = Stage("continuous", 1, 1)
    objective = Objective(
        training.model, training.corpus, training.settings, training.device, stage, training._asked(stage)
    )
    ours, plain = training.optimizer(stage), StageOptimizer([{"params": list(model.parameters()), "lr": 1e-4}], steps)
    codes = np.zeros((len(corpus), 0), np.int32)
    batches = list(torch.randperm(len(corpus)).split(batch_size))[: steps + 1]

    def step(batch):
        ours.advance()
        terms = objective.terms(batch, codes)
        ours.step(sum((weight * value for weight, value in terms.values()), torch.zeros(())))

    def plain_step(batch):
        documents = training.corpus.batch(batch.repeat(views))
        plain.advance()
        found = model(
            input_ids=documents.tokens,
            attention_mask=documents.present.long(),
            decoder_inputs_embeds=model.shared.weight[0].expand(views * len(batch), 1, -1),
            labels=documents.tokens[:, :1],
        )
        plain.step(found.loss)

    training.model.train()
    model.train()
    times = np.array([[seconds(lambda b=b: step(b)), seconds(lambda b=b: plain_step(b))] for b in batches])[1:]
    mine, theirs = batch_size / np.median(times, 0)
    print(f"training a T5 of {T5['num_layers']} + {T5['num_decoder_layers']} layers, d = {T5['d_model']}: "
          f"contrastive {contrastive}: {mine:.1f} documents/s, plain T5 {theirs:.1f}: ratio {mine / theirs:.2f} "
          "(target .90)", flush=True)  # fmt: skip


def beside_bare_encoder(corpus, rounds: int = 3) -> None:
    """`encode`, from texts to codes, beside the frozen encoder alone on the same batches."""
    indexer = lmi.LMIndexer.load(samples_folder() / "runs" / "wordnet")
    texts, backbone = corpus.documents(), indexer.model_.encoder.backbone
    tokens = TokenisedDocuments.from_texts(texts, None, backbone.tokenizer, 128)
    order = np.argsort(tokens.lengths, kind="stable")

    def bare():
        for first in range(0, len(order), 64):
            place, present = tokens.place(torch.from_numpy(order[first : first + 64]))
            backbone.encode(torch.from_numpy(tokens.ids[place.numpy()].astype(np.int64)), present)

    pairs = np.array([[seconds(lambda: indexer.encode(texts)), seconds(bare)] for _ in range(rounds)])
    mine, theirs = len(texts) / np.median(pairs, 0)
    print(f"encode: {mine:.1f} documents/s, bare encoder {theirs:.1f}: ratio {mine / theirs:.2f} (target .95)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="../shared/data/amazon-beauty")
    parser.add_argument("--documents", type=int, default=3000)
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--parts", nargs="+", default=["masks", "step", "training", "encode"])
    parser.add_argument("--drawn-states", action="store_true")
    given = parser.parse_args()
    torch.set_num_threads(1)
    if "masks" in given.parts:
        masks()
    corpus = load_folder(given.data) if Path(given.data).exists() else lmi.load_sample("wordnet")
    corpus = corpus.take(np.sort(np.random.default_rng(0).permutation(len(corpus))[: given.documents]))
    if "step" in given.parts:
        if given.drawn_states:
            encoding._states = drawn_states
        training, _ = prepared(corpus)
        for stage in (Stage("discrete", 1, 3), Stage("discrete", 2, 3)):
            step_shares(training, stage, given.steps)
    if "training" in given.parts:
        with tempfile.TemporaryDirectory() as folder:
            for contrastive in ("off", "dot"):
                corpus_of_long = lmi.load_sample("attack").take(np.arange(256))
                beside_plain_t5(corpus_of_long, Path(folder), min(12, given.steps), contrastive)
    if "encode" in given.parts:
        beside_bare_encoder(corpus.take(np.arange(min(600, len(corpus)))))


if __name__ == "__main__":
    main()
