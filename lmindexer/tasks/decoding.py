"""Decoding over the IDs that exist: a beam down the ID tree, and the exact ranking of all IDs.

Any model takes part that can answer `log_probabilities`: an indexer asked about a text, a recommender about a
history, a search model about a query. The score of an ID is the sum of log P(c^t | c^{<t}, input) over its codes
(the slides' downstream model). An ID that is shorter than T ends where it ends: its score has fewer terms. The suffix
is no word of any model, so documents with equal codes have equal scores and come in the corpus's order.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pandas as pd

from lmindexer.common.errors import LMIndexerError
from lmindexer.ids.trie import IDTrie


class Scorer(Protocol):
    """What decoding asks of a model."""

    def log_probabilities(self, prefixes: np.ndarray) -> np.ndarray:
        """prefixes [B, t] of codes -> [B, K_{t+1}] log P(c^{t+1} | prefix, input); t may be 0."""


@dataclass(frozen=True, eq=False)
class Beam:
    """The course of a beam search.

    Attributes:
        steps: one row for each branch that was looked at: position (from 1), prefix (tuple, with the new code),
            code, log_probability (of the code after its prefix), score (sum so far), kept (bool), documents
            (under the branch).
        paths: the finished paths, the best first: codes (tuple), score, documents (places, corpus order).
    """

    steps: pd.DataFrame
    paths: pd.DataFrame


def beam_search(scorer: Scorer, trie: IDTrie, width: int = 5) -> Beam:
    """Follow the `width` best prefixes down the tree of IDs that exist.

    Args:
        scorer: gives the next code's log-probabilities.
        trie: of the learned codes alone (`IDTrie.from_ids(ids, suffix=False)`).
        width: prefixes kept after each position; with as many as there are prefixes the search is exact.

    Equal scores are decided by the smaller codes, so the answer does not depend on chance.
    """
    if width < 1:
        raise LMIndexerError("A beam keeps at least one path; give a width of 1 or more.")
    nodes, prefixes, scores = np.zeros(1, dtype=np.int64), [()], np.zeros(1)
    ended: list[tuple[tuple[int, ...], float, int]] = []
    steps = []
    for position in range(1, trie.depth + 1):
        branches = _branches(scorer, trie, nodes, prefixes, scores)
        ended += [(prefixes[row], scores[row], node) for row, node in branches.endings]
        order = np.lexsort((np.arange(len(branches.score)), -branches.score))
        kept = np.zeros(len(order), dtype=bool)
        kept[order[:width]] = True
        steps.append(_table(position, branches, prefixes, kept, trie))
        chosen = order[:width]
        prefixes = [(*prefixes[branches.row[i]], int(branches.code[i])) for i in chosen]
        nodes, scores = branches.node[chosen], branches.score[chosen]
        if not len(chosen):
            break
    finished = [*ended, *zip(prefixes, scores, nodes, strict=True)]
    finished.sort(key=lambda path: (-path[1], path[0]))
    paths = [(codes, float(score), np.sort(trie.leaves(node))) for codes, score, node in finished[:width]]
    return Beam(pd.concat(steps, ignore_index=True), pd.DataFrame(paths, columns=["codes", "score", "documents"]))


def rank_all(scorer: Scorer, trie: IDTrie, batch: int = 1024) -> pd.DataFrame:
    """Score every distinct ID exactly: codes (tuple), score, documents (places), the best first.

    All prefixes that exist are asked for, level by level, `batch` at a time; equal scores go by the smaller codes.
    """
    nodes, prefixes, scores = np.zeros(1, dtype=np.int64), [()], np.zeros(1)
    finished = []
    for _ in range(trie.depth):
        branches = _branches(scorer, trie, nodes, prefixes, scores, batch)
        finished += [(prefixes[row], scores[row], node) for row, node in branches.endings]
        pairs = zip(branches.row.tolist(), branches.code.tolist(), strict=True)
        prefixes = [(*prefixes[row], code) for row, code in pairs]
        nodes, scores = branches.node, branches.score
    finished += list(zip(prefixes, scores, nodes, strict=True))
    finished.sort(key=lambda path: (-path[1], path[0]))
    rows = [(codes, float(score), np.sort(trie.leaves(node))) for codes, score, node in finished]
    return pd.DataFrame(rows, columns=["codes", "score", "documents"])


@dataclass(frozen=True, eq=False)
class _Branches:
    """All ways on from some prefixes: the prefix's row, the code, the node, log-probability and summed score."""

    row: np.ndarray
    code: np.ndarray
    node: np.ndarray
    log_probability: np.ndarray
    score: np.ndarray
    endings: list[tuple[int, int]]  # (row, leaf node) of prefixes that are whole IDs themselves


def _branches(scorer, trie: IDTrie, nodes, prefixes, scores, batch: int = 1024) -> _Branches:
    rows, codes, children, endings = [], [], [], []
    for row, node in enumerate(nodes):
        code, child = trie.children(int(node))
        if len(code) and code[0] == -1:  # "no code here": the ID ends; the path below is all -1
            endings.append((row, int(child[0])))
            code, child = code[1:], child[1:]
        rows.append(np.full(len(code), row))
        codes.append(code)
        children.append(child)
    row, code = np.concatenate(rows), np.concatenate(codes).astype(np.int64)
    asked = np.unique(row)  # a prefix that is a whole ID and nothing more needs no answer
    log_probability = np.zeros(len(row))
    for start in range(0, len(asked), batch):
        some = asked[start : start + batch]
        length = len(prefixes[some[0]])
        table = np.array([prefixes[i] for i in some], dtype=np.int64).reshape(len(some), length)
        answer = np.asarray(scorer.log_probabilities(table), dtype=np.float64)
        inside = np.flatnonzero((row >= some[0]) & (row <= some[-1]))
        log_probability[inside] = answer[np.searchsorted(some, row[inside]), code[inside]]
    return _Branches(row, code, np.concatenate(children), log_probability, scores[row] + log_probability, endings)


def _table(position: int, branches: _Branches, prefixes, kept: np.ndarray, trie: IDTrie) -> pd.DataFrame:
    paths = [(*prefixes[row], int(code)) for row, code in zip(branches.row, branches.code, strict=True)]
    frame = {"position": position, "prefix": paths, "code": branches.code}
    frame |= {"log_probability": branches.log_probability, "score": branches.score, "kept": kept}
    frame["documents"] = trie.last_leaf[branches.node] - trie.first_leaf[branches.node]
    return pd.DataFrame(frame)


def greedy_steps(scorer: Scorer, codes, top: int = 5) -> pd.DataFrame:
    """Why an ID is what it is: the most probable codes at each position after the ID's own prefix.

    Args:
        codes: the document's codes; -1 ends them.
        top: codes a position; the ID's own code is always among the rows.

    Returns:
        position, code, probability, rank (1 = the most probable), chosen (the ID's own).
    """
    codes, rows = [int(code) for code in codes if code >= 0], []
    for position, own in enumerate(codes, start=1):
        prefix = np.array(codes[: position - 1], dtype=np.int64).reshape(1, position - 1)
        p = np.exp(np.asarray(scorer.log_probabilities(prefix), dtype=np.float64)[0])
        order = np.argsort(-p, kind="stable")
        rank = np.empty(len(p), dtype=np.int64)
        rank[order] = np.arange(1, len(p) + 1)
        shown = list(order[:top]) + ([own] if rank[own] > top else [])
        rows += [(position, int(code), float(p[code]), int(rank[code]), int(code) == own) for code in shown]
    return pd.DataFrame(rows, columns=["position", "code", "probability", "rank", "chosen"])
