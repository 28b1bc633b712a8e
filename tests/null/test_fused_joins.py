"""A FanIn in the middle of a chain changes which tasks there are, and nothing that is computed or counted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ampsim.engine.assemble import replay_order
from ampsim.engine.null import NullBackend
from ampsim.engine.optimizer import SGD
from ampsim.engine.plan import Plan
from ampsim.engine.program import Program
from ampsim.ir.graph import Graph
from ampsim.ir.keys import instance
from ampsim.ir.message import State
from ampsim.ir.nodes import (
    Add,
    Bcast,
    Concat,
    Cond,
    Embedding,
    FanIn,
    Isu,
    Linear,
    LogSoftmax,
    NllLoss,
    Node,
    Phi,
    Port,
    Relu,
    Source,
    Tanh,
)
from ampsim.job import Job, Recipe, Training
from ampsim.result.run import Run
from ampsim.testing import advance, more, points, retreat, words
from tests.null.models import Setting
from tests.null.models import settings as random_settings
from tests.null.shuffled import ShuffledBackend
from tests.null.test_invariants import LARGE, assert_still, counted

# -- jobs with a FanIn behind a transform --------------------------------------------------------------------------


def scored(name: str, x: Source, top: Node | Port, width: int, **training: Any) -> Job:
    """Classified by one more layer."""
    labels, loss = Source("labels"), NllLoss("loss")
    top >> Linear("top", width, 3, gain=1.0).affinity(2) >> LogSoftmax() >> loss["prediction"]
    labels >> loss["label"]
    return Job(Graph.of(name, x, labels), Recipe(points, {}), Training(**training))


def two(width: int = 4) -> tuple[Source, Port, Port]:
    """A layer over the points, twice."""
    x, fan = Source("x"), Bcast("fan")
    x >> Linear("base", 6, width).affinity(0) >> fan
    return x, fan["first"], fan["second"]


def middle(**training: Any) -> Job:
    """[relu, join, cell, tanh]: something before the join, something behind it."""
    (x, first, second), join = two(), Concat("join")
    first >> Relu("relu").affinity(1) >> join["first"]
    second >> Linear("right", 4, 2).affinity(0) >> join["second"]
    return scored("middle", x, join >> Linear("cell", 6, 5).affinity(1) >> Tanh(), 5, **training)


def last(**training: Any) -> Job:
    """[left, relu, join]: the layer comes before the join, and the next layer ends the chain behind it."""
    (x, first, second), join = two(), Concat("join")
    first >> Linear("left", 4, 3).affinity(1) >> Relu("relu") >> join["first"]
    second >> join["second"]
    return scored("last", x, join, 7, **training)


def second_port(**training: Any) -> Job:
    """[right, tanh, join, relu]: the first port is no transform's, so the second one leads."""
    (x, first, second), join = two(), Concat("join")
    first >> join["first"]
    second >> Linear("right", 4, 3).affinity(1) >> Tanh("tanh") >> join["second"]
    return scored("second_port", x, join >> Relu("relu"), 7, **training)


def added(**training: Any) -> Job:
    """[left, sum, tanh]: three parts of equal width, added."""
    x, fan, add = Source("x"), Bcast("fan", ports=("a", "b", "c")), Add("sum", ports=("a", "b", "c"))
    x >> Linear("base", 6, 4).affinity(0) >> fan
    fan["a"] >> Linear("left", 4, 4).affinity(1) >> add["a"]
    fan["b"] >> Tanh("tanh").affinity(0) >> add["b"]
    fan["c"] >> add["c"]
    return scored("added", x, add >> Tanh("after"), 4, **training)


def unlearnt(**training: Any) -> Job:
    """[fixed, join, cell]: no parameter lies before the part that leads, so its gradient is not wanted."""
    x, fan, join = Source("x"), Bcast("fan"), Concat("join")
    x >> fan
    fan["first"] >> Tanh("fixed").affinity(1) >> join["first"]
    fan["second"] >> Linear("right", 6, 2).affinity(0) >> join["second"]
    return scored("unlearnt", x, join >> Linear("cell", 8, 5).affinity(1) >> Relu(), 5, **training)


def marked(state: State, structure: object) -> State:
    """One number more."""
    return (*state, 7)


def unmarked(state: State, structure: object) -> State:
    """One number less."""
    return state[:-1]


