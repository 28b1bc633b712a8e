"""Staleness of an asynchronous pipeline: how many updates a stage makes between an instance's two passes.

A real chain of p layers, one a chip, an update after every gradient. With as many instances in flight as stages
(mak = p), stage s works on p - s of them at a time: tau_s = p - 1 - s. One in flight is sequential SGD, to the bit.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ampsim import testing
from ampsim.engine.optimizer import SGD
from ampsim.engine.plan import Plan
from ampsim.engine.schedule import Schedule
from ampsim.hw import load
from ampsim.hw.backend import SimBackend
from ampsim.ir.message import Array
from ampsim.ir.nodes import Loss, Parameterised, Transform
from ampsim.job import Job
from ampsim.result.run import Run
from tests.sim.chains import MS, chain_job, chain_system, one_forward_one_backward, schedule, simulate


def staleness(run: Run, stages: int) -> list[list[int]]:
    """Staleness of every update of each stage, in order."""
    updates = run.tables["updates"]
    numbers = [run.summary["nodes"].index(f"L{stage}") for stage in range(stages)]
    return [updates["staleness_max"][updates["node"] == number].tolist() for number in numbers]


def greedy(stages: int, mak: int, backward: float = 1, instances: int = 60) -> list[list[int]]:
    """The staleness of an equal pipeline, F = 1 ms and B = ``backward`` ms, in the simulator's own order."""
    job = chain_job(stages, instances, max_active_keys=mak, min_update_frequency=1)
    return staleness(simulate(job, chain_system([(MS, backward * MS)] * stages), stages), stages)


@pytest.mark.parametrize("backward", [1, 2])
@pytest.mark.parametrize("mak, steady", [(1, [0, 0, 0, 0]), (4, [3, 2, 1, 0])])
def test_25_as_many_in_flight_as_stages(mak: int, steady: list[int], backward: int) -> None:
    """For p = 4, mak = 4: 3, 2, 1, 0; mak = 1: 0."""
    assert [ages[20:] for ages in greedy(4, mak, backward)] == [[age] * 40 for age in steady]


@settings(max_examples=10)
@given(st.integers(1, 7), st.sampled_from([1, 2, 3]))
def test_25_any_depth(stages: int, backward: int) -> None:
    """With mak = p: tau_s = p - 1 - s."""
    found = greedy(stages, stages, backward, 20 + 3 * stages)
    assert [ages[2 * stages : -stages] for ages in found] == [[stages - 1 - s] * 20 for s in range(stages)]


@settings(max_examples=8)
@given(st.integers(1, 6), st.integers(1, 12))
def test_25_capped_by_the_order(stages: int, more: int) -> None:
    """1F1B keeps at most p - s in flight at stage s, whatever mak is: tau_s = p - 1 - s."""
    instances = stages + more
    job = chain_job(stages, instances, max_active_keys=instances, min_update_frequency=1)
    order = schedule(job, one_forward_one_backward(stages, instances))
    for s, tasks in order.items():  # an update after every backward pass
        update = tasks.pop()
        order[s] = [planned for task in tasks for planned in ([task, update] if task.kind == "backward" else [task])]
    found = staleness(simulate(job, chain_system([(MS, MS)] * stages), stages, order=order), stages)
    for s, ages in enumerate(found):
        assert ages == [min(i, stages - 1 - s) for i in range(instances)]


@pytest.mark.parametrize("mak, backward, steady", [(8, 1, [6, 4, 2, 0]), (12, 2, [9, 6, 3, 0])])
def test_25_more_in_flight_than_stages(mak: int, backward: int, steady: list[int]) -> None:
    """Backward first, p = 4: mak = 8, F = B: 6, 4, 2, 0; mak = 12, B = 2F: 9, 6, 3, 0."""
    found = [ages[50:80] for ages in greedy(4, mak, backward, 100)]
    assert found == [[age] * 30 for age in steady]


