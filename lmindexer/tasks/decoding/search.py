"""Beam search, exact top-k by threshold, and exact scores of all documents, over the IDs that exist.

The score of a document is Σ_t log P(c^t | input, c^{<t}) over its codes and its suffix. Rows, the kept prefixes of all
queries, lie flat one after the other, so queries may keep unequal numbers and nothing is padded to the largest prefix.

**Exact top-k.** A prefix's score only falls as it grows longer, so no document below a prefix that scores less than the
k-th best complete score of any search can be among the k best. A small beam gives such a bound; a second pass
keeps every prefix above it and needs no width.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from lmindexer.common.errors import LMIndexerError
from lmindexer.tasks.decoding.filters import Filter
from lmindexer.tasks.decoding.scorer import Scorer, counts_of
from lmindexer.tasks.decoding.tree import DecodingTree, Edges

BLOCK = 1 << 19  # rows and edges that are worked on at once where no width limits them
SLACK = 1e-5  # of the threshold, relative: sums in another order may differ in their last bits


@dataclass(frozen=True, eq=False)
class Ranking:
    """The best documents of each query: documents [B, k] int64 (-1 behind the last), scores [B, k] (-inf there)."""

    documents: torch.Tensor
    scores: torch.Tensor

    def arrays(self) -> tuple[np.ndarray, np.ndarray]:
        """Documents and scores off the device."""
        return self.documents.cpu().numpy(), self.scores.cpu().numpy()


@dataclass(frozen=True, eq=False)
class Rows:
    """Kept prefixes: query (ascending), node and score [R]; `open` [R] says which of them go on.

    The state has one row for each open prefix, in their order. A prefix with a single leaf below it is not open when
    the model is normalised: all that follows is certain, and the model is not asked.
    """

    query: torch.Tensor
    node: torch.Tensor
    score: torch.Tensor
    open: torch.Tensor
    state: Any


@dataclass(frozen=True, eq=False)
class Step:
    """One level of a search: the edges looked at, log P of each, the sum so far, and which edges were kept."""

    edges: Edges
    log_probability: torch.Tensor
    score: torch.Tensor
    kept: torch.Tensor


def beam_search(
    scorer: Scorer, tree: DecodingTree, k: int = 10, width: int = 20, keep: Filter | None = None
) -> Ranking:
    """The k best documents that a beam of `width` prefixes finds.

    keep: documents that each query may get. With width ≥ k, k documents are found wherever k are allowed.

    Equal scores go by smaller codes, then by the earlier document, so the answer does not depend on chance.

    Raises LMIndexerError for a width or k below 1.
    """
    check_width(width, k)
    *_, (rows, _) = beam_steps(scorer, tree, width, keep)
    return _ranking(rows, tree, k, scorer.queries, keep)


def exact_top(scorer: Scorer, tree: DecodingTree, k: int = 10, width: int = 20, keep: Filter | None = None) -> Ranking:
    """The k best documents, exactly; `width` of the beam that finds the threshold changes the cost only."""
    check_width(width, k)
    threshold = beam_search(scorer, tree, k, max(width, k), keep).scores[:, -1]
    threshold = threshold - SLACK * threshold.abs()  # -inf where fewer than k are allowed: then all are looked at
    return _ranking(_joined(_above(scorer, tree, threshold, keep)), tree, k, scorer.queries, keep)


def all_scores(scorer: Scorer, tree: DecodingTree) -> torch.Tensor:
    """log P of every document for every query: [B, N] in corpus order. Documents of one leaf get the leaf's score.

    With a normalised scorer and one document a leaf, exp of a row sums to one. A scorer that has
    `level_scores(level) -> [B, nodes of the level]` (log P of each node after its parent) is asked for whole levels.
    """
    if hasattr(scorer, "level_scores"):
        total = scorer.level_scores(1)
        for level in range(2, tree.depth + 1):
            above = tree.parent[tree.level_start[level] : tree.level_start[level + 1]].long()
            total = total[:, above - tree.level_start[level - 1]] + scorer.level_scores(level)
    else:
        total = None
        for rows in _above(scorer, tree, None, None):
            if total is None:
                total = rows.score.new_full((scorer.queries, tree.size(tree.depth)), -torch.inf)
            total[rows.query, rows.node - tree.level_start[tree.depth]] = rows.score
    return total[:, tree.leaf.long() - tree.level_start[tree.depth]]


def check_width(width: int, k: int = 1) -> None:
    """Refuse a beam without width and a ranking without places."""
    if width < 1:
        raise LMIndexerError("A beam keeps at least one path; give a width of 1 or more.")
    if k < 1:
        raise LMIndexerError("A ranking has at least one place; ask for 1 document or more.")


# ---- level by level ------------------------------------------------------------------------------------------


def beam_steps(scorer: Scorer, tree: DecodingTree, width: int, keep: Filter | None) -> Iterator[tuple[Rows, Step]]:
    """The course of a beam: after each level the kept rows, in the order of their codes, and what was looked at."""
    rows = _begin(scorer, tree)
    for level in range(1, tree.depth + 1):
        edges = tree.edges(rows.node, rows.query, level)
        log_probability = _edge_scores(scorer, tree, rows, edges)
        score = rows.score.index_select(0, edges.row) + log_probability
        kept = best_of_each(_filtered(score, edges, keep), rows.query.index_select(0, edges.row), scorer.queries, width)
        rows = _go_on(scorer, tree, rows, edges, score, kept)
        yield rows, Step(edges, log_probability, score, kept)


def best_of_each(score: torch.Tensor, query: torch.Tensor, queries: int, width: int) -> torch.Tensor:
    """Places of the `width` best entries of each query, ascending; of equal ones the earlier; -inf never counts.

    score, query: [E], query ascending.
    """
    counts, first = counts_of(query, queries)
    longest = int(counts.max()) if queries else 0
    if longest <= width:
        return torch.nonzero(score > -torch.inf)[:, 0]
    if bool((counts == longest).all()):
        table = score.view(queries, longest)
    else:
        table = score.new_full((queries, longest), -torch.inf)
        table[query, torch.arange(len(query), device=query.device) - first.index_select(0, query)] = score
    values, place = table.topk(width, dim=1, sorted=True)
    tied = ((table >= values[:, -1:]).sum(1) > width) & (values[:, -1] > -torch.inf)
    if bool(tied.any()):  # topk breaks ties as it likes
        place[tied] = table[tied].sort(dim=1, descending=True, stable=True).indices[:, :width]
    found = (first[:, None] + place)[table.gather(1, place) > -torch.inf]
    return found.sort().values


def _begin(scorer: Scorer, tree: DecodingTree) -> Rows:
    device = tree.code.device
    query = torch.arange(scorer.queries, device=device)
    score = torch.zeros(len(query), device=device)
    return Rows(query, torch.zeros_like(query), score, torch.ones_like(query, dtype=torch.bool), scorer.begin())


def _edge_scores(scorer: Scorer, tree: DecodingTree, rows: Rows, edges: Edges) -> torch.Tensor:
    """log P of every edge; the edges of prefixes that are not open are certain."""
    if not len(edges.node):  # no query has an allowed document
        return rows.score.new_zeros(0)
    if bool(rows.open.all()):
        return scorer.score(rows.state, edges)
    answer = rows.score.new_zeros(len(edges.node))
    if bool(rows.open.any()):
        asked = tree.edges(rows.node[rows.open], rows.query[rows.open], edges.level)
        answer[rows.open.index_select(0, edges.row)] = scorer.score(rows.state, asked).to(answer.dtype)
    return answer


def _filtered(score: torch.Tensor, edges: Edges, keep: Filter | None) -> torch.Tensor:
    if keep is None:
        return score
    return score.masked_fill(~keep.alive(edges.node, edges.query.index_select(0, edges.row)), -torch.inf)


def _go_on(scorer: Scorer, tree: DecodingTree, rows: Rows, edges: Edges, score, kept) -> Rows:
    """The rows behind the kept edges, with the state advanced wherever something is still open."""
    row, node = edges.row[kept], edges.node[kept]
    still, state = torch.zeros_like(node, dtype=torch.bool), None
    if edges.level < tree.depth:
        still = rows.open[row]
        if scorer.normalised:
            still = still & tree.branches(node)
        if bool(still.any()):
            state_row = (rows.open.cumsum(0) - 1)[row[still]]
            state = scorer.advance(rows.state, state_row, node[still], edges.level)
    return Rows(rows.query[row], node, score[kept], still, state)


def _above(scorer: Scorer, tree: DecodingTree, threshold: torch.Tensor | None, keep: Filter | None) -> Iterator[Rows]:
    """Complete rows of every document that scores at least its query's threshold, block after block of queries."""
    waiting = [(1, _begin(scorer, tree))]
    while waiting:
        level, rows = waiting.pop()
        if level > tree.depth:
            yield rows
            continue
        edges = tree.edges(rows.node, rows.query, level)
        score = rows.score.index_select(0, edges.row) + _edge_scores(scorer, tree, rows, edges)
        query = rows.query.index_select(0, edges.row)
        wanted = _filtered(score, edges, keep) > -torch.inf
        if threshold is not None:
            wanted &= score >= threshold.index_select(0, query)
        kept = torch.nonzero(wanted)[:, 0]
        for block in _blocks(kept, query[kept], tree.children(edges.node[kept]) if level < tree.depth else None):
            waiting.append((level + 1, _go_on(scorer, tree, rows, edges, score, block)))


