"""Where the answer was lost: for every input, the position at which the right ID's path left the beam."""

import pandas as pd
import torch

from lmindexer.tasks.decoding.scorer import Scorer
from lmindexer.tasks.decoding.search import all_scores, beam_search, beam_steps, check_width
from lmindexer.tasks.decoding.tree import DecodingTree


def where_lost(scorer: Scorer, tree: DecodingTree, documents: torch.Tensor, width: int = 20, exact: bool = True):
    """Follow the right document of each query down the tree, beside a beam.

    documents: [B], the right document of each query.
    exact:     also rank the right document among all (pessimistically: behind all with an equal score).

    Returns a frame, one row a query: query, document, lost (the position, counted from 1, at which the path left the
    beam; 0: it never did; T + 1 is the suffix's), log_p1 … log_pD (log P of the right code after the right codes
    before it), score (their sum), beam_rank (0: not found) and exact_rank.

    P(c¹ right) is the mean of exp(log_p1), and so on; see `lost_table`.
    """
    check_width(width)
    documents = documents.to(tree.code.device)
    paths = tree.paths(documents)
    lost = torch.zeros(len(documents), dtype=torch.long, device=paths.device)
    for rows, step in beam_steps(scorer, tree, width, None):
        there = torch.zeros_like(lost)
        right = rows.node == paths[rows.query, step.edges.level]
        there[rows.query[right]] = 1
        lost = torch.where((lost == 0) & (there == 0), step.edges.level, lost)
    log_p = path_log_probabilities(scorer, tree, paths)
    found = beam_search(scorer, tree, width, width)
    hit = found.documents == documents[:, None]
    rank = torch.where(hit.any(1), hit.int().argmax(1) + 1, 0)
    frame = {"query": range(len(documents)), "document": documents.tolist(), "lost": lost.tolist()}
    frame |= {f"log_p{level}": log_p[:, level - 1].tolist() for level in range(1, tree.depth + 1)}
    frame |= {"score": log_p.sum(1).tolist(), "beam_rank": rank.tolist()}
    if exact:
        scores = all_scores(scorer, tree)
        frame["exact_rank"] = (scores >= scores.gather(1, documents[:, None])).sum(1).tolist()
    return pd.DataFrame(frame)


def path_log_probabilities(scorer: Scorer, tree: DecodingTree, paths: torch.Tensor) -> torch.Tensor:
    """log P of every step down the right paths [B, depth + 1] (nodes from the root): [B, depth]."""
    query = torch.arange(len(paths), device=paths.device)
    state, found = scorer.begin(), []
    for level in range(1, tree.depth + 1):
        edges = tree.edges(paths[:, level - 1], query, level)
        answer = scorer.score(state, edges)
        right = edges.offsets[:-1] + paths[:, level] - tree.first_child[paths[:, level - 1]].long()
        found.append(answer[right])
        if level < tree.depth:
            state = scorer.advance(state, query, paths[:, level], level)
    return torch.stack(found, dim=1)


def lost_table(frame: pd.DataFrame, group=None) -> pd.DataFrame:
    """`where_lost` in a few lines: one row a group (by popularity, new items, …; all queries if None).

    Columns: queries, found (share that the beam kept to the end), lost_at_1 … lost_at_D (shares; with found they sum
    to one), p1 … pD (geometric mean of P(right code | right codes before it)).
    """
    levels = sum(name.startswith("log_p") for name in frame.columns)
    keys = pd.Series("all", index=frame.index) if group is None else pd.Series(list(group), index=frame.index)
    rows = []
    for name, some in frame.groupby(keys, sort=True):
        row = {"group": name, "queries": len(some), "found": float((some["lost"] == 0).mean())}
        row |= {f"lost_at_{level}": float((some["lost"] == level).mean()) for level in range(1, levels + 1)}
        row |= {
            f"p{level}": float(torch.tensor(some[f"log_p{level}"].to_numpy()).mean().exp())
            for level in range(1, levels + 1)
        }
        rows.append(row)
    return pd.DataFrame(rows)
