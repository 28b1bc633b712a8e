"""Molecules (QM9): a gated graph network, four types of edges, four steps, one update a minibatch, Adam, L1 loss."""

from __future__ import annotations

from functools import partial

import numpy as np
import torch
from torch import nn

from ampsim.workloads.graphs import Drawn
from benchmarks.peers.graphs import Propagate, Union, propagated, sigmoid, unions
from benchmarks.peers.measure import Arrays, Plan, Update, Way, throughput

# Name of the form: how messages are computed, and whether the molecules of an update are computed together.
FORMS = {"one at a time": ("edges", False), "batched": ("edges", True), "dense": ("dense", True)}
RATE = 1e-3
TYPES, ELEMENTS = 4, 5


class Dipole(nn.Module):
    """One number a molecule; ``scale`` multiplies the sum of all errors."""

    def __init__(self, hidden: int, steps: int, form: str, scale: float) -> None:
        super().__init__()
        self.scale = scale
        self.embed = nn.Embedding(ELEMENTS, hidden)
        self.propagate = Propagate(hidden, TYPES, steps, form)
        self.readout = nn.Linear(hidden, 2)

    def forward(self, union: Union) -> torch.Tensor:
        h = self.propagate(self.embed(union.nodes), union)
        gate, value = self.readout(h).unbind(1)
        atoms = gate.sigmoid() * value
        if union.present is None:
            found = torch.zeros_like(union.answers).index_add_(0, union.graph, atoms)
        else:
            found = (atoms.view_as(union.present) * union.present).sum(1)
        return self.scale * (found - union.answers).abs().sum()


def make(arrays: Arrays, form: str, batch: int = 20, hidden: int = 100, steps: int = 4, messages: str = "") -> Plan:
    """The fields of :class:`ampsim.workloads.graphs.Drawn`; answers are float32."""
    torch.manual_seed(0)
    usual, together = FORMS[form]
    messages = messages or usual
    drawn = Drawn(**arrays)
    drawn = drawn.take(np.arange(len(drawn) // batch * batch))
    cut = unions(drawn, batch if together else 1, TYPES, dense=messages == "dense")
    each = 1 if together else batch
    updates = [Update(cut[at : at + each], batch) for at in range(0, len(cut), each)]
    model = Dipole(hidden, steps, messages, 1 / batch)
    first = unions(drawn.take(np.arange(batch)), batch, TYPES)[0]
    return Plan(model, updates, partial(torch.optim.Adam, lr=RATE, fused=True), partial(expected, first, steps))


def expected(union: Union, steps: int, parameters: Arrays) -> float:
    """The mean error of some molecules."""
    h = propagated(parameters["embed.weight"][union.nodes.numpy()], union, steps, parameters)
    gate, value = (h @ parameters["readout.weight"].T + parameters["readout.bias"]).T
    found = np.bincount(union.graph.numpy(), sigmoid(gate) * value, union.graphs)
    return float(np.abs(found - union.answers.numpy()).mean())


def train_throughput(arrays: Arrays, form: str, way: Way, **sizes: int) -> float:
    """Molecules per second."""
    return throughput(make, arrays, way, form=form, **sizes)