@settings(max_examples=12)
@given(
    st.integers(1, 9),
    st.lists(st.tuples(st.integers(1, 5), st.integers(1, 5)), min_size=1, max_size=5),
    st.integers(0, 2000),
)
def test_25_never_as_many_as_are_in_flight(mak: int, stages: list[tuple[int, int]], latency: int) -> None:
    """At most mak - 1, on unequal stages and over links that take time; the first stage sees the most of it."""
    job = chain_job(len(stages), 30, max_active_keys=mak, min_update_frequency=1)
    links = {"bandwidth": 1e8, "latency": latency * 1e-6}
    system = chain_system([(f * MS, b * MS) for f, b in stages], links=links)
    found = staleness(simulate(job, system, len(stages)), len(stages))
    assert [len(ages) for ages in found] == [30] * len(stages)
    assert max(max(ages) for ages in found) <= mak - 1
    assert all(sum(a) >= sum(b) for a, b in pairwise(found))


# -- one in flight: sequential SGD, to the bit -------------------------------------------------------------------------


def sequential(job: Job, initial: dict[str, Array], rate: float) -> dict[str, Array]:
    """A plain loop over a chain: all forward, all backward, one step of every layer, and the next instance."""
    layers = chain(job)
    (loss,) = (node for node in job.graph.nodes if isinstance(node, Loss))
    data, _ = job.data.load()
    order = Schedule(data, None, job.training.epochs, seed=job.training.seed)
    ppts = [node for node in layers if isinstance(node, Parameterised)]
    weights = {node.name: {k: initial[f"{node.name}/{k}"].copy() for k in node.parameters()} for node in ppts}
    for instance in range(order.total):
        index = order.entry(instance).index
        at, saved = data.payload("x", index), []
        for node in layers:
            at, kept = node.forward(at, weights.get(node.name, {}))
            saved.append(kept)
        gradient = loss.score(at, data.payload("labels", index), [len(at)]).gradient
        steps = {}
        for node, kept in zip(layers[::-1], saved[::-1], strict=True):
            below, deferred = node.backward(gradient, kept, weights.get(node.name, {}), node is not layers[0])
            if isinstance(node, Parameterised):
                steps[node.name] = node.gradients(deferred)
            gradient = below if below is not None else gradient
        for name, gradients in steps.items():
            for key, value in gradients.items():
                weights[name][key] += np.float32(-rate) * value
    return {f"{name}/{key}": value for name, values in weights.items() for key, value in values.items()}


def chain(job: Job) -> list[Transform]:
    """The layers between source and loss, in order."""
    graph = job.graph
    at, found = graph.index("x"), []
    while not isinstance(graph.nodes[at := graph.edges[graph.outgoing[at][0][0]].target], Loss):
        node = graph.nodes[at]
        assert isinstance(node, Transform)
        found.append(node)
    return found


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_25_one_in_flight_is_sequential_sgd_to_the_bit(workers: int) -> None:
    job = testing.mlp(epochs=3, max_active_keys=1, min_update_frequency=1, optimizer=SGD(0.3))
    run = SimBackend(load("fpga_ring_16")).execute(Plan(job, workers))
    expected = sequential(job, dict(run.initial), 0.3)
    assert set(expected) == set(run.final)
    for name, value in expected.items():
        assert value.tobytes() == run.final[name].tobytes(), name
    assert any((value != run.initial[name]).any() for name, value in expected.items())
    assert run.tables["updates"]["staleness_max"].max() == 0


def test_25_more_in_flight_is_not_sequential() -> None:
    """The same check can fail."""
    job = testing.mlp(epochs=3, max_active_keys=4, min_update_frequency=1, optimizer=SGD(0.3))
    run = SimBackend(load("fpga_ring_16")).execute(Plan(job, 3))
    expected = sequential(job, dict(run.initial), 0.3)
    assert any(value.tobytes() != run.final[name].tobytes() for name, value in expected.items())
