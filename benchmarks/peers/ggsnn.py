"""Deduction (bAbI 15): a gated graph network of hidden size 5, two steps, one update for 100 graphs, Adam."""

from __future__ import annotations

from functools import partial

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from ampsim.workloads.graphs import Drawn
from benchmarks.peers.graphs import Propagate, Union, propagated, unions
from benchmarks.peers.measure import Arrays, Plan, Update, Way, throughput
from benchmarks.peers.mlp import nll

# Name of the form: how messages are computed, and whether the graphs of an update are computed together.
FORMS = {
    "one at a time": ("nodes", False),
    "one at a time dense": ("dense", False),
    "batched": ("nodes", True),
    "dense": ("dense", True),
}
RATE = 0.01
TYPES = 2


class Deduction(nn.Module):
    """Scores every node; ``scale`` multiplies the sum of all losses. All graphs have equally many nodes."""

    def __init__(self, hidden: int, steps: int, form: str, scale: float) -> None:
        super().__init__()
        self.scale = scale
        self.propagate = Propagate(hidden, TYPES, steps, form)
        self.score = nn.Linear(hidden, 1)

    def forward(self, batch: tuple[torch.Tensor, Union]) -> torch.Tensor:
        h0, union = batch
        scores = self.score(self.propagate(h0, union)).view(union.graphs, -1)
        return self.scale * functional.cross_entropy(scores, union.answers, reduction="sum")


def start(nodes: torch.Tensor, hidden: int) -> torch.Tensor:
    """The mark of a node in column 0, zero elsewhere."""
    return functional.pad(nodes[:, None].float(), (0, hidden - 1))


def make(arrays: Arrays, form: str, batch: int = 100, hidden: int = 5, steps: int = 2) -> Plan:
    """The fields of :class:`ampsim.workloads.graphs.Drawn`."""
    torch.manual_seed(0)
    messages, together = FORMS[form]
    drawn = Drawn(**arrays)
    cut = [(start(union.nodes, hidden), union) for union in parts(drawn, batch if together else 1, messages)]
    each = 1 if together else batch
    updates = [Update(cut[at : at + each], batch) for at in range(0, len(cut) - each + 1, each)]
    model = Deduction(hidden, steps, messages, 1 / batch)
    first = unions(drawn.take(np.arange(batch)), batch, TYPES)[0]
    return Plan(model, updates, partial(torch.optim.Adam, lr=RATE, fused=True), partial(expected, first, hidden, steps))


def parts(drawn: Drawn, batch: int, messages: str) -> list[Union]:
    """Whole minibatches."""
    whole = len(drawn) // batch * batch
    return unions(drawn.take(np.arange(whole)), batch, TYPES, dense=messages == "dense")


def expected(union: Union, hidden: int, steps: int, parameters: Arrays) -> float:
    """The mean loss of some graphs."""
    h = propagated(start(union.nodes, hidden).double().numpy(), union, steps, parameters)
    scores = h @ parameters["score.weight"].T + parameters["score.bias"]
    return nll(scores.reshape(union.graphs, -1), union.answers.numpy())


def train_throughput(arrays: Arrays, form: str, way: Way, **sizes: int) -> float:
    """Graphs per second."""
    return throughput(make, arrays, way, form=form, **sizes)
