"""Cost of search: exact ranking on WordNet, a beam over a million documents, SEAL's index of a million passages.

    python benchmarks/search_speed.py exact            processor seconds; needs a run:
        lmindexer bench search wordnet --only generative-nodes --only dense-map --only bm25 --only generative-codes
    python benchmarks/search_speed.py million --documents 1000000
    python benchmarks/search_speed.py seal --passages 1000000 --tokens 60

Vectors, IDs and tokens of "million" and "seal" are drawn, since cost does not depend on what they say.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import torch

from lmindexer.ids.semantic_ids import SemanticIDs
from lmindexer.tasks.decoding import all_scores, beam_search
from lmindexer.tasks.decoding.tree import DecodingTree


def seconds(call) -> float:
    """Processor seconds of one call."""
    began = time.process_time()
    call()
    return time.process_time() - began


def exact(folder: Path) -> None:
    """Queries a processor second of every run of a corpus after encoding, and bytes of its rows."""
    from lmindexer.runs.task_run import find_task_runs
    from lmindexer.tasks.loading import load_task_model
    from lmindexer.tasks.search import BM25, DualEncoder, GenerativeRetriever

    for run in find_task_runs(folder)[0]:
        model = load_task_model(run.path)
        texts = model.task_.texts("test")
        if isinstance(model, BM25 | DualEncoder):
            if isinstance(model, DualEncoder):
                model.states(texts)  # encoded, and kept
            print(f"{model.name}: {len(texts) / seconds(lambda: model.rank_texts(texts, 10)):,.0f} queries/s")  # noqa: B023
        if isinstance(model, GenerativeRetriever):
            _generative(model, torch.from_numpy(model.vectors_.texts(texts)))


@torch.no_grad()
def _generative(model, vectors: torch.Tensor) -> None:
    form, count = model.form_, len(vectors)
    blocks = [form.states(vectors[at : at + 256]) for at in range(0, count, 256)]
    print(f"{model.name}: {form.bytes_of_rows() / 1e6:,.1f} MB")
    for width in (5, 20, 50):
        cost = seconds(lambda: [beam_search(form.scorer(h), form.tree, 10, width) for h in blocks])  # noqa: B023
        print(f"  beam {width}: {count / cost:,.0f} queries/s")
    cost = seconds(lambda: [all_scores(form.scorer(h), form.tree).topk(10) for h in blocks])
    print(f"  exact: {count / cost:,.0f} queries/s")
    same = [_same_top(form, h, width) for h in blocks for width in (20,)]
    print(f"  beam 20 finds the exact first ten for {np.mean(np.concatenate(same)):.1%}")


def _same_top(form, h, width: int) -> np.ndarray:
    scorer = form.scorer(h)
    found = beam_search(scorer, form.tree, 10, width).documents
    best = all_scores(scorer, form.tree).topk(10).indices
    return np.array([set(a) == set(b) for a, b in zip(found.tolist(), best.tolist(), strict=True)])


@torch.no_grad()
def million(documents: int, rows: int, width: int) -> None:
    """Milliseconds a query of a beam over many documents: IDs of 64 × 64 × 64 codes, vectors of 384."""
    from lmindexer.tasks.search.summaries import SummaryHead

    random = np.random.default_rng(0)
    vectors = random.standard_normal((documents, 384), dtype=np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    codes = random.integers(0, 64, (documents, 3))
    ids = SemanticIDs.from_codes(np.arange(documents).astype(str), codes, (64, 64, 64))
    began = time.process_time()
    tree = DecodingTree.from_ids(ids)
    cost = f"{time.process_time() - began:.1f} s, {tree.nbytes / 1e6:,.0f} MB"
    print(f"{documents:,} documents, {len(tree):,} nodes: tree {cost}")
    began = time.process_time()
    head = SummaryHead.of(tree, vectors, rows)
    print(f"summaries {time.process_time() - began:.1f} s, {len(head.centres):,} centres, {head.nbytes / 1e6:,.0f} MB")
    del vectors
    for batch in (1, 32):
        h = torch.nn.functional.normalize(torch.randn(batch, 384), dim=1)
        beam_search(head.scorer(h), tree, 10, width)
        cost = min(seconds(lambda: beam_search(head.scorer(h), tree, 10, width)) for _ in range(5))  # noqa: B023
        print(f"beam {width}, {batch} at once: {1000 * cost / batch:.1f} processor ms a query")


def seal(passages: int, tokens: int) -> None:
    """Build time and memory of SEAL's index, and the cost of one step of its beam."""
    from lmindexer.tasks.search.seal import NGramIndex

    random = np.random.default_rng(0)
    words = np.minimum(random.zipf(1.2, passages * tokens), 30_000).astype(np.int32).reshape(passages, tokens)
    began = time.process_time()
    index = NGramIndex(words, longest=10)
    print(
        f"{passages:,} passages of {tokens} tokens: {time.process_time() - began:.1f} s, {index.nbytes / 1e6:,.0f} MB"
    )
    runs = [index.find(words[row, :length]) for row in range(200) for length in (1, 2, 3)]
    cost = seconds(lambda: [index.next_tokens(run) for run in runs]) / len(runs)
    print(f"next tokens of a prefix: {1e6 * cost:.0f} µs")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["exact", "million", "seal"])
    parser.add_argument("--runs", type=Path, default=Path("runs/studies/search/wordnet"))
    parser.add_argument("--documents", type=int, default=1_000_000)
    parser.add_argument("--rows", type=int, default=1)
    parser.add_argument("--beam", type=int, default=20)
    parser.add_argument("--passages", type=int, default=1_000_000)
    parser.add_argument("--tokens", type=int, default=60)
    given = parser.parse_args()
    torch.set_num_threads(1)
    if given.what == "exact":
        exact(given.runs)
    elif given.what == "million":
        million(given.documents, given.rows, given.beam)
    else:
        seal(given.passages, given.tokens)