def keyed(**training: Any) -> Job:
    """[right, tanh, join, relu]: the parts have states of their own, and the one that leads is not the join's."""
    (x, first, second), join = two(), Concat("join", key=instance)
    first >> Isu("mark", marked, unmarked) >> join["first"]
    second >> Linear("right", 4, 3).affinity(1) >> Tanh("tanh") >> join["second"]
    return scored("keyed", x, join >> Relu("relu") >> Isu("unmark", unmarked, marked), 7, **training)


def loop(**training: Any) -> Job:
    """[bend, join, cell, tanh] on the loop, fed from outside by an embedding, which must not lead."""
    tokens, start, labels = Source("tokens"), Source("start"), Source("labels")
    phi, join, cond = Phi("phi"), Concat("join", ports=("x", "h")), Cond("more", more, ports=("done", "again"))
    loss = NllLoss("loss", key={"prediction": instance})
    start >> phi["start"]
    phi >> Tanh("bend").affinity(1) >> join["h"]
    tokens >> Embedding("embed", 7, 4).affinity(0) >> join["x"]
    join >> Linear("cell", 9, 5, gain=1.0).affinity(1) >> Tanh("tanh") >> Isu("next", advance, retreat) >> cond
    cond["again"] >> phi["again"]
    cond["done"] >> Linear("top", 5, 3, gain=1.0).affinity(2) >> LogSoftmax() >> loss["prediction"]
    labels >> loss["label"]
    return Job(Graph.of("loop", start, tokens, labels), Recipe(words, {}), Training(**training))


JOBS: dict[str, tuple[Callable[..., Job], str]] = {
    "middle": (middle, "relu join cell tanh1"),
    "last": (last, "left relu join"),
    "second_port": (second_port, "right tanh join relu"),
    "added": (added, "left sum after"),
    "unlearnt": (unlearnt, "fixed join cell relu1"),
    "keyed": (keyed, "right tanh join relu"),
    "loop": (loop, "bend join cell tanh"),
}
by_job = pytest.mark.parametrize("name", JOBS)
by_workers = pytest.mark.parametrize("workers", [1, 2, 3])
SETTINGS: dict[str, Any] = {"epochs": 2, "optimizer": SGD(0.05)}


@contextmanager
def apart() -> Iterator[None]:
    """A FanIn begins its chain, as if nothing could lead it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Program, "_leads", lambda self, node, join: False)
        yield


def executed(plan: Plan) -> Run:
    return NullBackend().execute(plan)


def separately(plan: Plan) -> Run:
    with apart():
        return executed(Plan(plan.job, plan.workers, owner=plan.owner, mode=plan.mode, placement=plan.placement))


def named(plan: Plan) -> list[str]:
    """The chains of a plan, as names."""
    nodes = plan.job.graph.nodes
    return [" ".join(nodes[n].name for n in chain) for chain in plan.program.chains]


def inside(plan: Plan) -> list[tuple[int, ...]]:
    """The chains that hold a FanIn behind another node."""
    nodes = plan.job.graph.nodes
    return [chain for chain in plan.program.chains if any(isinstance(nodes[n], FanIn) for n in chain[1:])]


# -- which chains there are ---------------------------------------------------------------------------------------


@by_job
def test_the_first_part_of_one_place_takes_the_join_along(name: str) -> None:
    make, chain = JOBS[name]
    assert chain in named(Plan(make(), 1))
    with apart():
        assert inside(Plan(make(), 1)) == []


@by_job
def test_a_join_waits_for_no_other_worker_within_a_chain(name: str) -> None:
    """If a part comes from elsewhere, the join begins a chain: what feeds it here need not wait in turn."""
    job = JOBS[name][0]()
    graph = job.graph
    join = next(i for i, node in enumerate(graph.nodes) if isinstance(node, FanIn))
    owner = [0] * len(graph.nodes)
    for edges in graph.incoming[join]:
        owner[graph.edges[edges[0]].source] = 1
        assert inside(Plan(job, 2, owner=tuple(owner))) == []
        owner[graph.edges[edges[0]].source] = 0


def test_what_leads_into_a_loop_does_not_hold_it_up() -> None:
    """The embedding is a transform on the join's first port; letters would wait for the rounds before them."""
    assert "embed" in named(Plan(loop(), 1))


@settings(max_examples=40, suppress_health_check=LARGE)
@given(random_settings())
def test_chains_of_random_graphs_hold_one_layer_and_one_join(setting: Setting) -> None:
    program, nodes = setting.plan().program, setting.job.graph.nodes
    for chain in program.chains:
        assert sum(isinstance(nodes[n], FanIn) for n in chain) <= 1
        assert len({program.owner[n] for n in chain}) == 1
        for before, after in pairwise(chain):
            assert setting.job.graph.edges[setting.job.graph.outgoing[before][0][0]].target == after
    inner = [n for chain in program.chains for n in chain]
    assert len(inner) == len(set(inner))


