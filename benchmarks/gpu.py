"""A GPU's documents and histories a second: T5-base alone, LMIndexer in its form, its IDs by precision, recommenders.

    python benchmarks/gpu.py [--minutes 8] [--peak 989] [--parts sweep training ids recommend]
    python benchmarks/gpu.py --dry            tiny sizes on the CPU: that the script runs, not how fast

One process; no downloads and no pre-trained model: T5s of t5-base's shape with random weights, and the seeded corpus of
`scale.py` (documents of 128 tokens whose words tell their place in a tree).

    sweep       T5 alone in bfloat16: documents/s by batch size, and the share of the peak
    training    the continuous stage of position 1 in the slides' form beside T5 alone on the same documents
    ids         a short fit from pooled starts, so that its codes say something; then `encode` from texts in three
                precisions: documents/s beside the bare encoder, and how many IDs are other ones
    recommend   recommenders by IDs at their own sizes and larger: histories/s and targets/s of training, histories/s
                of recommending

--peak is the device's bfloat16 peak in TFLOP/s without sparsity (H100 and H200 SXM: 989). Operations are counted as 6 a
weight and token in training and 2 in encoding (attention left out), so shares are on the low side. A part that may no
longer fit the minutes is named and left out.
"""

import argparse
import itertools
import tempfile
import time
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pandas as pd
import scale
import torch
import transformers
from transformers import T5Config, T5ForConditionalGeneration, T5Model

import lmindexer as lmi
from lmindexer.common.progress import Progress
from lmindexer.model.backbones import T5Backbone, train_tokenizer
from lmindexer.model.tokens import TokenisedDocuments
from lmindexer.runs.checkpoints import Checkpoints
from lmindexer.tasks.recommendation.generative import GenerativeRecommender
from lmindexer.tasks.recommendation.task import Recommendation
from lmindexer.tasks.recommendation.tiger import TIGER
from lmindexer.training.objective import Objective
from lmindexer.training.stages import Stage
from lmindexer.training.training import Training

BASE = {"d_model": 768, "d_kv": 64, "d_ff": 3072, "num_layers": 12, "num_decoder_layers": 12, "num_heads": 12}
TINY = {"d_model": 64, "d_kv": 16, "d_ff": 128, "num_layers": 2, "num_decoder_layers": 2, "num_heads": 4}
FORM = {"decoder_start_token_id": 0, "pad_token_id": 0}
POSITIONS = 3


class Bench:
    """The device, the sizes, the corpus, and how long there is."""

    def __init__(self, dry: bool, minutes: float, peak: float, folder: Path):
        self.dry, self.peak, self.ends = dry, peak * 1e12, time.monotonic() + 60 * minutes
        self.device = torch.device("cuda" if torch.cuda.is_available() and not dry else "cpu")
        self.sizes, self.length = (TINY, 16) if dry else (BASE, 128)
        self.batches = (4,) if dry else (64, 256, 512)
        self.steps = 2 if dry else 12
        scale.generate(folder, 60 if dry else 20_000, 20 if dry else 200)
        self.paths = np.load(folder / "paths.npy")
        self.corpus = scale.corpus_of(folder)
        self.few = self.corpus.take(np.arange(60 if dry else 4096))  # what LMIndexer works on
        self.backbone = self._backbone()

    def _backbone(self) -> T5Backbone:
        tokenizer = train_tokenizer(self.few.documents(), 500 if self.dry else 30_000)
        torch.manual_seed(0)
        with self.device:
            return T5Backbone(T5Model(T5Config(vocab_size=len(tokenizer), **FORM, **self.sizes)), tokenizer, True)

    def t5(self) -> T5ForConditionalGeneration:
        """T5 alone, of the same sizes."""
        torch.manual_seed(0)
        with self.device:
            config = T5Config(vocab_size=len(self.backbone.tokenizer), **FORM, **self.sizes)
            return T5ForConditionalGeneration(config)

    def half(self):
        """Products in bfloat16, as a fit on a GPU has them."""
        return torch.autocast(self.device.type, torch.bfloat16)

    def left(self) -> float:
        """Seconds."""
        return self.ends - time.monotonic()

    def wait(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize()

    def seconds(self, step, times: int | None = None, before: int = 2) -> float:
        """Seconds of one call of `step`, after some that are not counted."""
        for _ in range(before):
            step()
        self.wait()
        times, began = times or self.steps, time.perf_counter()
        for _ in range(times):
            step()
        self.wait()
        return (time.perf_counter() - began) / times


def training_step(optimizer, loss):
    """A call that takes one step down `loss()`."""

    def step():
        value = loss()
        optimizer.zero_grad(set_to_none=True)
        value.backward()
        optimizer.step()

    return step


# ---- T5 alone ------------------------------------------------------------------------------------------------------


def sweep(bench: Bench) -> None:
    """Documents a second of encoding and of training at each batch size, until memory ends."""
    model = bench.t5()
    weights = sum(p.numel() for p in model.encoder.parameters()) - model.shared.weight.numel()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5)
    for part, operations in (("encoding", 2), ("training", 6)):
        for batch in bench.batches:
            ids = torch.randint(1, model.config.vocab_size, (batch, bench.length), device=bench.device)

            @torch.inference_mode()
            def encode(ids=ids):
                with bench.half():
                    model.encoder(input_ids=ids)

            def loss(ids=ids):
                with bench.half():
                    return model(input_ids=ids, labels=ids[:, :POSITIONS].contiguous()).loss

            try:
                took = bench.seconds(encode if part == "encoding" else training_step(optimizer, loss))
            except torch.cuda.OutOfMemoryError:
                print(f"T5 {part}, batch {batch}: out of memory", flush=True)
                break
            share = operations * weights * bench.length * batch / took / bench.peak
            told = "" if bench.dry else f", {share:.1%} of the peak"
            print(f"T5 {part}, batch {batch}: {batch / took:,.1f} documents/s{told}", flush=True)


