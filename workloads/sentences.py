"""Generated trees that look like rated movie sentences, and whose labels follow from words and tree.

The number of leaves, the cuts, the share of labels among leaves and the label of a parent given its children are those
of the Stanford Sentiment Treebank. So that there is something to learn, every word has one label of its own, and some
words act on what stands beside them:

    negator       the parent has 4 - k where the sibling has label k
    intensifier   the parent has the sibling's label, one step further from neutral
    otherwise     the parent's label is drawn from the table of 25 pairs, its chances raised to 1 / temperature
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ampsim.workloads.spans import grow, measured
from ampsim.workloads.treebank import LABELS, Integers, Treebank

NEUTRAL = 2
NEGATOR, INTENSIFIER = LABELS, LABELS + 1  # kinds of words, behind the five labels
OUTWARD = np.array([0, 0, 2, 4, 4])

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Language:
    """``words`` words by Zipf's law 1 / (rank + 2.7); ``negators`` and ``intensifiers`` are shares of all that is said.

    With no such words and ``temperature`` 1 labels have the proportions that were measured, no more.
    """

    words: int = 19_500
    negators: float = 0.01
    intensifiers: float = 0.02
    temperature: float = 0.5

    @cached_property
    def mass(self) -> Floats:
        """How often each word occurs, (words,); the most frequent first."""
        weight = 1 / (np.arange(1, self.words + 1) + 2.7)
        found: Floats = weight / weight.sum()
        return found

    @cached_property
    def kinds(self) -> Integers:
        """Label of each word, or NEGATOR or INTENSIFIER, (words,).

        Every kind gets its share of the mass evenly along the ranks: each word goes to the kind that lags most.
        """
        shares = np.array([*measured()["p_leaf_label"], self.negators, self.intensifiers])
        shares[NEUTRAL] -= self.negators + self.intensifiers  # a leaf that acts on others is neutral itself
        due, found = np.zeros(len(shares)), np.empty(self.words, np.int64)
        for word, mass in enumerate(self.mass.tolist()):
            due += shares * mass
            found[word] = due.argmax()
            due[found[word]] -= mass
        return found

    @cached_property
    def parents(self) -> Floats:
        """Chances of a parent's label given those of left and right child, (5, 5, 5); each row adds up to 1."""
        table = measured()["p_parent_label_given_left_right_00_to_44"] ** (1 / self.temperature)
        found: Floats = (table / table.sum(axis=1, keepdims=True)).reshape(LABELS, LABELS, LABELS)
        return found

    def own(self, words: Integers) -> Integers:
        """The label of each word standing alone."""
        kinds = self.kinds[words]
        return np.where(kinds < LABELS, kinds, NEUTRAL)


def acted_on(left: Integers, right: Integers, kinds: tuple[Integers, Integers]) -> Integers:
    """The label a parent has because one child is a word that acts on the other, -1 where none is; all (n,).

    ``left`` and ``right`` are the children's labels, ``kinds`` what they are as words. A negator goes before an
    intensifier, the left child before the right one.
    """
    found = np.full(len(left), -1)
    for kind in (INTENSIFIER, NEGATOR):
        for side, sibling in ((1, left), (0, right)):
            found = np.where(kinds[side] == kind, 4 - sibling if kind == NEGATOR else OUTWARD[sibling], found)
    return found


def draw(trees: int, generator: np.random.Generator, language: Language | None = None) -> Treebank:
    """``trees`` trees; ``words`` are ranks from 0, every node has a label."""
    language = language or Language()
    counts = measured()["leaf_count_from_2"]
    sizes = generator.choice(np.arange(2, 2 + len(counts)), trees, p=counts / counts.sum())
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    words = np.searchsorted(np.cumsum(language.mass), generator.random(offsets[-1]), side="right")
    words = np.minimum(words, language.words - 1)  # the sum may end just below 1
    bare = Treebank(words, np.full(2 * offsets[-1] - trees, -1), grow(sizes, generator), offsets)
    return Treebank(words, _labels(bare, language, generator.random(len(bare.children))), bare.children, offsets)


def _labels(bare: Treebank, language: Language, chance: Floats) -> Integers:
    """Labels of all nodes, from the leaves upwards; ``chance`` (inner nodes,) decides where the table is asked."""
    labels, kinds = np.empty_like(bare.labels), np.full_like(bare.labels, -1)
    labels[bare.leaf], kinds[bare.leaf] = language.own(bare.words), language.kinds[bare.words]
    upper = np.cumsum(language.parents, axis=2)
    upper[:, :, -1] = 1
    height = bare.heights[bare.inner]
    order = np.argsort(height, kind="stable")
    for level in np.split(order, np.flatnonzero(np.diff(height[order])) + 1):
        left, right = bare.below[level].T
        drawn = (chance[level, None] >= upper[labels[left], labels[right]]).sum(axis=1)
        forced = acted_on(labels[left], labels[right], (kinds[left], kinds[right]))
        labels[bare.inner[level]] = np.where(forced < 0, drawn, forced)
    return labels
