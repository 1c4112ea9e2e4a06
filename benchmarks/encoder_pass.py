"""What makes the frozen encoder's pass faster, and what it does to the IDs: every way beside today's, in one process.

    python benchmarks/encoder_pass.py [--sample wordnet] [--documents 640] [--openvino]

Documents a processor second of one thread, each way after one warm-up batch; then the share of documents that get
another ID than float32 states give them, by the bundled run of the sample. `--openvino` asks for the openvino package.
"""

import argparse
import copy
import time
import warnings
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pandas as pd
import torch

import lmindexer as lmi
from lmindexer.model.backbones import round_products
from lmindexer.model.tokens import TokenisedDocuments

RUNS = Path(__file__).parent.parent / "data_samples" / "runs"


def plain(encoder, context=nullcontext):
    """A way: the encoder itself, in a context."""

    def way(tokens, present):
        with context():
            return encoder(input_ids=tokens, attention_mask=present.long()).last_hidden_state.float()

    return way


def bfloat16():
    return torch.autocast("cpu", torch.bfloat16)


def rounded(encoder):
    """What `encoder_precision="bfloat16"` does."""
    encoder = copy.deepcopy(encoder)
    round_products(encoder)
    return plain(encoder, bfloat16)


def eight_bits(encoder):
    """torch's own dynamic quantisation of the linear maps."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return plain(
            torch.ao.quantization.quantize_dynamic(copy.deepcopy(encoder), {torch.nn.Linear}, dtype=torch.qint8)
        )


def through_openvino(encoder, precision: str):
    """The encoder compiled by OpenVINO for one thread."""
    import openvino

    example = torch.ones(2, 20, dtype=torch.long)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        graph = openvino.convert_model(
            copy.deepcopy(encoder), example_input={"input_ids": example, "attention_mask": example}
        )
    how = {"INFERENCE_PRECISION_HINT": precision, "INFERENCE_NUM_THREADS": 1}
    compiled = openvino.Core().compile_model(graph, "CPU", how)

    def way(tokens, present):
        found = compiled({"input_ids": tokens.numpy(), "attention_mask": present.long().numpy()})[0]
        return torch.from_numpy(found.copy()).float()

    return way


def ways(encoder, openvino: bool) -> dict:
    """Name → (way, batch size, whether documents of like length go together)."""
    half = copy.deepcopy(encoder).to(torch.bfloat16)
    found = {
        "float32, batches of 64 by length (the default)": (plain(encoder), 64, True),
        "float32, in the order of the corpus": (plain(encoder), 64, False),
        "float32, batches of 16": (plain(encoder), 16, True),
        "float32, batches of 256": (plain(encoder), 256, True),
        "float16, all weights": (plain(copy.deepcopy(encoder).half()), 64, True),
        "int8, dynamic": (eight_bits(encoder), 64, True),
        "bfloat16, autocast": (plain(encoder, bfloat16), 64, True),
        "bfloat16, all weights": (plain(half), 64, True),
        "bfloat16 products, float32 sums (encoder_precision)": (rounded(encoder), 64, True),
        "torch.compile, float32": (plain(torch.compile(copy.deepcopy(encoder), dynamic=True)), 64, True),
    }
    if openvino:
        found["OpenVINO, float32"] = (through_openvino(encoder, "f32"), 64, True)
        found["OpenVINO, bfloat16"] = (through_openvino(encoder, "bf16"), 64, True)
    return found


def seconds_of(way, tokens: TokenisedDocuments, size: int, by_length: bool) -> float:
    """Processor seconds of a pass."""
    order = np.argsort(tokens.lengths, kind="stable") if by_length else np.arange(len(tokens))
    batches = []
    for first in range(0, len(order), size):
        place, present = tokens.place(torch.from_numpy(order[first : first + size]))
        batches.append((torch.from_numpy(tokens.ids[place.numpy()].astype(np.int64)), present))
    with torch.inference_mode():
        for batch in batches[len(batches) // 2 :][:2]:
            way(*batch)
        began = time.process_time()
        for batch in batches:
            way(*batch)
    return time.process_time() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sample", default="wordnet", choices=("wordnet", "attack"))
    parser.add_argument("--documents", type=int, default=640)
    parser.add_argument("--openvino", action="store_true")
    given = parser.parse_args()
    torch.set_num_threads(1)
    indexer, corpus = lmi.LMIndexer.load(RUNS / given.sample), lmi.load_sample(given.sample)
    drawn = np.random.default_rng(0).choice(len(corpus), min(given.documents, len(corpus)), replace=False)
    texts = [corpus.documents()[row] for row in drawn]
    backbone = indexer.model_.encoder.backbone
    tokens = TokenisedDocuments.from_texts(texts, None, backbone.tokenizer, 128)
    print(f"torch {torch.__version__}, {torch.backends.cpu.get_cpu_capability()}, {len(texts)} documents of "
          f"{given.sample}, {tokens.lengths.mean():.1f} tokens each")  # fmt: skip
    rows, codes = [], None
    for name, (way, size, by_length) in ways(backbone.frozen_encoder, given.openvino).items():
        try:
            took = seconds_of(way, tokens, size, by_length)
        except Exception as error:  # a way that this machine does not have (no compiler, no float16)
            print(f"{name}: {type(error).__name__}", flush=True)
            continue
        backbone.encode = way
        found = indexer._assign_encoded(indexer._encoded(texts))[0]
        codes = found if codes is None else codes
        rows.append((name, len(texts) / took, (found != codes).any(1).mean()))
        print(f"{name:<52}{rows[-1][1]:8.1f} documents/s{rows[-1][2]:8.2%} of the IDs changed", flush=True)
    table = pd.DataFrame(rows, columns=["way", "documents_a_second", "changed"])
    table["times"] = table.documents_a_second / table.documents_a_second[0]
    print(table.round(4).to_string(index=False))


if __name__ == "__main__":
    main()