# -- and that they change nothing ------------------------------------------------------------------------------------


def assert_same(fused: Run, wanted: Run, tolerance: float) -> None:
    """Losses in order of instances, and parameters."""
    metrics = [run.tables["metrics"] for run in (fused, wanted)]
    found, expected = (table["loss"][np.argsort(table["instance"], kind="stable")] for table in metrics)
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)
    assert fused.final.keys() == wanted.final.keys()
    for path, value in wanted.final.items():
        np.testing.assert_allclose(fused.final[path], value, rtol=tolerance, atol=tolerance, err_msg=path)


@by_workers
@by_job
def test_one_at_a_time_losses_and_parameters_are_equal_to_the_bit(name: str, workers: int) -> None:
    for how in ({"update": "instance"}, {"min_update_frequency": 3, "gradient": "sum"}):
        plan = Plan(JOBS[name][0](**SETTINGS, **how), workers)
        assert_same(executed(plan), separately(plan), 0.0)


@pytest.mark.parametrize("max_batch", [2, 16])
@by_workers
@by_job
def test_with_several_messages_a_task_they_are_equal_up_to_rounding(name: str, workers: int, max_batch: int) -> None:
    """One update at the end of each epoch, so that no order can matter."""
    how = {"max_active_keys": 6, "max_batch": max_batch, "min_update_frequency": 10**6}
    plan = Plan(JOBS[name][0](**SETTINGS, **how), workers)
    fused, wanted = executed(plan), separately(plan)
    assert_same(fused, wanted, 1e-5)
    assert counted(fused) == counted(wanted)
    fewer = len(wanted.tables["tasks"]["kind"]) - len(fused.tables["tasks"]["kind"])
    with apart():
        chains = len(Plan(plan.job, workers).program.chains)
    # Where the join ends its chain the next layer has to begin another, as it would have had to with the join.
    assert (fewer > 0) == (len(plan.program.chains) < chains)
    assert fewer >= 0


@by_workers
@by_job
def test_counts_are_equal_in_both_modes(name: str, workers: int) -> None:
    plan = Plan(JOBS[name][0](max_active_keys=4, max_batch=3, min_update_frequency=5), workers)
    wanted = counted(separately(plan))
    assert counted(executed(plan)) == wanted
    assert counted(executed(Plan(plan.job, workers, mode="shapes"))) == wanted


@settings(max_examples=40, suppress_health_check=LARGE)
@given(random_settings(), st.integers(0, 2**32), st.sampled_from([1, 3, 16]))
def test_random_graphs_count_and_learn_the_same(setting: Setting, seed: int, max_batch: int) -> None:
    """One update an epoch by SGD: the sum of the gradients depends on order by rounding only."""
    how: dict[str, Any] = {"nodes": None, "update": "muf", "min_update_frequency": 10**6, "optimizer": SGD(0.01)}
    plan = setting.plan(**how, gradient="mean", max_batch=max_batch)
    backend = ShuffledBackend(seed)
    fused, wanted = backend.execute(plan), separately(plan)
    assert counted(fused) == counted(wanted)
    assert_same(fused, wanted, 1e-4)
    for state in backend.workers:
        assert_still(state)


@pytest.mark.parametrize("seed", range(3))
@by_job
def test_whatever_the_order_of_events_it_is_replayed_to_the_bit(name: str, seed: int) -> None:
    job = JOBS[name][0](epochs=2, max_active_keys=5, max_batch=4, min_update_frequency=3, validate_every=5)
    backend = ShuffledBackend(seed)
    run = backend.execute(Plan(job, 2))
    for state in backend.workers:
        assert_still(state)
    again = executed(Plan(job, 2, order=replay_order(run)))
    for path, value in run.final.items():
        assert value.tobytes() == again.final[path].tobytes(), path


@by_job
def test_what_is_kept_for_the_way_back_is_counted_alike_in_both_modes(name: str) -> None:
    """Bytes of caches at the end of every task, and none at the end of the run."""
    job = JOBS[name][0](max_active_keys=4, max_batch=3)
    numeric, shapes = (executed(Plan(job, 1, mode=mode)).tables["memory"] for mode in ("numeric", "shapes"))
    np.testing.assert_array_equal(numeric["caches"], shapes["caches"])
    assert numeric["caches"].max() > 0
    assert numeric["caches"][-1] == 0
