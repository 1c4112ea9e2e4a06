"""One input's way down the tree beside the right documents' ways: what the beam kept, and where it lost them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from lmindexer.tasks.decoding.course import branches, documents_below
from lmindexer.tasks.decoding.filters import Filter
from lmindexer.tasks.decoding.lost import path_log_probabilities
from lmindexer.tasks.decoding.scorer import Scorer
from lmindexer.tasks.decoding.search import all_scores, beam_search, beam_steps, check_width, exact_top
from lmindexer.tasks.decoding.tree import DecodingTree

RANKED_UP_TO = 200_000  # documents; of a larger corpus only the best are ranked exactly


@dataclass(frozen=True, eq=False)
class Descent:
    """A beam's way down for one input.

    Attributes:
        steps: one row for each branch that was looked at or leads to a right document: position (from 1; T + 1 is the
            suffix's), prefix (codes, -1 where the ID has ended), code, log_probability (of the code after its
            prefix), score (sum so far), kept, documents (below it), right (leads to a right document).
        ranking: document, score (-inf where the filter forbids it), exact_rank (0: not among the best looked at),
            beam_rank (0: the beam did not find it), right; the best of both searches and every right document.
        lost: {right document: the position at which its path left the beam, 0 if it never did}.
    """

    steps: pd.DataFrame
    ranking: pd.DataFrame
    lost: dict[int, int]


@torch.no_grad()
def descend(
    scorer: Scorer,
    tree: DecodingTree,
    width: int,
    right: Sequence[int] = (),
    *,
    keep: Filter | None = None,
    top: int = 10,
) -> Descent:
    """Follow one input (`scorer.queries` is 1) down the tree with a beam, beside the exact ranking.

    right: documents whose paths are followed too, also after the beam has lost them.
    keep:  documents that may be found.
    top:   documents of each ranking.

    Raises LMIndexerError for a width or top below 1.
    """
    check_width(width, top)
    right = [int(document) for document in dict.fromkeys(right)]
    paths = tree.paths(torch.tensor(right, dtype=torch.long, device=tree.code.device))  # [R, depth + 1]
    parts, lost = [], dict.fromkeys(right, 0)
    for rows, step in beam_steps(scorer, tree, width, keep):
        level, there = step.edges.level, set(rows.node.tolist())
        for document, node in zip(right, paths[:, level].tolist(), strict=True):
            if not lost[document] and node not in there:
                lost[document] = level
        parts.append(branches(tree, step))
    steps = pd.concat([*parts, *(_own_path(scorer, tree, path) for path in paths)], ignore_index=True)
    steps = steps.drop_duplicates("node").sort_values(["position", "node"], kind="stable", ignore_index=True)
    steps["right"] = steps["node"].isin(set(paths[:, 1:].flatten().tolist()))
    return Descent(steps.drop(columns="node"), _ranking(scorer, tree, width, right, keep, top), lost)


def _own_path(scorer: Scorer, tree: DecodingTree, path: torch.Tensor) -> pd.DataFrame:
    """The right document's path [depth + 1] as branches that no beam kept."""
    log_p = path_log_probabilities(scorer, tree, path[None])[0].cpu()
    levels = range(1, tree.depth + 1)
    prefix = [tuple(tree.codes_of(path[level : level + 1], level)[0].tolist()) for level in levels]
    frame = {"position": levels, "prefix": prefix, "code": [one[-1] for one in prefix]}
    frame |= {"log_probability": log_p.numpy(), "score": log_p.cumsum(0).numpy(), "kept": False}
    return pd.DataFrame(frame | {"documents": documents_below(tree, path[1:]), "node": path[1:].tolist()})


def _ranking(scorer, tree: DecodingTree, width: int, right: list[int], keep: Filter | None, top: int) -> pd.DataFrame:
    exact = _ranks(exact_top(scorer, tree, top, width, keep))
    beam = _ranks(beam_search(scorer, tree, max(top, width), width, keep))
    scores = {document: score for document, (_, score) in (beam | exact).items()}
    ranks = {document: rank for document, (rank, _) in exact.items()}
    if right and len(tree.documents) <= RANKED_UP_TO:
        every = _allowed(tree, all_scores(scorer, tree)[0].double(), keep)
        for document in right:
            if document not in ranks:
                score = float(every[document])
                ranks[document] = 0 if np.isneginf(score) else int((every >= score).sum())
                scores.setdefault(document, score)
    rows = [
        (document, scores.get(document, np.nan), ranks.get(document, 0), beam.get(document, (0, 0.0))[0],
         document in right)
        for document in dict.fromkeys([*list(beam)[:top], *exact, *right])
    ]  # fmt: skip
    frame = pd.DataFrame(rows, columns=["document", "score", "exact_rank", "beam_rank", "right"])
    last = len(tree.documents) + 1
    order = np.lexsort((frame["beam_rank"].where(frame["beam_rank"] > 0, last),
                        frame["exact_rank"].where(frame["exact_rank"] > 0, last)))  # fmt: skip
    return frame.iloc[order].reset_index(drop=True)


def _ranks(ranking) -> dict[int, tuple[int, float]]:
    """{document: (rank from 1, score)} of the one query's ranking."""
    pairs = zip(ranking.documents[0].tolist(), ranking.scores[0].tolist(), strict=True)
    return {document: (rank, score) for rank, (document, score) in enumerate(pairs, start=1) if document >= 0}


def _allowed(tree: DecodingTree, scores: torch.Tensor, keep: Filter | None) -> torch.Tensor:
    """Scores [N], -inf where the filter forbids the document."""
    if keep is None:
        return scores
    place = torch.arange(len(tree.documents), device=scores.device)
    allowed = torch.empty_like(place, dtype=torch.bool)
    allowed[tree.documents.long()] = keep.allows(place, torch.zeros_like(place))
    return scores.masked_fill(~allowed, -torch.inf)
