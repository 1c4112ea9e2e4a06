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
from torch.nn import functional as F

from lmindexer.common.errors import LMIndexerError
from lmindexer.tasks.decoding.edges import Edges
from lmindexer.tasks.decoding.filters import Filter
from lmindexer.tasks.decoding.scorer import Scorer, counts_of
from lmindexer.tasks.decoding.tree import DecodingTree

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
    """Kept prefixes: query (ascending), node and score [R].

    asked: places [A] of the prefixes that go on, ascending; None: all. A prefix with a single leaf below it does not
        go on when the model is normalised: all that follows is certain, and the model is not asked.
    state: the model's, one row for each prefix that goes on, in their order; None where there is none.
    even: every query has the same number of rows.
    """

    query: torch.Tensor
    node: torch.Tensor
    score: torch.Tensor
    asked: torch.Tensor | None
    state: Any
    even: bool


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
        edges = tree.edges(rows.node, rows.query, level, grid=getattr(scorer, "grids", False))
        log_probability = _edge_scores(scorer, rows, edges)
        score = _total(rows, edges, log_probability)
        choice = _filtered(score, edges, keep)
        if rows.even and edges.width:
            kept, even = best_of_table(choice.view(scorer.queries, -1), width)
        else:
            query = rows.query.index_select(0, edges.row)
            kept, even = best_of_each(choice, query, scorer.queries, width), scorer.queries == 1
        rows = _go_on(scorer, tree, rows, edges, score, kept, even)
        yield rows, Step(edges, log_probability, score, kept)


def best_of_each(score: torch.Tensor, query: torch.Tensor, queries: int, width: int) -> torch.Tensor:
    """Places of the `width` best entries of each query, ascending; of equal ones the earlier; -inf never counts.

    score, query: [E], query ascending.
    """
    counts, first = counts_of(query, queries)
    longest = int(counts.max()) if queries else 0
    if longest <= width:
        return torch.nonzero(score > -torch.inf)[:, 0]
    if longest * queries == score.shape[0]:
        table = score.view(queries, longest)
    else:
        table = score.new_full((queries, longest), -torch.inf)
        table[query, torch.arange(query.shape[0], device=query.device) - first.index_select(0, query)] = score
    found, _ = best_of_table(table, width)
    line = found.div(longest, rounding_mode="floor")
    return first.index_select(0, line) + found.remainder(longest)


def best_of_table(table: torch.Tensor, width: int) -> tuple[torch.Tensor, bool]:
    """The same for a table [B, n]: places in the flat table, and whether every line has the same number of them."""
    lines, length = table.shape
    if length <= width:
        found = torch.nonzero(table.flatten() > -torch.inf)[:, 0]
        return found, found.shape[0] == table.numel() or lines == 1
    values, place = table.topk(width + 1, dim=1)
    place, start = place[:, :width], torch.arange(lines, device=table.device)[:, None] * length
    tied = values[:, width - 1] == values[:, width]  # also where fewer than `width` entries count
    if not bool(tied.any()):
        return (place.sort(dim=1).values + start).flatten(), True
    exact = table[tied].sort(dim=1, descending=True, stable=True).indices  # topk breaks ties as it likes
    place[tied] = exact[:, :width]
    place = place.sort(dim=1).values
    found = (place + start)[table.gather(1, place) > -torch.inf]
    return found, found.shape[0] == lines * width or lines == 1


def _begin(scorer: Scorer, tree: DecodingTree) -> Rows:
    query = torch.arange(scorer.queries, device=tree.code.device)
    score = torch.zeros(query.shape[0], device=query.device)
    return Rows(query, torch.zeros_like(query), score, None, scorer.begin(), True)


def _edge_scores(scorer: Scorer, rows: Rows, edges: Edges) -> torch.Tensor:
    """log P of every edge, -inf for those that are missing; the edges of prefixes that do not go on are certain."""
    if rows.asked is None and rows.node.shape[0]:
        return scorer.score(rows.state, edges)
    answer = edges.masked(rows.score.new_zeros(len(edges)))
    if rows.asked is None or not rows.asked.shape[0]:  # no query has an allowed document, or all is certain
        return answer
    found = scorer.score(rows.state, edges.take(rows.asked)).to(answer.dtype)
    if edges.width is not None:
        return answer.view(-1, edges.width).index_copy(0, rows.asked, found.view(-1, edges.width)).flatten()
    goes_on = torch.zeros_like(rows.node, dtype=torch.bool).index_fill_(0, rows.asked, True)
    answer[goes_on.index_select(0, edges.row)] = found
    return answer