def _blocks(kept: torch.Tensor, query: torch.Tensor, children: torch.Tensor | None) -> Iterator[torch.Tensor]:
    """`kept` in pieces of whole queries, so that a piece's rows and edges stay near BLOCK."""
    if children is None or not len(kept):
        yield kept
        return
    ends = torch.cat([torch.nonzero(query[1:] != query[:-1])[:, 0] + 1, torch.tensor([len(kept)], device=kept.device)])
    load = (children.cumsum(0)[ends - 1] + ends).cpu().tolist()  # edges and rows up to each query's end
    start = done = 0
    for place, end in enumerate(ends.cpu().tolist()):
        last = place + 1 == len(load)
        if last or load[place + 1] - done > BLOCK:
            yield kept[start:end]
            start, done = end, load[place]


def _joined(parts: Iterator[Rows]) -> Rows:
    """Complete rows of all blocks, ordered by query."""
    parts = list(parts)
    query = torch.cat([part.query for part in parts])
    order = query.sort(stable=True).indices
    node, score, open_ = (torch.cat([getattr(part, name) for part in parts]) for name in ("node", "score", "open"))
    return Rows(query[order], node[order], score[order], open_[order], None)


def _ranking(rows: Rows, tree: DecodingTree, k: int, queries: int, keep: Filter | None) -> Ranking:
    """The k best documents of complete rows; documents of one leaf share its score and come in corpus order."""
    first = tree.first_leaf[rows.node].long()
    counts = tree.last_leaf[rows.node].long() - first
    row = torch.repeat_interleave(counts)
    place = torch.arange(len(row), device=row.device) - (counts.cumsum(0) - counts)[row] + first[row]
    query, score = rows.query[row], rows.score[row]
    if keep is not None:
        score = score.masked_fill(~keep.allows(place, query), -torch.inf)
    best = best_of_each(score, query, queries, k)
    query = query[best]
    column = torch.arange(len(best), device=best.device) - counts_of(query, queries)[1][query]
    documents = torch.full((queries, k), -1, device=best.device)
    scores = torch.full((queries, k), -torch.inf, dtype=score.dtype, device=best.device)
    documents[query, column], scores[query, column] = tree.documents[place[best]].long(), score[best]
    scores, order = scores.sort(dim=1, descending=True, stable=True)
    return Ranking(documents.gather(1, order), scores)