# ---- LMIndexer in T5's form ----------------------------------------------------------------------------------------


@contextmanager
def backbone_of(bench: Bench):
    """Indexers get the random T5 for their backbone."""
    with patch("lmindexer.indexers.lm.make_backbone", return_value=bench.backbone):
        yield


def prepared(bench: Bench, **settings) -> Training:
    """A `Training` in the slides' form that is ready to take a step."""
    indexer = lmi.LMIndexer("slides", device=bench.device.type, max_length=bench.length, **settings)
    with backbone_of(bench):
        encoded = indexer._prepare(bench.few, False)
    return Training(
        indexer.model_, encoded, indexer.vocabulary_, indexer._settings, Checkpoints(None, {}), Progress(None, False),
        bench.device,
    )  # fmt: skip


def training(bench: Bench) -> None:
    """A step of LMIndexer beside one of T5 alone with one decoder position; both encode two views where LMIndexer does.

    The line "without words" leaves the reconstructor out of the loss: what is left is T5's own work.
    """
    whole = prepared(bench, codebook_size=32, batch_size=8 if bench.dry else 128)
    stage, model, size = Stage("continuous", 1, 1), bench.t5(), whole.settings.batch_size
    plain = torch.optim.AdamW(model.parameters(), lr=1e-4)
    codes = np.zeros((len(whole.corpus), 0), np.int32)
    batches = itertools.cycle(torch.randperm(len(whole.corpus))[: size * 8].split(size))
    whole.model.train()
    model.train()
    print(f"LMIndexer in the slides' form, {len(whole.vocabulary):,} words, batches of {size}, "
          f"{whole.corpus.tokens.lengths.mean():.0f} tokens a document:", flush=True)  # fmt: skip

    def ours(**changes):
        settings = replace(whole.settings, **changes)
        objective = Objective(whole.model, whole.corpus, settings, bench.device, stage, whole._asked(stage))
        optimizer = whole.optimizer(stage)

        def step():
            optimizer.advance()
            with bench.half():
                terms = objective.terms(next(batches), codes)
            optimizer.step(sum(weight * value for weight, value in terms.values()))

        return step

    def alone(views: int):
        documents = whole.corpus.batch(next(batches).repeat(views), bench.device)
        with bench.half():
            start = model.shared.weight[0].expand(len(documents.tokens), 1, -1)
            return model(
                input_ids=documents.tokens, attention_mask=documents.present.long(), decoder_inputs_embeds=start,
                labels=documents.tokens[:, :1].contiguous(),
            ).loss  # fmt: skip

    for contrastive, views in (("off", 1), ("dot", 2)):
        theirs = bench.seconds(training_step(plain, lambda views=views: alone(views)))
        mine = bench.seconds(ours(contrastive=contrastive))
        wordless = bench.seconds(ours(contrastive="dot", reconstruction=0.0)) if views == 2 else float("nan")
        told = f", without words {size / wordless:,.0f}" if views == 2 else ""
        print(f"  contrastive {contrastive}: {size / mine:,.0f} documents/s{told}; T5 alone {size / theirs:,.0f}: "
              f"ratio {theirs / mine:.2f} (target .90)", flush=True)  # fmt: skip


