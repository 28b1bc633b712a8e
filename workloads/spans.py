"""How sentences fall apart into binary trees: the split rule measured on the Stanford Sentiment Treebank.

A span of k words is cut in two. How often one side is a single word depends on k; otherwise the left side has
2 + floor(B (k - 3)) words with B from Beta(0.9, 1.7), so that two words at least are left on either side.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ampsim.workloads.treebank import Integers

Table = dict[str, NDArray[np.float64]]


@cache
def measured() -> Table:
    """What was counted on the 9,645 trees of the Stanford Sentiment Treebank (Socher et al. 2013), by name."""
    text = (Path(__file__).parent / "sst_tables.json").read_text("utf-8")
    return {name: np.array(value, float) for name, value in json.loads(text).items() if not name.startswith("_")}


def cut(sizes: Integers, generator: np.random.Generator) -> Integers:
    """Words left of the cut, for spans of ``sizes`` (n,) words, at least 2 each; (n,) int64."""
    table = measured()
    one_left = np.interp(sizes, table["span_sizes"], table["p_left_child_is_one_word"])
    one_right = np.interp(sizes, table["span_sizes"], table["p_right_child_is_one_word"])
    chance, share = generator.random(len(sizes)), generator.beta(0.9, 1.7, len(sizes))
    left = np.minimum(2 + np.floor(share * (sizes - 3)).astype(np.int64), sizes - 2)
    left = np.where(chance < one_left + one_right, sizes - 1, left)
    left = np.where((chance < one_left) | (sizes == 2), 1, left)
    return left.astype(np.int64)


def grow(sizes: Integers, generator: np.random.Generator) -> Integers:
    """The ``children`` of random trees with ``sizes`` (n,) leaves, at least 1 each, as in a Treebank.

    All trees are cut at once, one round for each depth.
    """
    tree = np.flatnonzero(sizes > 1)
    begin, size = np.zeros(len(tree), np.int64), sizes[tree].astype(np.int64)
    trees, begins, spans, lefts = ([np.zeros(0, np.int64)] for _ in range(4))
    while len(tree):
        left = cut(size, generator)
        for kept, more in zip((trees, begins, spans, lefts), (tree, begin, size, left), strict=True):
            kept.append(more)
        tree, begin = np.concatenate([tree, tree]), np.concatenate([begin, begin + left])
        size = np.concatenate([left, size - left])
        long = size > 1
        tree, begin, size = tree[long], begin[long], size[long]
    tree, begin, size, left = (np.concatenate(kept) for kept in (trees, begins, spans, lefts))
    wide = int(sizes.max(initial=0)) + 1

    def place(tree: Integers, begin: Integers, size: Integers) -> Integers:
        # Postorder: by the end of the span, the shorter first.
        return (tree * wide + begin + size) * wide + size

    # Inner nodes of tree t begin behind its leaves; ``first`` is where they begin in the table.
    places = place(tree, begin, size)
    order = np.argsort(places)
    tree, begin, size, left, places = (values[order] for values in (tree, begin, size, left, places))
    first = np.concatenate([[0], np.cumsum(np.maximum(sizes - 1, 0))])

    def node(begin: Integers, size: Integers) -> Integers:
        inner = np.searchsorted(places, place(tree, begin, size)) - first[tree] + sizes[tree]
        return np.where(size == 1, begin, inner)

    return np.stack([node(begin, left), node(begin + left, size - left)], axis=1).astype(np.int64)
