"""The binary Tree-LSTM, a loss at every labelled node, one update for 50 trees, SGD with sparse embedding gradients.

    node by node    a tree at a time: its leaves in one product, then inner node after inner node
    one at a time   a tree at a time: its leaves in one product, then its inner nodes level by level
    batched         the 50 trees of an update together, level by level

A level is a depth, counted from the root: all children of the inner nodes of one depth stand at the next, so every row
is moved once, from where it was made to where its parent reads it, and nothing is padded.
"""

from __future__ import annotations

from functools import partial

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from ampsim.workloads.treebank import Treebank
from benchmarks.peers.forest import Forest, by_depth, one_tree
from benchmarks.peers.measure import Arrays, Plan, Update, Way, throughput
from benchmarks.peers.mlp import nll

FORMS = ("node by node", "one at a time", "batched")
RATE = 0.05


class TreeLstm(nn.Module):
    """Gates of a leaf: i, o, u; of an inner node: i, o, f_l, f_r, u. ``scale`` multiplies the sum of all losses."""

    def __init__(self, words: int, width: int, hidden: int, classes: int, scale: float) -> None:
        super().__init__()
        self.hidden, self.scale = hidden, scale
        self.embed = nn.Embedding(words, width, sparse=True)
        self.leaf = nn.Linear(width, 3 * hidden)
        self.branch = nn.Linear(2 * hidden, 5 * hidden)
        self.classify = nn.Linear(hidden, classes)

    def leaves(self, words: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        gates, u = self.leaf(self.embed(words)).split((2 * self.hidden, self.hidden), 1)
        i, o = gates.sigmoid().chunk(2, 1)
        c = i * u.tanh()
        return o * c.tanh(), c

    def inner(self, h: torch.Tensor, c: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """``h`` and ``c`` (rows, 2 * hidden) of the two children of each row."""
        gates, u = self.branch(h).split((4 * self.hidden, self.hidden), 1)
        i, o, f_left, f_right = gates.sigmoid().chunk(4, 1)
        left, right = c.chunk(2, 1)
        c = (i * u.tanh()).addcmul(f_left, left).addcmul(f_right, right)
        return o * c.tanh(), c

    def forward(self, forest: Forest) -> torch.Tensor:
        made = self.by_node(forest) if forest.pairs else self.by_level(forest)
        return self.scale * functional.cross_entropy(
            self.classify(made), forest.labels, ignore_index=-1, reduction="sum"
        )

    def by_level(self, forest: Forest) -> torch.Tensor:
        h_leaf, c_leaf = self.leaves(forest.words)
        h_leaves, c_leaves = h_leaf.split(forest.leaves), c_leaf.split(forest.leaves)
        found = [h_leaf]
        h, c = h_leaves[0], c_leaves[0]
        for level, order in enumerate(forest.orders, 1):
            h = h.index_select(0, order).view(-1, 2 * self.hidden)
            c = c.index_select(0, order).view(-1, 2 * self.hidden)
            h, c = self.inner(h, c)
            found.append(h)
            if forest.leaves[level]:
                h, c = torch.cat((h, h_leaves[level])), torch.cat((c, c_leaves[level]))
        return torch.cat(found)

    def by_node(self, forest: Forest) -> torch.Tensor:
        h_leaf, c_leaf = self.leaves(forest.words)
        h, c = list(h_leaf.split(1)), list(c_leaf.split(1))
        for left, right in forest.pairs:
            made = self.inner(torch.cat((h[left], h[right]), 1), torch.cat((c[left], c[right]), 1))
            h.append(made[0])
            c.append(made[1])
        return torch.cat(h)


def make(
    arrays: Arrays,
    form: str,
    batch: int = 50,
    words: int = 19_500,
    width: int = 300,
    hidden: int = 150,
    classes: int = 5,
) -> Plan:
    """``words``, ``labels``, ``children`` and ``offsets`` as in :class:`ampsim.workloads.treebank.Treebank`."""
    torch.manual_seed(0)
    bank = Treebank(**arrays)
    together = batch if form == "batched" else 1
    lay = one_tree if form == "node by node" else by_depth
    updates = []
    for start in range(0, len(bank) - batch + 1, batch):
        parts = [lay(bank.part(first, first + together)) for first in range(start, start + batch, together)]
        updates.append(Update(parts, batch))
    model = TreeLstm(words, width, hidden, classes, 1 / batch)
    optimizer = partial(torch.optim.SGD, lr=RATE)
    return Plan(model, updates, optimizer, partial(expected, bank.part(0, batch)))


def expected(bank: Treebank, parameters: Arrays) -> float:
    """The mean over trees of the sum of a tree's losses, node after node."""
    total = 0.0
    for tree in (bank.part(number, number + 1) for number in range(len(bank))):
        h, c = [], []
        for word in tree.words:
            sums = parameters["leaf.weight"] @ parameters["embed.weight"][word] + parameters["leaf.bias"]
            i, o, u = np.split(sums, 3)
            c.append(sigmoid(i) * np.tanh(u))
            h.append(sigmoid(o) * np.tanh(c[-1]))
        for left, right in tree.children:
            sums = parameters["branch.weight"] @ np.concatenate([h[left], h[right]]) + parameters["branch.bias"]
            i, o, f_left, f_right, u = np.split(sums, 5)
            c.append(sigmoid(i) * np.tanh(u) + sigmoid(f_left) * c[left] + sigmoid(f_right) * c[right])
            h.append(sigmoid(o) * np.tanh(c[-1]))
        labelled = tree.labels >= 0
        scores = np.stack(h)[labelled] @ parameters["classify.weight"].T + parameters["classify.bias"]
        total += nll(scores, tree.labels[labelled]) * labelled.sum()
    return total / len(bank)


def sigmoid(x: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-x))."""
    return 1 / (1 + np.exp(-x))


def train_throughput(arrays: Arrays, form: str, way: Way, **sizes: int) -> float:
    """Trees per second."""
    return throughput(make, arrays, way, form=form, **sizes)
