"""Graphs of a minibatch, and messages between their nodes in three forms that compute the same.

edges     one product a type with a row for each edge, gathered from its source; then added up at its target
nodes     one product for all types with a row for each node; its results gathered and added up along the edges
dense     the same product; then a product with the adjacency matrix of each graph, padded to the largest
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from ampsim.workloads.graphs import Drawn, cut
from benchmarks.peers.measure import Arrays


@dataclass(frozen=True)
class Union:
    """``graphs`` graphs: ``nodes`` (r,), ``graph`` of each node, and the ``answers``.

    Edges are sorted by type, ``counts`` of each; ``source`` and ``target`` are node numbers, ``product`` is
    source * types + type. Dense: ``adjacency`` (graphs, n, n * types) and ``present`` (graphs, n), 1 where a node is;
    r is then graphs * n.
    """

    graphs: int
    nodes: torch.Tensor
    graph: torch.Tensor
    answers: torch.Tensor
    counts: list[int]
    source: torch.Tensor
    target: torch.Tensor
    product: torch.Tensor
    adjacency: torch.Tensor | None = None
    present: torch.Tensor | None = None


def unions(drawn: Drawn, batch: int, types: int, *, dense: bool = False) -> list[Union]:
    """Minibatches of ``batch`` graphs, the last one perhaps smaller."""
    arrays = cut(drawn, batch, types=types, steps=1).arrays
    found = []
    for number in range(len(arrays["graphs"]) - 1):
        first, last = arrays["rows"][number : number + 2]
        bounds = arrays["edges"][number * types : (number + 1) * types + 1]
        source, target = (arrays[name][bounds[0] : bounds[-1]] for name in ("source", "target"))
        kind = np.repeat(np.arange(types), np.diff(bounds))
        nodes, graph = arrays["nodes"][first:last], arrays["graph"][first:last]
        answers = arrays["answers"][slice(*arrays["graphs"][number : number + 2])]
        adjacency = present = None
        if dense:
            place, present = padded(graph, len(answers))
            n = present.shape[1]
            adjacency = np.zeros((len(answers), n, n * types), np.float32)
            np.add.at(adjacency, (graph[target], place[target] % n, place[source] % n * types + kind), 1)
            nodes = np.bincount(place, nodes, present.size).astype(np.int64)
            adjacency, present = torch.tensor(adjacency), torch.tensor(present)
        index = [torch.tensor(values) for values in (nodes, graph, answers)]
        edges = [torch.tensor(values) for values in (source, target, source * types + kind)]
        found.append(Union(len(answers), *index, np.diff(bounds).tolist(), *edges, adjacency, present))
    return found


def padded(graph: np.ndarray, graphs: int) -> tuple[np.ndarray, np.ndarray]:
    """Where each node stands when all graphs have as many nodes as the largest; and 1.0 where a node is."""
    sizes = np.bincount(graph, minlength=graphs)
    widest = sizes.max()
    place = graph * widest + np.arange(len(graph)) - (np.cumsum(sizes) - sizes)[graph]
    return place, (np.arange(widest) < sizes[:, None]).astype(np.float32)


class Propagate(nn.Module):
    """``steps`` times: a Linear a type of edge, sums at the targets, a gated recurrent unit at every node."""

    def __init__(self, hidden: int, types: int, steps: int, form: str) -> None:
        super().__init__()
        self.hidden, self.types, self.steps, self.form = hidden, types, steps, form
        products = types if form == "edges" else 1
        self.edges = nn.ModuleList(nn.Linear(hidden, types // products * hidden) for _ in range(products))
        self.gru = nn.GRUCell(hidden, hidden)

    def forward(self, h: torch.Tensor, union: Union) -> torch.Tensor:
        messages = {"edges": self.by_edge, "nodes": self.by_node, "dense": self.by_matrix}[self.form]
        gru = self.gru
        for _ in range(self.steps):
            m = messages(h, union)
            h = torch.gru_cell(m, h, gru.weight_ih, gru.weight_hh, gru.bias_ih, gru.bias_hh)
        return h

    def by_edge(self, h: torch.Tensor, union: Union) -> torch.Tensor:
        rows = h.index_select(0, union.source).split(union.counts)
        made = [linear(each) for linear, each in zip(self.edges, rows, strict=True) if len(each)]
        return torch.zeros_like(h).index_add_(0, union.target, torch.cat(made))

    def by_node(self, h: torch.Tensor, union: Union) -> torch.Tensor:
        made = self.edges[0](h).view(-1, self.hidden).index_select(0, union.product)
        return torch.zeros_like(h).index_add_(0, union.target, made)

    def by_matrix(self, h: torch.Tensor, union: Union) -> torch.Tensor:
        made = self.edges[0](h).view(union.graphs, -1, self.hidden)
        return torch.bmm(union.adjacency, made).view_as(h)


def propagated(h: np.ndarray, union: Union, steps: int, parameters: Arrays) -> np.ndarray:
    """The same in plain numpy, edge after edge."""
    types = len(union.counts)
    weights, biases = (
        np.concatenate([value for name, value in parameters.items() if "edges" in name and name.endswith(end)])
        for end in ("weight", "bias")
    )
    weights, biases = weights.reshape(types, -1, h.shape[1]), biases.reshape(types, -1)
    kinds = np.repeat(np.arange(types), union.counts)
    for _ in range(steps):
        m = np.zeros_like(h)
        for kind, source, target in zip(kinds, union.source.tolist(), union.target.tolist(), strict=True):
            m[target] += weights[kind] @ h[source] + biases[kind]
        gates = [
            np.split(x @ parameters[f"propagate.gru.weight_{end}"].T + parameters[f"propagate.gru.bias_{end}"], 3, 1)
            for x, end in ((m, "ih"), (h, "hh"))
        ]
        r, z = (sigmoid(mine + old) for mine, old in zip(gates[0][:2], gates[1][:2], strict=True))
        h = (1 - z) * np.tanh(gates[0][2] + r * gates[1][2]) + z * h
    return h


def sigmoid(x: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-x))."""
    return 1 / (1 + np.exp(-x))
