"""Baselines that count: popularity and item-kNN. No network, a second of work, and often hard to beat.

popularity   score_j = how often j was taken
item-kNN     score_j = Σ_i w(age of i) · sim(i, j) over the history's items i, where
             sim(i, j) = users of both / sqrt(users of i · users of j), kept for the k nearest of each item
             (Sarwar et al. 2001, https://doi.org/10.1145/371920.372071); improved with a decay by age and counts
             of what follows what within a few steps
"""

from pathlib import Path
from typing import ClassVar

import numpy as np
import scipy.sparse
import torch
from torch import Tensor

from lmindexer.common.errors import SettingsError
from lmindexer.common.kinds import TEXT, takes
from lmindexer.indexers.model_folder import read_model, write_model
from lmindexer.settings.rules import checked, unknown
from lmindexer.tasks.base import register
from lmindexer.tasks.fitting import Fitting
from lmindexer.tasks.metrics import measure
from lmindexer.tasks.recommendation.base import ItemScorer
from lmindexer.tasks.recommendation.histories import Histories, HistoryBatch
from lmindexer.tasks.recommendation.setting_rules import rules_of


@register
class Popularity(ItemScorer):
    """Recommends what most users took, whatever the history."""

    method, label = "popularity", "Popularity"

    def __init__(self, *, name: str | None = None):
        super().__init__(name)
        self.settings = {}
        self.counts: Tensor | None = None

    def _fit(self, task, fitting: Fitting) -> None:
        self.counts = torch.bincount(torch.from_numpy(task.train.items.astype(np.int64)), minlength=len(task.corpus))

    def score_items(self, batch: HistoryBatch) -> Tensor:
        return self.counts.float().expand(len(batch.items), -1).clone()

    def _save_model(self, folder: Path) -> None:
        write_model(folder, self.method, {}, {"counts": self.counts})

    @classmethod
    def _load_model(cls, folder: Path, task, settings: dict):
        model = cls()
        model.counts = read_model(folder, cls.method)[1]["counts"]
        return model


@register
class ItemKNN(ItemScorer):
    """Recommends what is near the history's items in who took them.

    Args:
        form: "improved" counts within `window` steps and weighs an item of age a (0 = the newest) by decay^a; "paper"
            counts users of both, all of a history alike.
        neighbours: kept of each item.
        shrink: added to the denominator, so that items taken once are not each other's nearest.
        window, decay: see form; the decay is chosen by validation where it is None.
    """

    method, label = "item_knn", "Item-kNN"
    DECAYS = (0.5, 0.7, 0.85, 1.0)
    forms: ClassVar = {
        "improved": {"neighbours": 200, "shrink": 3.0, "window": 3, "decay": None},
        "paper": {"neighbours": 100, "shrink": 0.0, "window": None, "decay": 1.0},
    }

    @takes(form=TEXT, name=TEXT)
    def __init__(self, form: str = "improved", *, name: str | None = None, **changes):
        super().__init__(name)
        if form not in self.forms:
            raise SettingsError(unknown("form", form, list(self.forms)))
        for key in changes:
            if key not in self.forms[form]:
                raise SettingsError(unknown("setting of ItemKNN", key, list(self.forms[form])))
        self.settings = checked(self.forms[form] | changes, rules_of(self.forms[form]))
        self.similar: scipy.sparse.csr_matrix | None = None

    def _fit(self, task, fitting: Fitting) -> None:
        s = self.settings
        self.similar = similarities(task.train, len(task.corpus), s["neighbours"], s["shrink"], s["window"])
        if s["decay"] is not None:
            return
        found = {}
        for decay in self.DECAYS:
            self.settings = s | {"decay": decay}
            ranked = self.rank_histories(task.histories("validation"), 11, ("raw",))["raw"]
            found[decay] = float(measure(ranked, task.judgements("validation"), ("NDCG@10",))["NDCG@10"].mean())
        self.settings = s | {"decay": max(found, key=found.get)}

    def score_items(self, batch: HistoryBatch) -> Tensor:
        items = self.similar.shape[0]
        row, place = torch.nonzero(batch.items < items, as_tuple=True)
        weight = float(self.settings["decay"]) ** (batch.lengths[row] - 1 - place).double().numpy()
        shape = (len(batch.items), items)
        history = scipy.sparse.csr_matrix((weight, (row.numpy(), batch.items[row, place].numpy())), shape=shape)
        return torch.from_numpy((history @ self.similar).toarray())

    def _save_model(self, folder: Path) -> None:
        s = self.similar
        parts = {"data": s.data, "indices": s.indices.astype(np.int64), "indptr": s.indptr.astype(np.int64)}
        tensors = {name: torch.from_numpy(part) for name, part in parts.items()}
        write_model(folder, self.method, {"settings": self.settings}, tensors)

    @classmethod
    def _load_model(cls, folder: Path, task, settings: dict):
        config, parts = read_model(folder, cls.method)
        model, size = cls(**config["settings"]), len(task.corpus)
        arrays = [parts[name].numpy() for name in ("data", "indices", "indptr")]
        model.similar = scipy.sparse.csr_matrix(tuple(arrays), shape=(size, size))
        return model


def similarities(histories: Histories, items: int, neighbours: int, shrink: float, window: int | None):
    """[N, N] sparse: row i holds the similarities of i's nearest items, itself left out.

    window None: cosine of who took them. A number: counts of j within `window` steps behind or before i, over
    sqrt(count of i · count of j) + shrink.
    """
    row, item = histories.seen()
    taken = scipy.sparse.csr_matrix((np.ones(len(item)), (row, item)), shape=(len(histories), items))
    taken.data[:] = 1.0  # once a user, however often
    counts = np.asarray(taken.sum(0)).ravel()
    together = (taken.T @ taken).tocsr() if window is None else _within(histories, items, window)
    together.setdiag(0)
    together.eliminate_zeros()
    table = together.tocoo()
    value = table.data / (np.sqrt(counts[table.row] * counts[table.col]) + shrink)
    order = np.lexsort((table.col, -value, table.row))
    place = np.arange(len(order)) - np.searchsorted(table.row[order], table.row[order])
    kept = order[place < neighbours]
    return scipy.sparse.csr_matrix((value[kept], (table.row[kept], table.col[kept])), shape=(items, items))


def _within(histories: Histories, items: int, window: int):
    """[N, N] how often j stands within `window` steps of i in a history, nearer ones counting 1 / distance."""
    owner, item = histories.seen()
    total = scipy.sparse.csr_matrix((items, items))
    for step in range(1, window + 1):
        same = owner[step:] == owner[:-step]
        a, b = item[:-step][same], item[step:][same]
        pairs = scipy.sparse.csr_matrix((np.full(len(a), 1 / step), (a, b)), shape=(items, items))
        total = total + pairs + pairs.T
    return total.tocsr()
