r"""Many binary trees with labels in flat arrays: what every source of trees gives and the data set reads.

                    4               a tree of n = 3 leaves has 2n - 1 = 5 nodes
                  /   \
    leaves first  3    2            leaves in the order of the sentence: 0 .. n-1
                 / \                inner nodes behind them, children before parents, the root last
                0   1               (postorder, so that one tree has one numbering whoever made it)
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

LABELS = 5  # very negative, negative, neutral, positive, very positive
UNLABELLED = -1

Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Treebank:
    """Trees t = 0 .. T-1, each with n(t) leaves; all arrays int64.

    ``offsets`` (T + 1,) into ``words`` (leaves of all trees,); ``labels`` of all nodes, tree by tree, -1 where there is
    none; ``children`` (inner nodes of all trees, 2), left and right, numbered within the tree.
    """

    words: Integers
    labels: Integers
    children: Integers
    offsets: Integers

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @cached_property
    def sizes(self) -> Integers:
        """Leaves of each tree."""
        return np.diff(self.offsets)

    @cached_property
    def first_node(self) -> Integers:
        """Number of the first node of each tree among the nodes of all; one more entry for their number."""
        return 2 * self.offsets - np.arange(len(self.offsets))

    @cached_property
    def first_inner(self) -> Integers:
        """The same among inner nodes."""
        return self.offsets - np.arange(len(self.offsets))

    @cached_property
    def inner(self) -> Integers:
        """Number, among the nodes of all trees, of each row of ``children``."""
        tree = np.repeat(np.arange(len(self)), self.sizes - 1)
        found: Integers = np.arange(len(self.children)) + self.offsets[1:][tree]
        return found

    @cached_property
    def below(self) -> Integers:
        """``children`` numbered among the nodes of all trees."""
        found: Integers = self.children + np.repeat(self.first_node[:-1], self.sizes - 1)[:, None]
        return found

    @cached_property
    def leaf(self) -> Integers:
        """Number, among the nodes of all trees, of each leaf."""
        found: Integers = np.arange(len(self.words)) + np.repeat(self.first_inner[:-1], self.sizes)
        return found

    @cached_property
    def root(self) -> Integers:
        """Number, among the nodes of all trees, of each root."""
        found: Integers = self.first_node[1:] - 1
        return found

    @cached_property
    def heights(self) -> Integers:
        """Of all nodes: leaves 0, an inner node one more than the higher of its children."""
        found: Integers = np.zeros(len(self.labels), np.int64)
        for _ in range(int(self.sizes.max(initial=0))):
            # Every round settles one more height, so there are as many rounds as the highest tree has levels.
            higher = found[self.below].max(axis=1) + 1
            if (higher == found[self.inner]).all():
                break
            found[self.inner] = higher
        return found

    def part(self, start: int, stop: int) -> Treebank:
        """Trees ``start`` to ``stop``; the arrays are views."""
        stop = min(stop, len(self))
        leaves, inner = slice(*self.offsets[[start, stop]]), slice(*self.first_inner[[start, stop]])
        nodes = slice(*self.first_node[[start, stop]])
        offsets = self.offsets[start : stop + 1] - self.offsets[start]
        return Treebank(self.words[leaves], self.labels[nodes], self.children[inner], offsets)

    def chosen(self, trees: Integers) -> Treebank:
        """The trees of these numbers, in this order."""
        parts = [self.part(tree, tree + 1) for tree in trees.tolist()]
        sizes = self.sizes[trees]
        nothing = self.part(0, 0)  # numpy joins one array at least
        return Treebank(
            np.concatenate([nothing.words, *(part.words for part in parts)]),
            np.concatenate([nothing.labels, *(part.labels for part in parts)]),
            np.concatenate([nothing.children, *(part.children for part in parts)]),
            np.concatenate([[0], np.cumsum(sizes)]),
        )