def ids(bench: Bench) -> None:
    """A short fit, and what precision does to `encode`: its speed beside the bare encoder's, and its IDs."""
    quick = {"codebook_size": 4 if bench.dry else 64, "positions": POSITIONS, "start": "pooled", "temperature": 0.1,
             "codebook_rate": 0.1, "anchor": [0.3, 3.0], "contrastive": "off", "balance": 1.0, "learning_rate": 1e-4,
             "targets": 8, "warmup_epochs": 0, "continuous_epochs": 0, "discrete_epochs": 1 if bench.dry else 2,
             "diagnose_every": 2, "batch_size": 8 if bench.dry else 128, "max_length": bench.length}  # fmt: skip
    indexer = lmi.LMIndexer("slides", device=bench.device.type, **quick)
    began = time.perf_counter()
    with backbone_of(bench):
        indexer.fit(bench.few, progress=False)
    found = lmi.evaluate_ids(indexer.ids_, bench.few).to_dict()
    print(f"a fit of {len(bench.few):,} documents, 3 positions of 2 epochs: {time.perf_counter() - began:.1f} s; "
          f"AMI of c1 {found['agreement'][0]['ami']:.2f}, perplexity of c1 {found['perplexity'][0]:.1f} of "
          f"{quick['codebook_size']}", flush=True)  # fmt: skip
    texts, tails = indexer._texts(bench.few.take(np.arange(len(bench.few) // 2)))
    began = time.perf_counter()
    tokens = TokenisedDocuments.from_texts(texts, tails, bench.backbone.tokenizer, bench.length)
    print(f"  tokenising alone: {len(texts) / (time.perf_counter() - began):,.0f} documents/s", flush=True)
    order = torch.from_numpy(np.argsort(tokens.lengths, kind="stable"))
    batches = []
    for rows in order.split(256):
        place, present = tokens.place(rows)
        batches.append((torch.from_numpy(tokens.ids[place.numpy()].astype(np.int64)), present))

    @torch.inference_mode()
    def bare():
        for some, present in batches:
            bench.backbone.encode(some.to(bench.device), present.to(bench.device))

    ways, right = (("float32", "highest", False), ("TF32", "high", False), ("bfloat16", "highest", True)), None
    for name, precision, half in ways:
        torch.set_float32_matmul_precision(precision)
        seen = []
        with bench.half() if half else nullcontext():
            mine = bench.seconds(lambda seen=seen: seen.append(indexer._assign(texts, tails, states=False)[0]), 2, 1)
            theirs = bench.seconds(bare, 2, 1)
        right = seen[0] if right is None else right
        changed = seen[0] != right
        print(f"  encode, {name}: {len(texts) / mine:,.0f} documents/s, bare encoder {len(texts) / theirs:,.0f}: "
              f"ratio {theirs / mine:.2f} (target .95); {changed.any(1).mean():.2%} of the IDs changed, "
              f"{changed[:, 0].mean():.2%} of c1", flush=True)  # fmt: skip
    torch.set_float32_matmul_precision("highest")


# ---- recommenders by IDs -------------------------------------------------------------------------------------------


def shopping(bench: Bench) -> Recommendation:
    """Users who mostly take items of one branch of the tree, histories of 3 to 50."""
    rng, items = np.random.default_rng(3), len(bench.corpus)
    users = 40 if bench.dry else 30_000
    lengths = np.clip(rng.lognormal(np.log(10), 0.7, users), 3, 50).astype(int)
    user = np.repeat(np.arange(users), lengths)
    by_branch = np.argsort(bench.paths[:, 0], kind="stable")
    near = rng.integers(-items // 60 - 1, items // 60 + 1, len(user))
    place = np.repeat(rng.integers(0, items, users), lengths) + near
    taken = np.where(rng.random(len(user)) < 0.8, by_branch[place % items], rng.integers(0, items, len(user)))
    rows = pd.DataFrame({"user_id": user.astype(str), "doc_id": bench.corpus.doc_ids[taken]})
    rows["position"] = np.arange(len(rows)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    return Recommendation(bench.corpus, lmi.Interactions.from_frame(rows))


def recommenders(dry: bool) -> dict:
    """Line of the table → class, form, settings."""
    small = {"dim": 16, "layers": 1, "heads": 2}
    large = small if dry else {"dim": 512, "layers": 6, "heads": 8, "targets": 16_384}
    wide = {**small, "head_dim": 8, "inner": 16} if dry else {"dim": 512, "layers": 6, "heads": 8, "inner": 2048}
    paper = {**wide, "targets": 16} if dry else {}
    return {
        "Generative, compact": (GenerativeRecommender, "compact", {}),
        "Generative, 6 layers of 512": (GenerativeRecommender, "compact", large),
        "TIGER, the paper's": (TIGER, "paper", paper),
        "TIGER, batches of 2,048": (TIGER, "paper", paper or {"targets": 2048}),
        "TIGER, 6 + 6 layers of 512": (TIGER, "paper", {**wide, "targets": 16 if dry else 2048}),
    }


def recommend(bench: Bench) -> None:
    """Training and recommending of each line, as long as there is time."""
    task = shopping(bench)
    codes = lmi.SemanticIDs.from_codes(bench.corpus.doc_ids, bench.paths, scale.LEVELS)
    texts = np.random.default_rng(4).standard_normal((len(bench.corpus), 128))
    print(f"recommenders, {task!r}:", flush=True)
    asked = task.histories("test").take(np.arange(8 if bench.dry else 1024))
    for name, (kind, form, changes) in recommenders(bench.dry).items():
        if bench.left() < 0:
            print(f"  {name}: no time left", flush=True)
            continue
        model = kind(codes, form, device=bench.device.type, **changes)
        with patch("lmindexer.tasks.recommendation.by_ids.embed_corpus", return_value=texts):
            model.task_, model.network = task, model._network(task).to(bench.device)
        model._prepare(task)
        batches = model._batches(0)
        seconds, histories, targets = steps_of(bench, model, batches)
        model.rank_histories(asked.take(np.arange(8)), 10, ("unseen",))
        began = time.perf_counter()
        model.rank_histories(asked, 10, ("unseen",))
        ranked = len(asked) / (time.perf_counter() - began)
        weights = sum(p.numel() for p in model.network.parameters()) / 1e6
        print(f"  {name} ({weights:.1f} M weights): training {histories / seconds:,.0f} histories/s, "
              f"{targets / seconds:,.0f} targets/s, {seconds * 1e3:.1f} ms a step; recommending {ranked:,.0f} "
              f"histories/s, {model.config.decoding}", flush=True)  # fmt: skip


def steps_of(bench: Bench, model, batches) -> tuple[float, float, float]:
    """Seconds, histories and targets of a training step, gathering included."""
    optimizer, turn, seen = torch.optim.AdamW(model.network.parameters(), lr=1e-4), itertools.cycle(batches), []
    model.network.train()

    def loss():
        batch, targets = model._gather(next(turn))
        seen.append((len(targets), int((targets < len(bench.corpus)).sum())))
        return model._loss(batch.to(bench.device), targets.to(bench.device))

    took = bench.seconds(training_step(optimizer, loss))
    return took, *np.mean(seen[-bench.steps :], 0)


PARTS = {"sweep": (sweep, 20), "training": (training, 25), "ids": (ids, 50), "recommend": (recommend, 30)}  # seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=8)
    parser.add_argument("--peak", type=float, default=989, help="bfloat16 TFLOP/s of the device")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--dry", action="store_true")
    given = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(given.dry, given.minutes, given.peak, Path(folder))
    name = torch.cuda.get_device_name() if bench.device.type == "cuda" else "CPU"
    print(f"{name}; torch {torch.__version__}, transformers {transformers.__version__}, lmindexer {lmi.__version__}; "
          f"corpus, tokenizer and T5 made in {time.monotonic() - began:.1f} s", flush=True)  # fmt: skip
    for part in given.parts:
        work, likely = PARTS[part]
        if bench.left() < likely and not given.dry:
            print(f"{part}: left out, {bench.left():.0f} s are left", flush=True)
            continue
        started = time.monotonic()
        work(bench)
        print(f"  ({part} took {time.monotonic() - started:.1f} s)", flush=True)
        if bench.device.type == "cuda":
            torch.cuda.empty_cache()


if __name__ == "__main__":
    main()
