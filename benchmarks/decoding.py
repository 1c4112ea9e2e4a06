"""Queries a second of beam search over the ID tree, beside transformers' `generate` with a dictionary of prefixes.

    python benchmarks/decoding.py --out docs/results/decoding.md

Two T5s: TIGER's sizes (d 128, 4 + 4 layers, 6 heads of 64, inner 1,024), and a small one that a CPU can train (d 64,
2 + 2 layers, 4 heads of 16, inner 128). Histories of 20 items as 80 tokens; IDs of three codes of 256 and a suffix;
beam 20. Both encoders have the same weights (ours multiplies by `tasks.generative.product`), and the decoders have the
same sizes. Weights are random, sharpened so that each level is about as sure as a model trained on Beauty: a flat model
would make the exact search look at everything. Times are medians of rounds in which all sides take their turn:
processor time of one process with one thread, time on the wall with two, where a busy machine shows in both sides.
"""

import argparse
import copy
import os
import time
from pathlib import Path
from statistics import median

os.environ.setdefault("OMP_NUM_THREADS", "1")

MODELS = {
    "TIGER's": {"d_model": 128, "num_layers": 4, "num_decoder_layers": 4, "num_heads": 6, "d_kv": 64, "d_ff": 1024},
    "small": {"d_model": 64, "num_layers": 2, "num_decoder_layers": 2, "num_heads": 4, "d_kv": 16, "d_ff": 128},
}
TOKENS, CODES, POSITIONS, WIDTH, TOP = 80, 256, 3, 20, 10
ENTROPY = (3.8, 2.5, 0.7)  # nats at each position, as on Beauty
TURN = 0.05  # seconds that one side runs on end: each finds its own weights in the cache


def some_ids(documents: int, seed: int = 0):
    """Skewed codes, as clusters are: {documents} IDs with suffixes."""
    import numpy as np

    import lmindexer as lmi

    rng = np.random.default_rng(seed)
    share = rng.dirichlet(np.full(CODES, 1.5), size=POSITIONS)
    codes = np.stack([rng.choice(CODES, documents, p=p) for p in share], 1)
    return lmi.SemanticIDs.from_codes([str(i) for i in range(documents)], codes, (CODES,) * POSITIONS)


def build(documents: int):
    """IDs, tree and processor seconds of building it."""
    from lmindexer.tasks.decoding import DecodingTree

    ids = some_ids(documents)
    began = time.process_time()
    tree = DecodingTree.from_ids(ids)
    return ids, tree, time.process_time() - began


def models(ids, tree, sizes: dict):
    """The transformers model over one vocabulary of codes, and our decoder of the same sizes."""
    import torch
    from transformers import T5Config, T5ForConditionalGeneration

    from lmindexer.tasks.generative import CodeDecoder

    torch.manual_seed(0)
    suffixes = int(ids.suffix.max()) + 1
    vocabulary = 2 + POSITIONS * CODES + suffixes
    config = T5Config(vocab_size=vocabulary, decoder_start_token_id=0, eos_token_id=1, pad_token_id=0, **sizes)
    theirs = T5ForConditionalGeneration(config).eval()
    ours = CodeDecoder(
        tree, [CODES + 1] * POSITIONS + [suffixes + 1], sizes["d_model"], sizes["num_decoder_layers"],
        sizes["num_heads"], sizes["d_kv"], sizes["d_ff"], dropout=0.0,
    ).eval()  # fmt: skip
    return theirs, ours


def sharpen(decoder, scorer, tree) -> None:
    """Scale each level's output rows until the mean entropy over existing codes is ENTROPY."""
    import torch

    from lmindexer.tasks.decoding import segment_log_softmax

    state = scorer.begin()
    nodes = torch.zeros(scorer.queries, dtype=torch.long)
    query = torch.arange(scorer.queries)
    for level, wanted in enumerate(ENTROPY, start=1):
        edges = tree.edges(nodes, query, level)
        logits = (state[0] @ decoder.outputs[level - 1].T)[edges.row, edges.code + 1]
        low, high = 0.0, 1e4
        for _ in range(40):
            scale = (low + high) / 2
            log_p = segment_log_softmax(logits * scale, edges)
            entropy = -float((log_p.exp() * log_p).sum()) / scorer.queries
            low, high = (scale, high) if entropy > wanted else (low, scale)
        decoder.outputs[level - 1].data *= scale
        best = torch.stack([log_p[a:b].argmax() + a for a, b in zip(edges.offsets, edges.offsets[1:], strict=False)])
        nodes = edges.node[best]
        state = scorer.advance(state, query, nodes, level)


