"""Trees of a minibatch laid out for a Tree-LSTM: by depth, or in the order of their own numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from ampsim.workloads.treebank import Treebank


@dataclass(frozen=True)
class Forest:
    """Some trees. Everything is in the order in which it is computed: all leaves, then inner nodes.

    ``words`` of the leaves and ``labels`` of all nodes. By depth: ``leaves`` at each depth, the deepest first;
    ``orders``, for all depths but the root's, left and right children of the inner nodes one depth up, as places
    among the inner nodes and, behind these, the leaves of the depth. Node by node: ``pairs``, the two children of each
    inner node.
    """

    words: torch.Tensor
    labels: torch.Tensor
    leaves: list[int]
    orders: list[torch.Tensor]
    pairs: list[tuple[int, int]]


def one_tree(tree: Treebank) -> Forest:
    """A single tree, to be gone through node by node."""
    pairs = [(left, right) for left, right in tree.children.tolist()]
    return Forest(torch.tensor(tree.words), torch.tensor(tree.labels), [], [], pairs)


def by_depth(trees: Treebank) -> Forest:
    """Any number of trees, each of at least two leaves."""
    count = len(trees.labels)
    word, children = np.full(count, -1), np.full((count, 2), -1)
    word[trees.leaf], children[trees.inner] = trees.words, trees.below
    level, inner, leaves, orders = trees.root, [], [], []
    while len(level):
        branches, ends = level[word[level] < 0], level[word[level] >= 0]
        place = np.empty(count, np.int64)
        place[np.concatenate([branches, ends])] = np.arange(len(level))
        orders.insert(0, torch.tensor(place[level]))
        inner.insert(0, branches)
        leaves.insert(0, ends)
        level = children[branches].reshape(-1)
    computed = np.concatenate(leaves + inner)
    words = torch.tensor(word[np.concatenate(leaves)])
    return Forest(words, torch.tensor(trees.labels[computed]), [len(ends) for ends in leaves], orders[:-1], [])
