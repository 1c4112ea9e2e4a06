"""New documents in a fitted `GenerativeRetriever`, without retraining: IDs by `encode`, rows of their own vectors."""

import numpy as np
import torch

from lmindexer.ids.semantic_ids import SemanticIDs
from lmindexer.tasks.decoding import DecodingTree
from lmindexer.tasks.generative import added_nodes
from lmindexer.tasks.search.forms import NodeRows, PrefixRows, SharedRows
from lmindexer.tasks.search.summaries import SCALE, SummaryHead, centres_of


def extended(form, ids: SemanticIDs, documents: np.ndarray) -> "NodeRows | PrefixRows | SharedRows":
    """The form over more documents (the earlier ones first, in their order): all that was trained stays as it is."""
    if isinstance(form, PrefixRows):
        form.head.set_tree(DecodingTree.from_ids(ids, suffix=False))  # rows come from codes: nothing else is needed
        return form
    return _more_nodes(form, ids, documents) if isinstance(form, NodeRows) else _more_codes(form, ids)


def _more_nodes(form: NodeRows, ids: SemanticIDs, documents: np.ndarray) -> NodeRows:
    """Nodes keep their trained centres; new ones, and those that outgrew `rows` documents, get fresh ones.

    A new document's bias is the mean of the others'.
    """
    head, tree = form.head, DecodingTree.from_ids(ids)
    before, count = len(head.documents), len(documents)
    old = added_nodes(head.tree, tree).tolist()
    ordered = np.ascontiguousarray(documents, dtype=np.float32)[tree.documents.numpy()]
    first, last = tree.first_leaf.tolist(), tree.last_leaf.tolist()
    centres, weights, places = head.centres.detach().numpy(), head.bias.detach().numpy()[before:], [np.zeros(0, int)]
    fresh, fresh_weights = [], []
    for node in range(1, len(tree)):
        rows = head.places[head.offsets[old[node]] : head.offsets[old[node] + 1]].numpy() if old[node] >= 0 else []
        if len(rows) and rows[0] >= before:
            places.append(rows - before + count)
        elif last[node] - first[node] <= head.rows or node >= tree.level_start[tree.depth]:
            places.append(np.arange(first[node], last[node]))
        else:
            found, weight = centres_of(ordered[first[node] : last[node]], head.rows, 0, SCALE)
            places.append(count + len(centres) + len(fresh_weights) + np.arange(len(found)))
            fresh.append(found)
            fresh_weights += weight
    of_documents = np.full(count, head.bias.detach()[:before].mean().item(), np.float32)
    of_documents[head.tree.documents.numpy()] = head.bias.detach().numpy()[:before]
    bias = np.concatenate([of_documents[tree.documents.numpy()], weights, np.array(fresh_weights, np.float32)])
    offsets = np.concatenate([[0], np.cumsum([len(part) for part in places])])
    table = np.concatenate([centres, *fresh]).astype(np.float32)
    rows = table, bias.astype(np.float32), np.concatenate(places), offsets, head.rows, head.moved is not None
    more = SummaryHead(tree, documents, *rows)
    if head.moved is not None:
        moved = torch.zeros(count, documents.shape[1])
        moved[head.tree.documents.long()] = head.moved.detach()
        more.moved.data = moved[tree.documents.long()]
    more.log_scale.data = head.log_scale.detach().clone()
    return _with_map(NodeRows.around(more), form)


def _more_codes(form: SharedRows, ids: SemanticIDs) -> SharedRows:
    """Rows of codes that no document had before are zero, as are the biases of new prefixes."""
    head, width = form.head, form.head.dim
    more = SharedRows(ids, width, None, head.normalise)
    state = {name: value for name, value in head.state_dict().items() if name != "bias" and "rows." not in name}
    more.head.load_state_dict(state, strict=False)
    for new, kept in zip(more.head.rows, head.rows, strict=True):
        new.data.zero_()
        new.data[: len(kept)] = kept.detach()[: len(new)]
    old = added_nodes(form.tree, more.tree)
    more.head.bias.data = torch.where(old >= 0, head.bias.detach()[old.clamp(min=0)], 0.0)
    return _with_map(more, form)


def _with_map(more, form):
    more.map.load_state_dict(form.map.state_dict())
    return more.eval()
