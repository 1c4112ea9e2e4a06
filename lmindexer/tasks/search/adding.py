"""New documents in a fitted `GenerativeRetriever`, without retraining: IDs by `encode`, rows of their own vectors."""

import numpy as np
import torch

from lmindexer.ids.semantic_ids import SemanticIDs
from lmindexer.tasks.decoding import DecodingTree
from lmindexer.tasks.generative import added_nodes
from lmindexer.tasks.search.forms import NodeRows, PrefixRows, SharedRows
from lmindexer.tasks.search.summaries import SummaryHead, summarise


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
    before, count, weights = len(head.documents), len(documents), head.bias.detach().numpy()
    centres, kept = head.centres.detach().numpy(), {}
    for node, old in enumerate(added_nodes(head.tree, tree).tolist()):
        numbers = (
            head.places[head.offsets[old] : head.offsets[old + 1]].numpy() - before if old >= 0 else np.zeros(0, int)
        )
        numbers = numbers[(numbers >= 0) & (numbers < len(centres))]
        if len(numbers):
            kept[node] = numbers
    there = {"centres": centres, "bias": weights[before:], "kept": kept}
    layout = summarise(tree, documents, head.rows, 0, asked=head.asked, **there)
    of_documents = np.full(count, weights[:before].mean(), np.float32)
    of_documents[head.tree.documents.numpy()] = weights[:before]
    layout.bias[:count] = of_documents[tree.documents.numpy()]
    more = SummaryHead(tree, documents, layout, head.rows, head.moved is not None, head.asked)
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