def prefix_dictionary(ids):
    """The usual constraint: {prefix of tokens: tokens that may follow}, asked for every beam at every step."""
    import numpy as np

    offsets = 2 + np.arange(POSITIONS + 1) * CODES
    paths = np.column_stack([ids.codes, ids.suffix]) + offsets
    found: dict[tuple, set] = {}
    for path in paths.tolist():
        for length in range(POSITIONS + 1):
            found.setdefault(tuple(path[:length]), set()).add(path[length])
    return {prefix: sorted(tokens) for prefix, tokens in found.items()}


def medians(runs: dict, seconds: float, clock, fewest: int = 5, most: int = 40) -> dict[str, float]:
    """Seconds of each run by `clock`: medians over rounds in which all take their turn, of TURN seconds or once."""
    times, taken = {}, {name: [] for name in runs}
    for name, run in runs.items():
        run()
        before = time.process_time()
        run()
        times[name] = max(1, round(TURN / (time.process_time() - before)))
    began, rounds = time.process_time(), 0
    while rounds < fewest or (rounds < most and time.process_time() - began < seconds):
        for name, run in runs.items():
            before = clock()
            for _ in range(times[name]):
                run()
            taken[name].append((clock() - before) / times[name])
        rounds += 1
    return {name: median(values) for name, values in taken.items()}


def in_layers(search, scorer_of, rounds: int = 25) -> tuple[float, float]:
    """Processor seconds of a search, and those spent in the decoder's layers; the encoder's states are read before."""
    from lmindexer.tasks.generative import DecoderScorer

    plain, inside, found = DecoderScorer._step, [0.0], []

    def timed(self, *args):
        began = time.process_time()
        answer = plain(self, *args)
        inside[0] += time.process_time() - began
        return answer

    DecoderScorer._step = timed
    try:
        for _ in range(rounds):
            scorer, inside[0], began = scorer_of(), 0.0, time.process_time()
            search(scorer)
            found.append((time.process_time() - began, inside[0]))
    finally:
        DecoderScorer._step = plain
    return median(whole for whole, _ in found), median(layers for _, layers in found)


