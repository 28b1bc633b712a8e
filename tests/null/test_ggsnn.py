"""Both graph networks against a dense one in numpy that knows nothing of messages.

The dense form multiplies, in each step, the states of all nodes of a graph, laid side by side as one row, by one matrix
of (nodes * hidden, 2 * nodes * hidden): a block for each pair of nodes and each direction of an edge, zero wherever
there is none. It is what frameworks do that cannot use sparsity, and is built here edge by edge.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import pytest

from ampsim.engine.null import NullBackend
from ampsim.engine.optimizer import SGD
from ampsim.engine.plan import Plan
from ampsim.engine.schedule import Schedule
from ampsim.ir.message import Array
from ampsim.ir.verify import verify
from ampsim.job import Job
from ampsim.result.run import Run
from ampsim.workloads.ggsnn_babi15 import ggsnn_babi15
from ampsim.workloads.ggsnn_qm9 import ggsnn_qm9
from ampsim.workloads.graphs import Graphs

RATE = 0.02
Weights = dict[str, Array]


class Graph(NamedTuple):
    """One graph, taken out of its minibatch."""

    nodes: Array
    edges: list[tuple[int, int, int]]  # source, target, type
    answer: Any


def graphs_of(data: Graphs, index: int) -> list[Graph]:
    """The graphs of a minibatch, from the flat arrays."""
    a, types = data.arrays, int(data.options["types"])
    owner = a["graph"][a["rows"][index] : a["rows"][index + 1]]
    nodes = a["nodes"][a["rows"][index] : a["rows"][index + 1]]
    found = []
    for number in range(data.rows(index)):
        own = np.flatnonzero(owner == number)
        edges = []
        for kind in range(types):
            part = slice(a["edges"][index * types + kind], a["edges"][index * types + kind + 1])
            for source, target in zip(a["source"][part].tolist(), a["target"][part].tolist(), strict=True):
                if source in own:
                    edges.append((source - int(own[0]), target - int(own[0]), kind))
        found.append(Graph(nodes[own], edges, a["answers"][a["graphs"][index] + number]))
    return found


def sigmoid(x: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-x)))


class Dense:
    """Gated graph network of one graph: forward, and backward by hand, in float64."""

    def __init__(self, weights: Weights, graph: Graph, types: int, steps: int) -> None:
        self.w, self.graph, self.types, self.steps = weights, graph, types, steps
        self.n, self.hidden = len(graph.nodes), weights["gru/U"].shape[0]
        self.grads = {name: np.zeros_like(value) for name, value in weights.items()}
        self.tape: list[tuple[Array, ...]] = []

    def big(self) -> tuple[Array, Array]:
        """The block matrix (N H, 2 N H) and its constant row: column blocks are targets, forward edges then backward.

        A type's weights stand in the left half if its edge leads to a higher number, in the right half otherwise.
        """
        n, h = self.n, self.hidden
        matrix, constant = np.zeros((n * h, 2 * n * h)), np.zeros(2 * n * h)
        for source, target, kind in self.graph.edges:
            at = (0 if target > source else n * h) + target * h
            matrix[source * h : (source + 1) * h, at : at + h] += self.w[f"type{kind}/W"]
            constant[at : at + h] += self.w[f"type{kind}/b"]
        return matrix, constant

    def forward(self, h: Array) -> Array:
        n, hidden, w = self.n, self.hidden, self.w
        matrix, constant = self.big()
        names = ("n", "r", "z")
        into = dict(zip(names, np.split(w["gru/W"], 3, axis=1), strict=True))
        keep = dict(zip(("r", "z", "n"), np.split(w["gru/U"], 3, axis=1), strict=True))
        bn, br, bz, c = np.split(w["gru/b"], 4)
        for _ in range(self.steps):
            both = (h.reshape(1, -1) @ matrix + constant).reshape(2, n, hidden)
            m = both[0] + both[1]
            r = sigmoid(m @ into["r"] + h @ keep["r"] + br)
            z = sigmoid(m @ into["z"] + h @ keep["z"] + bz)
            inner = h @ keep["n"] + c
            new = np.tanh(m @ into["n"] + bn + r * inner)
            self.tape.append((h, m, r, z, inner, new))
            h = (1 - z) * new + z * h
        return h

    def backward(self, dh: Array) -> Array:
        n, hidden, w, g = self.n, self.hidden, self.w, self.grads
        matrix, _ = self.big()
        into, keep = np.split(w["gru/W"], 3, axis=1), np.split(w["gru/U"], 3, axis=1)
        for h, m, r, z, inner, new in reversed(self.tape):
            an = dh * (1 - z) * (1 - new * new)
            az = dh * (h - new) * z * (1 - z)
            ar = an * inner * r * (1 - r)
            ai = an * r
            g["gru/W"] += np.concatenate([m.T @ an, m.T @ ar, m.T @ az], axis=1)
            g["gru/U"] += np.concatenate([h.T @ ar, h.T @ az, h.T @ ai], axis=1)
            g["gru/b"] += np.concatenate([a.sum(axis=0) for a in (an, ar, az, ai)])
            dm = an @ into[0].T + ar @ into[1].T + az @ into[2].T
            wide = np.concatenate([dm.reshape(1, -1)] * 2, axis=1)  # both halves are added up
            dbig = h.reshape(-1, 1) @ wide
            dh = dh * z + ar @ keep[0].T + az @ keep[1].T + ai @ keep[2].T + (wide @ matrix.T).reshape(n, hidden)
            for source, target, kind in self.graph.edges:
                at = (0 if target > source else n * hidden) + target * hidden
                g[f"type{kind}/W"] += dbig[source * hidden : (source + 1) * hidden, at : at + hidden]
                g[f"type{kind}/b"] += wide[0, at : at + hidden]
        return dh


def babi(weights: Weights, graph: Graph, steps: int) -> tuple[float, Weights]:
    net = Dense(weights, graph, 2, steps)
    h0 = np.zeros((net.n, net.hidden))
    h0[:, 0] = graph.nodes
    h = net.forward(h0)
    scores = (h @ weights["score/W"] + weights["score/b"])[:, 0]
    p = np.exp(scores - scores.max())
    p /= p.sum()
    d = p - np.eye(net.n)[graph.answer]
    net.grads["score/W"] += h.T @ d[:, None]
    net.grads["score/b"] += d.sum(keepdims=True)
    net.backward(d[:, None] @ weights["score/W"].T)
    return float(-np.log(p[graph.answer])), net.grads


def qm9(weights: Weights, graph: Graph, steps: int) -> tuple[float, Weights]:
    net = Dense(weights, graph, 4, steps)
    h = net.forward(weights["embed/table"][graph.nodes])
    gate, value = (h @ weights["readout/W"] + weights["readout/b"]).T
    s = sigmoid(gate)
    error = float((s * value).sum() - graph.answer)
    d = np.stack([np.sign(error) * value * s * (1 - s), np.sign(error) * s], axis=1)
    net.grads["readout/W"] += h.T @ d
    net.grads["readout/b"] += d.sum(axis=0)
    np.add.at(net.grads["embed/table"], graph.nodes, net.backward(d @ weights["readout/W"].T))
    return abs(error), net.grads


Model = Callable[[Weights, Graph, int], tuple[float, Weights]]


def minibatch(model: Model, weights: Weights, graphs: list[Graph], steps: int) -> tuple[float, Weights]:
    """Mean loss over the graphs and its gradient."""
    found = [model(weights, graph, steps) for graph in graphs]
    mean = {name: np.mean([grads[name] for _, grads in found], axis=0) for name in weights}
    return float(np.mean([loss for loss, _ in found])), mean


def small_babi(**options: Any) -> Job:
    return ggsnn_babi15(kinds=4, persons=4, **{"questions": 20, "validation": 4, "batch": 1, **options})


def small_qm9(**options: Any) -> Job:
    return ggsnn_qm9(data="generated", hidden=6, steps=3, **{"training": 20, "validation": 4, "batch": 1, **options})


def jobs() -> Iterator[tuple[str, Callable[..., Job], Model]]:
    yield "babi", small_babi, babi
    yield "qm9", small_qm9, qm9


MODELS = pytest.mark.parametrize("make, model", [row[1:] for row in jobs()], ids=[row[0] for row in jobs()])
PLAIN: dict[str, Any] = {
    "epochs": 1,
    "max_active_keys": 1,
    "optimizer": SGD(RATE),
    "update": "instance",
    "gradient": "sum",
    "target": None,
    "validate_every": None,
}


def sgd(job: Job, model: Model, initial: Weights) -> tuple[list[float], Weights]:
    """Losses in order and the weights at the end, in float64."""
    data = job.data.load()
    schedule = Schedule(*data, job.training.epochs, seed=job.training.seed)
    weights = {name: value.astype(np.float64) for name, value in initial.items()}
    losses = []
    for segment in schedule.segments():
        for n in range(segment.start, segment.stop) if segment.training else ():
            graphs = graphs_of(data.training, schedule.entry(n).index)  # type: ignore[arg-type]
            loss, grads = minibatch(model, weights, graphs, data.training.options["steps"])
            losses.append(loss)
            for name, value in weights.items():
                value -= RATE * grads[name]
    return losses, weights


def assert_equal(run: Run, losses: list[float], weights: Weights) -> None:
    metrics = run.tables["metrics"]
    np.testing.assert_allclose(metrics["loss"][metrics["training"]], losses, rtol=1e-4)
    assert run.final.keys() == weights.keys()
    for name, value in weights.items():
        np.testing.assert_allclose(run.final[name], value, rtol=1e-4, atol=1e-5, err_msg=name)
        assert name.endswith("/b") or np.abs(value - run.initial[name]).max() > 1e-4, f"{name} did not move"


@MODELS
@pytest.mark.parametrize("batch, workers, max_batch", [(1, 1, 1), (1, 3, 8), (5, 1, 1), (5, 2, 8), (7, 4, 3)])
def test_grouped_equals_dense(make: Callable[..., Job], model: Model, batch: int, workers: int, max_batch: int) -> None:
    """20 graphs, plain SGD: losses and all weights, whatever the minibatch, the placement and the coalescing."""
    job = make(batch=batch).with_training(max_batch=max_batch, **PLAIN)
    run = NullBackend().execute(Plan(job, workers))
    assert_equal(run, *sgd(job, model, run.initial))


@MODELS
def test_the_dense_network_itself_is_right(make: Callable[..., Job], model: Model) -> None:
    """By finite differences, so that no error is shared with the nodes."""
    job = make()
    weights = {n: v.astype(np.float64) for n, v in NullBackend().execute(Plan(job, 1)).initial.items()}
    data: Any = job.data.load().training
    (graph,) = graphs_of(data, 0)
    _, grads = model(weights, graph, 3)
    random = np.random.default_rng(0)
    for name, value in weights.items():
        along = random.standard_normal(value.shape)
        value += 1e-6 * along
        high, _ = model(weights, graph, 3)
        value -= 2e-6 * along
        low, _ = model(weights, graph, 3)
        value += 1e-6 * along
        np.testing.assert_allclose((high - low) / 2e-6, (grads[name] * along).sum(), rtol=1e-4, atol=1e-7)


@MODELS
def test_five_instances_of_one_are_one_of_five(make: Callable[..., Job], model: Model) -> None:
    """With one update at the end: the gradient of each update is a mean over all graphs either way."""
    settings = {**PLAIN, "update": "muf", "gradient": "mean", "min_update_frequency": 10**6, "shuffle": False}
    few = make(batch=5).with_training(max_batch=1, **settings)
    many = make(batch=1).with_training(**{**settings, "max_active_keys": 5, "max_batch": 64})
    runs = [NullBackend().execute(Plan(job, 2)) for job in (few, many)]
    for name, value in runs[0].final.items():
        np.testing.assert_allclose(runs[1].final[name], value, rtol=1e-4, atol=1e-6, err_msg=name)
    one, other = (run.summary["epochs"][0] for run in runs)
    assert one["train_loss"] == pytest.approx(other["train_loss"], rel=1e-5)
    assert one["validation_loss"] == pytest.approx(other["validation_loss"], rel=1e-5)


@MODELS
def test_coalescing_joins_messages_of_many_instances(make: Callable[..., Job], model: Model) -> None:
    """One product for edges of one type of several instances in flight: fewer tasks, the same messages and bytes."""
    settings = {**PLAIN, "max_active_keys": 20}
    alone, joined = (NullBackend().execute(Plan(make().with_training(**settings, max_batch=n), 2)) for n in (1, 64))
    assert len(joined.tables["tasks"]["kind"]) < 0.5 * len(alone.tables["tasks"]["kind"])
    for name, column in alone.tables["edges"].items():
        np.testing.assert_array_equal(joined.tables["edges"][name], column)


@MODELS
def test_flop_are_those_of_the_edges_that_there_are(make: Callable[..., Job], model: Model) -> None:
    """Products forward: 2 h² an edge and step, 12 h² a node and step; as many to the inputs and to the weights."""
    job = make(validation=0).with_training(**PLAIN)
    run = NullBackend().execute(Plan(job, 1))
    data: Any = job.data.load().training
    h, steps = run.initial["gru/U"].shape[0], data.options["steps"]
    nodes, edges = len(data.arrays["nodes"]), len(data.arrays["source"])
    outputs = run.initial["score/W"].shape[1] if "score/W" in run.initial else run.initial["readout/W"].shape[1]
    once = steps * (2 * edges * h * h + 12 * nodes * h * h) + 2 * nodes * h * outputs
    # Nothing goes back along the edges of the first step where nobody wants it: features have no gradient.
    spared = 0 if "embed/table" in run.initial else 2 * edges * h * h + 12 * nodes * h * h
    assert 3 * once - spared <= run.summary["matmul"] <= 3 * once


@MODELS
def test_the_graphs_are_legal_and_go_through_json(make: Callable[..., Job], model: Model) -> None:
    job = make()
    verify(job.graph, job.data.load().training)
    assert Job.from_dict(job.to_dict()).hash == job.hash


@pytest.mark.parametrize("max_active_keys", [1, 4])
def test_deduction_is_learnt_without_an_error(max_active_keys: int) -> None:
    """54 nodes, hidden 5, two steps, fresh graphs: every validation question is answered."""
    for seed in range(3):
        job = ggsnn_babi15(questions=2000, validation=200, seed=seed)
        job = job.with_training(max_active_keys=max_active_keys, seed=seed)
        run = NullBackend().execute(Plan(job, 2))
        assert run.summary["epochs"][-1]["validation_accuracy"] == 1.0
        assert run.summary["time_to_target"] is not None


def test_a_dipole_norm_is_learnt() -> None:
    """Far better than the best constant, on molecules never seen."""
    job = ggsnn_qm9(data="generated", training=600, validation=200, hidden=24, batch=10).with_training(epochs=4)
    run = NullBackend().execute(Plan(job, 2))
    answers: Any = job.data.load().validation
    constant = np.abs(answers.arrays["answers"] - np.median(answers.arrays["answers"])).mean()
    assert run.summary["epochs"][-1]["validation_loss"] < 0.75 * constant
