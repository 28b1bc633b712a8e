"""Which task goes first: updates, the way back, and of either way what is on a loop, or between two."""

from __future__ import annotations

from collections import Counter
from typing import Any

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ampsim.engine import worker as worker_module
from ampsim.engine.batch import Batch
from ampsim.engine.null import NullBackend
from ampsim.engine.plan import Plan
from ampsim.engine.policy import Fifo, lane
from ampsim.engine.station import Station
from ampsim.engine.task import Task
from ampsim.engine.worker import WorkerState
from ampsim.ir.graph import Edge, Graph
from ampsim.ir.nodes import Relu
from ampsim.job import Job
from ampsim.result.run import Run
from ampsim.testing import diamond, mlp, rnn
from ampsim.workloads import workload
from tests.null.models import Setting, graphs
from tests.null.models import settings as random_settings
from tests.null.shuffled import ShuffledBackend
from tests.null.test_invariants import LARGE

# -- which nodes are on a loop, or between two ------------------------------------------------------------------------


def drawing(size: int, arrows: list[tuple[int, int]]) -> Graph:
    """A graph of any form; only its edges are looked at."""
    return Graph("any", [Relu(f"n{i}") for i in range(size)], [Edge(a, 0, b, 0) for a, b in arrows])


def between_loops(graph: Graph) -> set[int]:
    """The definition: a walk leads from a loop to the node, and another from the node to a loop."""
    form: nx.MultiDiGraph[int] = nx.MultiDiGraph()
    form.add_nodes_from(range(len(graph.nodes)))
    form.add_edges_from((edge.source, edge.target) for edge in graph.edges)
    rings = [ring for ring in nx.strongly_connected_components(form) if form.subgraph(ring).number_of_edges()]
    on = set().union(*rings)
    after = on.union(*(nx.descendants(form, node) for node in on))
    before = on.union(*(nx.ancestors(form, node) for node in on))
    return after & before


@pytest.mark.parametrize(
    "size,arrows,wanted",
    [
        (1, [], []),
        (3, [(0, 1), (1, 2)], []),
        (1, [(0, 0)], [0]),
        (4, [(0, 1), (1, 2), (2, 1), (2, 3)], [1, 2]),
        (5, [(0, 0), (0, 1), (1, 2), (2, 2), (2, 3), (4, 1)], [0, 1, 2]),
        (4, [(0, 1), (0, 1), (1, 2), (1, 2), (2, 3)], []),
        (5, [(0, 1), (1, 0), (0, 2), (3, 1), (4, 4)], [0, 1, 4]),
    ],
    ids=["alone", "a chain", "to itself", "in and out", "between two", "doubled edges", "three apart"],
)
def test_what_leads_in_or_out_is_not_looped(size: int, arrows: list[tuple[int, int]], wanted: list[int]) -> None:
    assert sorted(drawing(size, arrows).looped) == wanted


@settings(max_examples=200)
@given(st.integers(1, 8), st.data())
def test_looped_is_what_the_definition_says(size: int, data: st.DataObject) -> None:
    node = st.integers(0, size - 1)
    graph = drawing(size, data.draw(st.lists(st.tuples(node, node), max_size=14)))
    assert graph.looped == between_loops(graph)


@settings(max_examples=30, suppress_health_check=LARGE)
@given(graphs())
def test_so_it_is_in_graphs_that_run(graph: Graph) -> None:
    assert graph.looped == between_loops(graph)