def without_tree(scorer, tree) -> None:
    """A beam over all codes, existing or not: the same decoder steps, softmax and top-k, without a tree."""
    import torch

    from lmindexer.tasks.generative import product

    state, scores = scorer.begin(), torch.zeros(scorer.queries, 1)
    for level in range(1, tree.depth + 1):
        log_p = product(state[0], scorer.decoder.outputs[level - 1]).log_softmax(-1)
        total = (scores.view(-1, 1) + log_p).view(scorer.queries, -1)
        scores, place = total.topk(min(WIDTH, total.shape[1]), 1)
        rows = state[0].shape[0] // scorer.queries
        row = (torch.arange(scorer.queries)[:, None] * rows + place // log_p.shape[1]).flatten()
        if level < tree.depth:
            state = scorer.after(state, row, (place % log_p.shape[1]).flatten(), level)


def measure(name: str, data: tuple, threads: list[int]) -> list[dict]:
    """One row for each batch size and number of threads: seconds a query of each side, and what the tree costs."""
    import torch

    from lmindexer.tasks.decoding import beam_search, exact_top
    from lmindexer.tasks.generative import DecoderScorer, quicken

    ids, tree, building, allowed = data
    theirs, ours = models(ids, tree, MODELS[name])
    encoder = quicken(copy.deepcopy(theirs.encoder))
    rows = []
    for batch in (1, 16):
        tokens = torch.randint(2, 2 + POSITIONS * CODES, (batch, TOKENS))
        present = torch.ones(batch, TOKENS, dtype=torch.bool)

        def encode(tokens=tokens):
            return encoder(input_ids=tokens).last_hidden_state

        def generate(tokens=tokens):
            theirs.generate(
                input_ids=tokens, num_beams=WIDTH, num_return_sequences=TOP, do_sample=False,
                min_new_tokens=POSITIONS + 1, max_new_tokens=POSITIONS + 1,
                prefix_allowed_tokens_fn=lambda _, sent: allowed.get(tuple(sent[1:].tolist()), [1]),
            )  # fmt: skip

        with torch.inference_mode():
            if batch == 1:
                many = encoder(input_ids=torch.randint(2, 2 + POSITIONS * CODES, (16, TOKENS)))
                sharpen(ours, DecoderScorer(ours, many.last_hidden_state, torch.ones(16, TOKENS, dtype=bool)), tree)
            states = encode()

            def scorer(states=states, present=present):
                return DecoderScorer(ours, states, present)

            for number in threads:
                torch.set_num_threads(number)
                runs = {
                    "generate": generate,
                    "their encoder": lambda tokens=tokens: theirs.encoder(input_ids=tokens),
                    "our encoder": encode,
                    "beam": lambda s=scorer: beam_search(s(), tree, TOP, WIDTH),
                    "exact": lambda s=scorer: exact_top(s(), tree, TOP, WIDTH),
                }
                row = {"model": name, "IDs": len(ids), "batch": batch, "threads": number, "build": building}
                row |= medians(runs, 4, time.process_time if number == 1 else time.perf_counter)
                if number == 1:
                    row["with"] = in_layers(lambda s: beam_search(s, tree, TOP, WIDTH), scorer)
                    row["without"] = in_layers(lambda s: without_tree(s, tree), scorer)
                row["MiB"] = tree.nbytes / 2**20
                print(row, flush=True)
                rows.append(row)
    return rows


def rates(rows: list[dict]) -> str:
    """Milliseconds a query and ratios, as Markdown."""
    lines = [
        "| model | IDs | batch | threads | `generate` | its encoder | our encoder | beam 20 | exact top-10 "
        "| whole: `generate` / (our encoder + beam) | after the encoder: (`generate` - its encoder) / beam "
        "| bound: `generate` / our encoder | exact / beam | tree, MiB | built in s |",
        "|---" * 15 + "|",
    ]
    for row in rows:
        parts = ("generate", "their encoder", "our encoder", "beam", "exact")
        generate, their, our, beam, exact = (1e3 * row[part] / row["batch"] for part in parts)
        lines.append(
            f"| {row['model']} | {row['IDs']:,} | {row['batch']} | {row['threads']} | {generate:.1f} | {their:.2f} "
            f"| {our:.2f} | {beam:.2f} | {exact:.2f} | {generate / (our + beam):.1f}× "
            f"| {(generate - their) / beam:.1f}× | {generate / our:.0f}× | {exact / beam:.1f} | {row['MiB']:.0f} "
            f"| {row['build']:.1f} |"
        )
    return "\n".join(lines)


def shares(rows: list[dict]) -> str:
    """What a search spends outside the decoder's layers, and the tree's part of it, as Markdown."""
    lines = [
        "| model | IDs | batch | a search, ms | outside the layers, ms | without a tree, ms | the tree's share |",
        "|---" * 7 + "|",
    ]
    for row in rows:
        if "with" in row:
            (whole, layers), (free, free_layers) = row["with"], row["without"]
            outside, free = 1e3 * (whole - layers), 1e3 * (free - free_layers)
            lines.append(
                f"| {row['model']} | {row['IDs']:,} | {row['batch']} | {1e3 * whole:.2f} | {outside:.2f} | {free:.2f} "
                f"| {(outside - free) / (1e3 * whole):.0%} |"
            )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--ids", nargs="*", type=int, default=[12_000, 1_000_000])
    parser.add_argument("--models", nargs="*", choices=list(MODELS), default=list(MODELS))
    parser.add_argument("--threads", nargs="*", type=int, default=[1, 2])
    parser.add_argument("--out", type=Path, help="a file for the tables; printed in any case")
    args = parser.parse_args()
    rows = []
    for documents in args.ids:
        ids, tree, building = build(documents)
        data = ids, tree, building, prefix_dictionary(ids)
        rows += [row for name in args.models for row in measure(name, data, args.threads)]
    rows.sort(key=lambda row: args.models.index(row["model"]))
    tables = f"{rates(rows)}\n\n{shares(rows)}\n"
    print(tables)
    if args.out:
        args.out.write_text(tables, encoding="utf-8")


if __name__ == "__main__":
    main()
