"""The course of decoding for one text, to look at: each branch of a beam, all IDs ranked, why an ID is what it is.

The model is anything with `log_probabilities(prefixes [R, t]) -> [R, K]`: an indexer asked about a text. The tree is of
the learned codes alone (`IDTrie.from_ids(ids, suffix=False)`): documents with equal codes have equal scores.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from lmindexer.ids.trie import IDTrie
from lmindexer.tasks.decoding.scorer import PrefixScorer, Scorer
from lmindexer.tasks.decoding.search import Step, all_scores, beam_steps, check_width
from lmindexer.tasks.decoding.tree import DecodingTree


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


def beam_course(model, trie: IDTrie, width: int = 5) -> Beam:
    """Follow the `width` best prefixes down the tree of IDs that exist, and write every step down.

    An ID that is shorter than T ends where it ends: its score has fewer terms, and it stays among the `width`. Equal
    scores are decided by the smaller codes, so the answer does not depend on chance.

    Raises LMIndexerError for a width below 1.
    """
    tree = DecodingTree(trie)
    return course_of(PrefixScorer(model, tree), tree, width)


def course_of(scorer: Scorer, tree: DecodingTree, width: int = 5) -> Beam:
    """`beam_course` of any scorer that has looked at one input; with a tree of codes and suffix, the suffix is last.

    A branch that was certain (an only child of a normalised model) has log P = 0.

    Raises LMIndexerError for a width below 1.
    """
    check_width(width)
    course = list(beam_steps(scorer, tree, width, None))
    steps, rows = [_learned(branches(tree, step)) for _, step in course], course[-1][0]
    order = rows.score.sort(descending=True, stable=True).indices
    return Beam(pd.concat(steps, ignore_index=True), _paths(tree, rows.node[order], rows.score[order]))


def rank_all(model, trie: IDTrie, batch: int = 1024) -> pd.DataFrame:
    """Score every distinct ID exactly: codes (tuple), score, documents (places), the best first.

    All prefixes that exist are asked for, level by level, `batch` at a time; equal scores go by the smaller codes.
    """
    tree = DecodingTree(trie)
    leaves = torch.arange(tree.level_start[tree.depth], tree.level_start[tree.depth + 1])
    some_document = tree.documents[tree.first_leaf[leaves].long()].long()
    scores = all_scores(PrefixScorer(model, tree, batch), tree)[0, some_document]
    order = scores.sort(descending=True, stable=True).indices
    return _paths(tree, leaves[order], scores[order])


def greedy_steps(model, codes, top: int = 5) -> pd.DataFrame:
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
        p = np.exp(np.asarray(model.log_probabilities(prefix), dtype=np.float64)[0])
        order = np.argsort(-p, kind="stable")
        rank = np.empty(len(p), dtype=np.int64)
        rank[order] = np.arange(1, len(p) + 1)
        shown = list(order[:top]) + ([own] if rank[own] > top else [])
        rows += [(position, int(code), float(p[code]), int(rank[code]), int(code) == own) for code in shown]
    return pd.DataFrame(rows, columns=["position", "code", "probability", "rank", "chosen"])


def branches(tree: DecodingTree, step: Step) -> pd.DataFrame:
    """All branches of one level of a search: the columns of `Beam.steps`, and node. Code -1: the ID has ended."""
    edges, there = step.edges, step.edges.existing
    kept = torch.zeros(len(edges), dtype=torch.bool, device=there.device)
    kept[step.kept] = True
    node = edges.node[there]
    prefix = [tuple(row) for row in tree.codes_of(node, edges.level).tolist()]
    frame = {"position": edges.level, "prefix": prefix, "code": edges.code[there], "node": node}
    frame |= {"log_probability": step.log_probability[there], "score": step.score[there], "kept": kept[there]}
    found = {name: value.cpu().numpy() if torch.is_tensor(value) else value for name, value in frame.items()}
    return pd.DataFrame(found).assign(documents=documents_below(tree, node))


def documents_below(tree: DecodingTree, nodes: torch.Tensor) -> np.ndarray:
    """[R] number of documents below each node."""
    return (tree.last_leaf[nodes] - tree.first_leaf[nodes]).cpu().numpy().astype(np.int64)


def _learned(table: pd.DataFrame) -> pd.DataFrame:
    """Branches by a code; an ID that has ended is no branch."""
    return table[table["code"] >= 0].drop(columns="node")


def _paths(tree: DecodingTree, nodes: torch.Tensor, scores: torch.Tensor) -> pd.DataFrame:
    documents = [
        np.sort(tree.documents[first:last].cpu().numpy().astype(np.int64))
        for first, last in zip(tree.first_leaf[nodes].tolist(), tree.last_leaf[nodes].tolist(), strict=True)
    ]
    return pd.DataFrame({"codes": _codes(tree, nodes, tree.depth), "score": scores.tolist(), "documents": documents})


def _codes(tree: DecodingTree, nodes: torch.Tensor, level: int) -> list[tuple[int, ...]]:
    return [tuple(code for code in row if code >= 0) for row in tree.codes_of(nodes, level).tolist()]