def _total(rows: Rows, edges: Edges, log_probability: torch.Tensor) -> torch.Tensor:
    """Sums so far of all edges."""
    if edges.width is None:
        return rows.score.index_select(0, edges.row) + log_probability
    return (rows.score[:, None] + log_probability.view(-1, edges.width)).flatten() if edges.width else log_probability


def _filtered(score: torch.Tensor, edges: Edges, keep: Filter | None) -> torch.Tensor:
    if keep is None:
        return score
    return score.masked_fill(~keep.alive(edges.node, edges.query.index_select(0, edges.row)), -torch.inf)


def _go_on(scorer: Scorer, tree: DecodingTree, rows: Rows, edges: Edges, score, kept, even: bool) -> Rows:
    """The rows behind the kept edges, with the state advanced wherever something is still open."""
    row, node = edges.ends(kept)
    asked, state = None, None
    if edges.level < tree.depth and kept.shape[0]:
        state_row, going = row, node
        if scorer.normalised:
            asked = torch.nonzero(tree.branching.index_select(0, node))[:, 0]
            if asked.shape[0] == node.shape[0]:
                asked = None
            else:
                state_row, going = row.index_select(0, asked), node.index_select(0, asked)
            if rows.asked is not None:
                state_row = torch.searchsorted(rows.asked, state_row)
        if going.shape[0]:
            state = scorer.advance(rows.state, state_row, going, edges.level)
    return Rows(rows.query.index_select(0, row), node, score.index_select(0, kept), asked, state, even)


def _above(scorer: Scorer, tree: DecodingTree, threshold: torch.Tensor | None, keep: Filter | None) -> Iterator[Rows]:
    """Complete rows of every document that scores at least its query's threshold, block after block of queries."""
    waiting = [(1, _begin(scorer, tree))]
    while waiting:
        level, rows = waiting.pop()
        if level > tree.depth:
            yield rows
            continue
        edges = tree.edges(rows.node, rows.query, level, grid=getattr(scorer, "grids", False))
        score = _filtered(_total(rows, edges, _edge_scores(scorer, rows, edges)), edges, keep)
        query = rows.query.index_select(0, edges.row)
        wanted = score > -torch.inf
        if threshold is not None:
            wanted &= score >= threshold.index_select(0, query)
        kept = torch.nonzero(wanted)[:, 0]
        for block in _blocks(kept, query[kept], tree.children(edges.node[kept]) if level < tree.depth else None):
            waiting.append((level + 1, _go_on(scorer, tree, rows, edges, score, block, False)))


def _blocks(kept: torch.Tensor, query: torch.Tensor, children: torch.Tensor | None) -> Iterator[torch.Tensor]:
    """`kept` in pieces of whole queries, so that a piece's rows and edges stay near BLOCK."""
    if children is None or not kept.shape[0]:
        yield kept
        return
    ends = torch.cat([torch.nonzero(query[1:] != query[:-1])[:, 0] + 1, kept.new_tensor([len(kept)])])
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
    node, score = (torch.cat([getattr(part, name) for part in parts]) for name in ("node", "score"))
    return Rows(query[order], node[order], score[order], None, None, False)


def _ranking(rows: Rows, tree: DecodingTree, k: int, queries: int, keep: Filter | None) -> Ranking:
    """The k best documents of complete rows; documents of one leaf share its score and come in corpus order."""
    place, query, score, even = tree.first_leaf[rows.node].long(), rows.query, rows.score, rows.even
    if tree.size(tree.depth) < len(tree.documents):
        counts = tree.last_leaf[rows.node].long() - place
        row = torch.repeat_interleave(counts)
        place = torch.arange(len(row), device=row.device) + (place - counts.cumsum(0) + counts)[row]
        query, score, even = query[row], score[row], False
    if keep is not None:
        score = score.masked_fill(~keep.allows(place, query), -torch.inf)
    if even and place.shape[0]:
        documents, scores = place.view(queries, -1), score.view(queries, -1)
    else:
        best = best_of_each(score, query, queries, k)
        line = query[best]
        column = torch.arange(len(best), device=best.device) - counts_of(line, queries)[1][line]
        documents = torch.zeros((queries, k), dtype=torch.long, device=best.device)
        scores = torch.full((queries, k), -torch.inf, dtype=score.dtype, device=best.device)
        documents[line, column], scores[line, column] = place[best], score[best]
    scores, order = scores.sort(dim=1, descending=True, stable=True)
    scores, documents = scores[:, :k], tree.documents[documents.gather(1, order[:, :k])].long()
    documents, short = documents.masked_fill(scores == -torch.inf, -1), (0, k - scores.shape[1])
    return Ranking(F.pad(documents, short, value=-1), F.pad(scores, short, value=-torch.inf))
