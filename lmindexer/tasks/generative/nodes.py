"""What is known of a node of the ID tree: the mean of the vectors below it; its number before documents were added."""

import torch
from torch import Tensor

from lmindexer.tasks.decoding.tree import DecodingTree


def node_means(tree: DecodingTree, vectors: Tensor) -> Tensor:
    """Mean of the documents' vectors below each node: vectors [N, t] in corpus order -> [nodes, t].

    Documents below a node lie side by side in the tree's order, so a running sum answers for all nodes.

    >>> from lmindexer.ids.trie import IDTrie
    >>> import numpy as np
    >>> tree = DecodingTree(IDTrie(np.array([[0, 0], [0, 1], [2, 0]])))
    >>> node_means(tree, torch.tensor([[1.0], [3.0], [5.0]]))[:, 0].tolist()
    [3.0, 2.0, 5.0, 1.0, 3.0, 5.0]
    """
    ordered = vectors[tree.documents.long()].double()
    sums = torch.cat([ordered.new_zeros(1, vectors.shape[1]), ordered.cumsum(0)])
    first, last = tree.first_leaf.long(), tree.last_leaf.long()
    return ((sums[last] - sums[first]) / (last - first)[:, None]).to(vectors.dtype)


def added_nodes(old: DecodingTree, new: DecodingTree) -> Tensor:
    """[nodes of `new`] the number of each node in `old`, or -1 where it came with an added document."""
    found = torch.full((len(new),), -1, dtype=torch.long)
    for level in range(new.depth + 1):
        nodes = torch.arange(new.level_start[level], new.level_start[level + 1])
        found[nodes] = old.node_of(new.codes_of(nodes, level))
    return found
