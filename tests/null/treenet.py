"""A recursive Tree-LSTM in plain numpy, tree by tree and node by node, forward and backward by hand, in float64.

It shares nothing with the package but the data: no messages, no levels, one weight for each gate.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from ampsim.ir.message import Array

Weights = dict[str, Array]


class Tree(NamedTuple):
    """Words of the leaves, labels of all nodes, children of inner nodes as positions within the tree."""

    words: list[int]
    labels: list[int]
    children: list[list[int]]


def read(arrays: dict[str, Array], batch: int) -> list[list[Tree]]:
    """The minibatches of a data set, taken out of its flat arrays one tree after the other."""
    found, node, inner = [], 0, 0
    for begin, end in zip(arrays["offsets"][:-1].tolist(), arrays["offsets"][1:].tolist(), strict=True):
        size = end - begin
        words, labels = arrays["words"][begin:end], arrays["labels"][node : node + 2 * size - 1]
        found.append(Tree(words.tolist(), labels.tolist(), arrays["children"][inner : inner + size - 1].tolist()))
        node, inner = node + 2 * size - 1, inner + size - 1
    return [found[start : start + batch] for start in range(0, len(found), batch)]


def sigmoid(x: Array) -> Array:
    found: Array = 1 / (1 + np.exp(-x))
    return found


class Step:
    """Loss and gradients of one minibatch; the loss is the sum over labelled nodes, divided by the number ``batch``."""

    def __init__(self, weights: Weights, batch: int) -> None:
        self.w, self.batch = weights, batch
        self.hidden = weights["leaf/b"].shape[0] // 3
        self.grads = {name: np.zeros_like(value) for name, value in weights.items()}
        self.loss, self.scored, self.correct = 0.0, 0, 0

    def gate(self, cell: str, number: int) -> tuple[Array, Array]:
        """Weight and bias of one gate, as views: i, o, u of the leaf; i, f_left, f_right, o, u of the branch."""
        columns = slice(number * self.hidden, (number + 1) * self.hidden)
        return self.w[f"{cell}/W"][:, columns], self.w[f"{cell}/b"][columns]

    def learn(self, cell: str, number: int, x: Array, d: Array) -> Array:
        """Gradients of one gate from that of its sum; the gradient of its input."""
        columns = slice(number * self.hidden, (number + 1) * self.hidden)
        self.grads[f"{cell}/W"][:, columns] += np.outer(x, d)
        self.grads[f"{cell}/b"][columns] += d
        return self.gate(cell, number)[0] @ d

    def visit(self, tree: Tree, node: int) -> tuple[Array, Array, Any]:
        """Outputs h and c of a node, and a function that takes their gradients from above."""
        if node < len(tree.words):
            h, c, down = self.leaf(tree.words[node])
        else:
            h, c, down = self.branch(tree, *tree.children[node - len(tree.words)])
        own = self.score(h, tree.labels[node])

        def back(dh: Array, dc: Array) -> None:
            down(dh + own, dc)

        return h, c, back

    def score(self, h: Array, label: int) -> Array:
        """The gradient by h of what the classifier loses at one node."""
        if label < 0:
            return np.zeros_like(h)
        z = h @ self.w["classify/W"] + self.w["classify/b"]
        p = np.exp(z - z.max())
        p /= p.sum()
        self.loss -= float(np.log(p[label]))
        self.scored += 1
        self.correct += int(p.argmax() == label)
        d = (p - np.eye(len(p))[label]) / self.batch
        self.grads["classify/W"] += np.outer(h, d)
        self.grads["classify/b"] += d
        found: Array = self.w["classify/W"] @ d
        return found

    def leaf(self, word: int) -> tuple[Array, Array, Any]:
        x = self.w["embed/table"][word]
        i, o, u = (x @ weight + bias for weight, bias in (self.gate("leaf", k) for k in range(3)))
        i, o, u = sigmoid(i), sigmoid(o), np.tanh(u)
        c = i * u
        h = o * np.tanh(c)

        def back(dh: Array, dc: Array) -> None:
            dc = dc + dh * o * (1 - np.tanh(c) ** 2)
            sums = (dc * u * i * (1 - i), dh * np.tanh(c) * o * (1 - o), dc * i * (1 - u * u))
            self.grads["embed/table"][word] += sum(self.learn("leaf", k, x, d) for k, d in enumerate(sums))

        return h, c, back

    def branch(self, tree: Tree, left: int, right: int) -> tuple[Array, Array, Any]:
        (hl, cl, back_left), (hr, cr, back_right) = self.visit(tree, left), self.visit(tree, right)
        x = np.concatenate([hl, hr])
        i, fl, fr, o, u = (x @ weight + bias for weight, bias in (self.gate("branch", k) for k in range(5)))
        i, fl, fr, o, u = sigmoid(i), sigmoid(fl), sigmoid(fr), sigmoid(o), np.tanh(u)
        c = i * u + fl * cl + fr * cr
        h = o * np.tanh(c)

        def back(dh: Array, dc: Array) -> None:
            dc = dc + dh * o * (1 - np.tanh(c) ** 2)
            sums = (
                dc * u * i * (1 - i),
                dc * cl * fl * (1 - fl),
                dc * cr * fr * (1 - fr),
                dh * np.tanh(c) * o * (1 - o),
                dc * i * (1 - u * u),
            )
            dx = sum(self.learn("branch", k, x, d) for k, d in enumerate(sums))
            assert isinstance(dx, np.ndarray)
            back_left(dx[: self.hidden], dc * fl)
            back_right(dx[self.hidden :], dc * fr)

        return h, c, back

    def run(self, trees: list[Tree]) -> Step:
        """All trees of the minibatch, from their roots."""
        for tree in trees:
            nothing = np.zeros(self.hidden)
            *_, back = self.visit(tree, 2 * len(tree.words) - 2)
            back(nothing, nothing)
        return self


def sgd(minibatches: Iterator[list[Tree]], weights: Weights, batch: int, rate: float) -> Iterator[Step]:
    """Plain SGD, in place; what each minibatch gave."""
    for trees in minibatches:
        step = Step(weights, batch).run(trees)
        for name, value in weights.items():
            value -= rate * step.grads[name]
        yield step