@pytest.mark.parametrize(
    "job,wanted",
    [
        (mlp(), set()),
        (diamond(), set()),
        (rnn(), {"phi", "join", "cell", "tanh1", "next", "more"}),
        (workload("tree_lstm", trees=4, validation=2), {"phi", "fan", "up", "children", "branch"}),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_the_looped_nodes_of_known_jobs(job: Job, wanted: set[str]) -> None:
    assert {job.graph.nodes[node].name for node in job.graph.looped} == wanted


# -- the rank of a station ---------------------------------------------------------------------------------------------


def test_backward_before_forward_and_loops_before_the_rest() -> None:
    assert [lane(True, True), lane(True, False), lane(False, True), lane(False, False)] == [0, 1, 2, 3]


def test_every_station_has_the_rank_of_its_nodes() -> None:
    """A loss counts as backward; a source leads into the graph."""
    plan = Plan(rnn(), 1)
    names = [node.name for node in plan.job.graph.nodes]
    state = WorkerState(plan.program, 0)
    found = {(names[station.named], station.kind): station.lane for station in state.stations}
    assert found[names[plan.program.sources[0]], "forward"] == 3
    assert found["embed", "forward"] == found["classify", "forward"] == 3
    assert found["join", "forward"] == 2
    assert found["embed", "backward"] == found["classify", "backward"] == found["loss", "forward"] == 1
    assert found["join", "backward"] == 0


class Waiting:
    """A station that holds what came in, by arrival number; what a policy sees of one."""

    def __init__(self, name: str, rank: int, together: int = 1) -> None:
        self.name, self.lane, self.together = name, rank, together
        self.held: list[int] = []

    def head(self) -> int | None:
        return self.held[0] if self.held else None

    def limit(self) -> int:
        return self.together

    def take(self, limit: int) -> list[int]:
        taken, self.held = self.held[:limit], self.held[limit:]
        return taken


class Desk:
    """What a policy sees of a worker; its tasks are the station's name and what was taken."""

    def __init__(self) -> None:
        self.due: list[Any] = []

    def group_task(self, station: Waiting, group: list[int]) -> tuple[str, list[int]]:
        return station.name, group


def order(stations: list[Waiting], arrivals: str) -> list[Any]:
    """All tasks, after every arrival (a letter names its station) has come."""
    policy, desk = Fifo(), Desk()
    by_name = {station.name: station for station in stations}
    for arrival, name in enumerate(arrivals):
        by_name[name].held.append(arrival)
        policy.arrived(arrival, by_name[name])  # type: ignore[arg-type]
    return list(iter(lambda: policy.next(desk), None))  # type: ignore[arg-type]


def test_the_lowest_rank_first_and_in_it_the_oldest() -> None:
    stations = [Waiting("a", 0), Waiting("b", 1), Waiting("c", 2), Waiting("d", 3), Waiting("e", 3)]
    found = order(stations, "edcbaedcba")
    assert "".join(name for name, _ in found) == "aabbcceded"
    assert [group for name, group in found if name == "e"] == [[0], [5]]


def test_what_went_along_with_an_older_message_is_not_run_again() -> None:
    found = order([Waiting("a", 2, together=2), Waiting("b", 2)], "abaaba")
    assert found == [("a", [0, 2]), ("b", [1]), ("a", [3, 5]), ("b", [4])]


# -- what it is good for -----------------------------------------------------------------------------------------------


def tasks(run: Run) -> Counter[tuple[str, int]]:
    """Tasks by the node's name and direction."""
    table, names = run.tables["tasks"], run.summary["nodes"]
    return Counter(
        (names[node], kind) for node, kind in zip(table["node"].tolist(), table["kind"].tolist(), strict=True)
    )


def gathered() -> Run:
    """All twelve words of 1 to 4 letters at once on one worker, nothing too many for one task."""
    job = rnn(epochs=1, max_active_keys=12, max_batch=64, min_update_frequency=10**6)
    return NullBackend().execute(Plan(job, 1))


def test_what_leaves_a_loop_round_by_round_is_one_task_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Words of one letter leave the loop first; they wait for the longest. So do the gradients of the letters."""
    found = tasks(gathered())
    training, validation = rnn().data.load()
    assert validation is not None
    longest = [int(part.arrays["length"].max()) for part in (training, validation)]
    assert longest[0] == 4
    # Forward there is one more task for the words of the validation set.
    assert found["classify", 0] == found["embed", 0] == 2
    assert found["join", 0] == sum(longest)
    assert found["classify", 1] == found["embed", 1] == 1
    assert found["join", 1] == longest[0]
    monkeypatch.setattr(worker_module, "lane", lambda backward, looped: 0 if backward else 2)
    flat = tasks(gathered())
    assert flat["classify", 0] > 2
    assert flat["embed", 1] > 1


@settings(max_examples=30, suppress_health_check=LARGE)
@given(random_settings(), st.integers(0, 2**32))
def test_nothing_goes_while_something_of_lower_rank_could(setting: Setting, seed: int) -> None:
    """Whatever the graph, its owners and the order of events: of all that could begin, the lowest rank does."""
    chosen = 0
    take = WorkerState.group_task

    def group_task(self: WorkerState, station: Station, group: Batch) -> Task:
        nonlocal chosen
        chosen += 1
        assert not self.due
        assert station.lane <= min((other.lane for other in self.stations if other.head() is not None), default=3)
        return take(self, station, group)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(WorkerState, "group_task", group_task)
        ShuffledBackend(seed).execute(setting.plan())
    assert chosen
