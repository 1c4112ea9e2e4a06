"""Queries a second of beam search over the ID tree, beside transformers' `generate` with a dictionary of prefixes.

    python benchmarks/decoding.py --out docs/results/decoding.md

Two T5s: TIGER's sizes (d 128, 4 + 4 layers, 6 heads of 64, inner 1,024), and a small one that a CPU can train (d 64,
2 + 2 layers, 4 heads of 16, inner 128). Histories of 20 items as 80 tokens; IDs of three codes of 256 and a suffix;
beam 20. Both sides run the same encoder, and their decoders have the same sizes. Weights are random, sharpened so that
each level is about as sure as a model trained on Beauty: a flat model would make the exact search look at everything.
All times are processor time of one process, within one run.
"""

import argparse
import os
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

MODELS = {
    "TIGER's": {"d_model": 128, "num_layers": 4, "num_decoder_layers": 4, "num_heads": 6, "d_kv": 64, "d_ff": 1024},
    "small": {"d_model": 64, "num_layers": 2, "num_decoder_layers": 2, "num_heads": 4, "d_kv": 16, "d_ff": 128},
}
TOKENS, CODES, POSITIONS, WIDTH, TOP = 80, 256, 3, 20, 10
ENTROPY = (3.8, 2.5, 0.7)  # nats at each position, as on Beauty


def some_ids(documents: int, seed: int = 0):
    """Skewed codes, as clusters are: {documents} IDs with suffixes."""
    import numpy as np

    import lmindexer as lmi

    rng = np.random.default_rng(seed)
    share = rng.dirichlet(np.full(CODES, 1.5), size=POSITIONS)
    codes = np.stack([rng.choice(CODES, documents, p=p) for p in share], 1)
    return lmi.SemanticIDs.from_codes([str(i) for i in range(documents)], codes, (CODES,) * POSITIONS)


def build(documents: int):
    """IDs, tree and what the tree costs."""
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


def per_second(run, queries: int, seconds: float = 3.0, most: int = 30) -> float:
    """Queries a processor second of `run`, which answers `queries`; once unmeasured first."""
    run()
    began, rounds = time.process_time(), 0
    while rounds < most and (rounds == 0 or time.process_time() - began < seconds):
        run()
        rounds += 1
    return rounds * queries / (time.process_time() - began)


def outside(run, scorer_of) -> float:
    """Share of a search's processor time, encoder left out, that is not spent in the decoder's layers."""
    from lmindexer.tasks.generative import DecoderScorer

    inside, plain = [0.0], DecoderScorer._step

    def timed(self, *args):
        began = time.process_time()
        answer = plain(self, *args)
        inside[0] += time.process_time() - began
        return answer

    whole = 0.0
    for _ in range(8):
        scorer = scorer_of()
        DecoderScorer._step = timed
        began = time.process_time()
        run(scorer)
        whole += time.process_time() - began
        DecoderScorer._step = plain
    return 1 - inside[0] / whole


def without_tree(scorer, tree) -> None:
    """A beam over all codes, existing or not: the same decoder steps, softmax and top-k, without a tree."""
    import torch

    state, scores = scorer.begin(), torch.zeros(scorer.queries, 1)
    for level in range(1, tree.depth + 1):
        log_p = (state[0] @ scorer.decoder.outputs[level - 1].T).log_softmax(-1)
        total = (scores.view(-1, 1) + log_p).view(scorer.queries, -1)
        scores, place = total.topk(min(WIDTH, total.shape[1]), 1)
        rows = len(state[0]) // scorer.queries
        row = (torch.arange(scorer.queries)[:, None] * rows + place // log_p.shape[1]).flatten()
        if level < tree.depth:
            pasts = [(k.index_select(0, row), v.index_select(0, row)) for k, v in state[1]]
            inputs = scorer.decoder.inputs[level - 1][(place % log_p.shape[1]).flatten()]
            state = scorer._step(inputs, level, pasts, state[2][row])


def measure(documents: int, name: str) -> list[dict]:
    import torch

    from lmindexer.tasks.decoding import beam_search, exact_top
    from lmindexer.tasks.generative import DecoderScorer

    ids, tree, seconds = build(documents)
    theirs, ours = models(ids, tree, MODELS[name])
    allowed = prefix_dictionary(ids)
    rows = []
    for batch in (1, 16):
        tokens = torch.randint(2, 2 + POSITIONS * CODES, (batch, TOKENS))
        present = torch.ones(batch, TOKENS, dtype=torch.bool)

        def encode(tokens=tokens):
            return theirs.encoder(input_ids=tokens).last_hidden_state

        def generate(tokens=tokens):
            theirs.generate(
                input_ids=tokens, num_beams=WIDTH, num_return_sequences=TOP, do_sample=False,
                min_new_tokens=POSITIONS + 1, max_new_tokens=POSITIONS + 1,
                prefix_allowed_tokens_fn=lambda _, sent: allowed.get(tuple(sent[1:].tolist()), [1]),
            )  # fmt: skip

        def scorer(encode=encode, present=present):
            return DecoderScorer(ours, encode(), present)

        with torch.inference_mode():
            if batch == 1:
                many = theirs.encoder(input_ids=torch.randint(2, 2 + POSITIONS * CODES, (16, TOKENS)))
                sharpen(ours, DecoderScorer(ours, many.last_hidden_state, torch.ones(16, TOKENS, dtype=bool)), tree)
            row = {"model": name, "IDs": documents, "batch": batch, "build s": seconds, "MiB": tree.nbytes / 2**20}
            row["encoder"] = per_second(encode, batch, 2)
            row["generate"] = per_second(generate, batch)
            row["beam 20"] = per_second(lambda s=scorer: beam_search(s(), tree, TOP, WIDTH), batch)
            row["with"] = outside(lambda s: beam_search(s, tree, TOP, WIDTH), scorer)
            row["without"] = outside(lambda s: without_tree(s, tree), scorer)
            row["exact 10"] = per_second(lambda s=scorer: exact_top(s(), tree, TOP, WIDTH), batch)
        print(row, flush=True)
        rows.append(row)
    return rows


def report(rows: list[dict]) -> str:
    lines = [
        "| model | IDs | batch | encoder alone | `generate` | beam 20 | beam 20 / `generate` "
        "| outside the decoder: with the tree | without | exact top-10 | its cost in beams | tree, MiB | built in s |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        lines.append(
            f"| {row['model']} | {row['IDs']:,} | {row['batch']} | {row['encoder']:.0f} | {row['generate']:.2f} "
            f"| {row['beam 20']:.1f} | {row['beam 20'] / row['generate']:.0f}× | {row['with']:.0%} "
            f"| {row['without']:.0%} | {row['exact 10']:.1f} | {row['beam 20'] / row['exact 10']:.1f} "
            f"| {row['MiB']:.0f} | {row['build s']:.1f} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--ids", nargs="*", type=int, default=[12_000, 1_000_000])
    parser.add_argument("--models", nargs="*", choices=list(MODELS), default=list(MODELS))
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, help="a file for the table; printed in any case")
    args = parser.parse_args()
    import torch

    torch.set_num_threads(args.threads)
    table = report([row for name in args.models for documents in args.ids for row in measure(documents, name)])
    print(table)
    if args.out:
        args.out.write_text(table + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
