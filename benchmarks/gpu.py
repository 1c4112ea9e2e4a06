"""Training and encoding on a GPU: documents a second, share of the peak, batch sizes, and what bfloat16 does to IDs.

    python benchmarks/gpu.py [--minutes 8] [--peak 989]
    python benchmarks/gpu.py --dry            tiny sizes on the CPU: that the script runs, not how fast

One process, no downloads: a T5 of t5-base's shape with random weights. --peak is the device's bfloat16 peak in TFLOP/s
without sparsity (H100 and H200 SXM: 989). Floating-point operations are counted as 6 a weight and token in training and
2 in encoding (attention left out), so the share of the peak is on the low side. Parts that no longer fit the minutes
are named and left out.
"""

import argparse
import time

import torch
import transformers
from transformers import T5Config, T5ForConditionalGeneration

import lmindexer as lmi

BASE = {"d_model": 768, "d_kv": 64, "d_ff": 3072, "num_layers": 12, "num_decoder_layers": 12, "num_heads": 12}
TINY = {"d_model": 64, "d_kv": 16, "d_ff": 128, "num_layers": 2, "num_decoder_layers": 2, "num_heads": 4}
LENGTH, POSITIONS = 128, 3


class Bench:
    """The device, the model, and how long there is."""

    def __init__(self, dry: bool, minutes: float, peak: float):
        self.dry, self.peak, self.ends = dry, peak * 1e12, time.monotonic() + 60 * minutes
        self.device = torch.device("cuda" if torch.cuda.is_available() and not dry else "cpu")
        sizes = TINY if dry else BASE
        config = T5Config(vocab_size=512 if dry else 32128, decoder_start_token_id=0, pad_token_id=0, **sizes)
        torch.manual_seed(0)
        self.model = T5ForConditionalGeneration(config).to(self.device)
        self.batches = (4,) if dry else (32, 64, 128, 256, 512)
        self.steps = 2 if dry else 12

    def seconds(self, step) -> float:
        """Seconds of one call of `step`, after two that are not counted."""
        for _ in range(2):
            step()
        self.wait()
        began = time.perf_counter()
        for _ in range(self.steps):
            step()
        self.wait()
        return (time.perf_counter() - began) / self.steps

    def wait(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize()

    def tokens(self, batch: int) -> torch.Tensor:
        length = 16 if self.dry else LENGTH
        return torch.randint(1, self.model.config.vocab_size, (batch, length), device=self.device)

    def train_step(self, batch: int, optimizer):
        ids, labels = self.tokens(batch), self.tokens(batch)[:, :POSITIONS]

        def step():
            with torch.autocast(self.device.type, torch.bfloat16):
                loss = self.model(input_ids=ids, labels=labels).loss
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()

        return step

    def encode_step(self, batch: int):
        ids, encoder = self.tokens(batch), self.model.encoder

        @torch.inference_mode()
        def step():
            with torch.autocast(self.device.type, torch.bfloat16):
                encoder(input_ids=ids)

        return step

    def say(self, part: str, batch: int, took: float, operations: float) -> None:
        share = "" if self.dry else f", {operations * batch / took / self.peak:.1%} of the peak"
        print(f"{part:<10} batch {batch:>4}: {batch / took:10,.1f} documents/s{share}", flush=True)


def sweep(bench: Bench, part: str) -> None:
    """Documents a second at each batch size, until memory or time ends."""
    weights = sum(p.numel() for p in bench.model.encoder.parameters()) - bench.model.shared.weight.numel()
    operations = (6 if part == "training" else 2) * weights * (16 if bench.dry else LENGTH)
    optimizer = torch.optim.AdamW(bench.model.parameters(), lr=1e-5)
    for batch in bench.batches:
        if time.monotonic() > bench.ends:
            print(f"{part} at batch {batch}: no time left")
            return
        try:
            step = bench.train_step(batch, optimizer) if part == "training" else bench.encode_step(batch)
            bench.say(part, batch, bench.seconds(step), operations)
        except torch.cuda.OutOfMemoryError:
            print(f"{part} at batch {batch}: out of memory")
            return


def fit_and_compare(bench: Bench) -> None:
    """A whole fit by LMIndexer, then its IDs in float32 and with the frozen encoder's products in bfloat16."""
    from lmindexer.model.backbones import round_products

    corpus = lmi.load_sample("wordnet").take(range(200 if bench.dry else 11_000))
    began = time.perf_counter()
    quick = {"warmup_epochs": 0, "continuous_epochs": 0, "discrete_epochs": 1, "positions": 1} if bench.dry else {}
    indexer = lmi.LMIndexer(device=bench.device.type, **quick).fit(corpus, progress=False)
    took = time.perf_counter() - began
    texts = corpus.documents()
    plain = indexer._assign(texts, None)[0]
    backbone = indexer.model_.encoder.backbone
    round_products(backbone.frozen_encoder)
    backbone.half = True
    changed = (indexer._assign(texts, None)[0] != plain).any(1).mean()
    print(
        f"fit of {len(corpus):,} documents, minilm: {took:.1f} s; bfloat16 changes {changed:.2%} of the IDs", flush=True
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=8)
    parser.add_argument("--peak", type=float, default=989, help="bfloat16 TFLOP/s of the device")
    parser.add_argument("--dry", action="store_true")
    given = parser.parse_args()
    bench = Bench(given.dry, given.minutes, given.peak)
    name = torch.cuda.get_device_name() if bench.device.type == "cuda" else "CPU"
    print(f"{name}; torch {torch.__version__}, transformers {transformers.__version__}, lmindexer {lmi.__version__}")
    sweep(bench, "encoding")
    sweep(bench, "training")
    if time.monotonic() < bench.ends:
        fit_and_compare(bench)


if __name__ == "__main__":
    main()
