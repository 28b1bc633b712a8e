"""Two runs side by side: numbers with their differences, and what must agree."""

from __future__ import annotations

import json

import numpy as np
import pytest

from ampsim.result.analysis.staleness import total_variation
from ampsim.result.compare import Fact, compare
from tests.result.synthetic import make_run


def facts(found: list[Fact]) -> dict[str, bool | None]:
    return {fact.name: fact.equal for fact in found}


def test_a_run_agrees_with_itself() -> None:
    run = make_run()
    found = compare(run, run)
    assert set(facts(found.agreement).values()) == {True}
    assert {row.difference for row in found.rows if row.a is not None} == {0.0}


def test_a_slower_network_changes_times_and_no_counts() -> None:
    fast, slow = make_run(latency=16), make_run(latency=4096)
    found = compare(slow, fast)
    row = next(row for row in found.rows if row.quantity == "makespan")
    assert row.a == slow.makespan
    assert row.b == fast.makespan
    assert row.difference == slow.makespan - fast.makespan > 0
    assert row.relative == row.difference / fast.makespan
    assert set(facts(found.agreement).values()) == {True}


def test_differences_are_told() -> None:
    a, b = make_run(), make_run(instances=21, seed=5)
    found = facts(compare(a, b).agreement)
    assert not any(found[name] for name in ("messages per edge", "bytes per edge", "updates per node"))
    assert found["FLOP in matrix products"] is False
    assert found["final parameters"] is False
    a.final["L1/weight"][0, 0] += np.float32(0.25)
    detail = {fact.name: fact.detail for fact in compare(a, make_run()).agreement}
    assert detail["final parameters"] == "the largest difference of a parameter is 0.25"


def test_what_is_missing_is_not_compared() -> None:
    a, b = make_run(), make_run()
    a.final, a.summary["throughput"] = {}, None
    found = compare(a, b)
    assert facts(found.agreement)["final parameters"] is None
    row = next(row for row in found.rows if row.quantity == "throughput")
    assert (row.a, row.difference, row.relative) == (None, None, None)


def test_other_graphs_are_not_compared_edge_by_edge() -> None:
    assert facts(compare(make_run(2), make_run(3)).agreement) == {"graph": False}


# What differs, part by part -----------------------------------------------------------------------------------------


def test_settings_that_differ_stand_side_by_side() -> None:
    a, b = make_run(mak=2), make_run(mak=4)
    assert compare(a, a).settings == []
    assert compare(a, b).settings == [("training.max_active_keys", "2", "4")]
    b.config["run"]["system"] = {"name": "mesh", "bandwidth": 1e9}
    assert compare(a, b).settings[1:] == [("system.name", "ring", "mesh")]
    b.config["run"]["system"] = {"name": "ring", "bandwidth": 1e9, "chips": [{"count": 2}]}
    assert compare(a, b).settings[1:] == [
        ("system.bandwidth", "inf", "1e+09"),
        ("system.chips.0.count", "-", "2"),
    ]


def test_a_placement_is_told_by_numbers_of_workers() -> None:
    a, b = make_run(), make_run()
    for run, names, owner in ((a, ["gpu0", "gpu1"], [0, 1]), (b, ["worker0", "worker1"], [0, 1])):
        run.config["run"] |= {"placement": dict(zip(("L1", "L2"), names, strict=True)), "owner": owner}
    assert compare(a, b).settings == []
    b.config["run"]["owner"] = [1, 0]
    assert compare(a, b).settings == [("placement", "0 1", "1 0")]


def test_the_mean_workers_time_adds_up_to_the_makespan() -> None:
    a, b = make_run(2, latency=9000), make_run(3)
    found = compare(a, b).causes
    horizons = [float(run.tables["tasks"]["end"].max()) for run in (a, b)]
    assert [sum(row.a for row in found), sum(row.b for row in found)] == pytest.approx(horizons)
    assert [sum(row.share_a for row in found), sum(row.share_b for row in found)] == pytest.approx([1.0, 1.0])
    assert all(row.difference == row.a - row.b for row in found)


def test_service_times_by_node_and_kind() -> None:
    """A chip at half the speed: as many tasks, each taking twice as long; a node that one run lacks has no mean."""
    slow, fast = make_run(2, compute=8192), make_run(1, compute=4096)
    found = {(row.node, row.kind): row for row in compare(slow, fast).nodes}
    first = found["L1", "forward"]
    assert (first.tasks_a, first.tasks_b) == (75, 75)
    assert first.mean_a == pytest.approx(2 * 4096 / 2**20)
    assert first.mean_a == pytest.approx(2 * (first.mean_b or 0))
    assert first.difference == first.total_a - first.total_b == pytest.approx(75 * 4096 / 2**20)
    assert (found["L2", "backward"].tasks_b, found["L2", "backward"].mean_b) == (0, None)
    total = sum(row.total_a for row in found.values())
    assert total == pytest.approx(float((slow.tables["tasks"]["end"] - slow.tables["tasks"]["start"]).sum()))


def test_traffic_by_edge_and_how_long_it_was_on_its_way() -> None:
    slow, fast = make_run(2, latency=4096), make_run(2, latency=1024)
    found = {(row.edge, row.direction): row for row in compare(slow, fast).edges}
    between = found["L1.out -> L2.in", "forward"]
    assert (between.messages_a, between.messages_b, between.bytes_a) == (75, 75, 75 * 40_000)
    assert (between.way_a, between.way_b) == (4096 / 2**20, 1024 / 2**20)
    assert between.difference == 3072 / 2**20
    assert found["loss.out -> loss.in", "backward"].way_a is None  # it never left its worker
    assert sum(row.bytes_a for row in found.values()) == int(slow.tables["edges"]["bytes"].sum())


def test_staleness_is_a_mean_and_a_distance() -> None:
    a, b = make_run(2, mak=6), make_run(2, mak=1)
    found = {row.node: row for row in compare(a, b).staleness}
    assert list(found) == ["L1", "L2"]
    assert found["L1"].mean_b == 0.0
    assert (found["L1"].mean_a or 0) > 1
    assert all(row.distance == 0.0 for row in compare(a, a).staleness)
    assert compare(a, make_run(1)).staleness[1][2:] == (None, None)


@pytest.mark.parametrize(
    "a, b, distance",
    [
        ([1], [5], 0.0),
        ([1], [0, 1], 1.0),
        ([1, 1], [3, 1], 0.25),
        ([1, 1, 2], [1, 1], 0.5),
        ([], [3], 1.0),
        ([], [], 0.0),
    ],
)
def test_total_variation(a: list[int], b: list[int], distance: float) -> None:
    assert total_variation(np.asarray(a), np.asarray(b)) == distance


def test_losses_stand_beside_one_another_stretch_by_stretch() -> None:
    a, b = make_run(epochs=2), make_run(epochs=3)
    found = compare(a, b).curves
    assert [(row.epoch, row.training) for row in found] == [
        (e, training) for e in range(3) for training in (True, False)
    ]
    assert [row.a is None for row in found] == [False] * 4 + [True] * 2
    last = a.epochs[-1]
    assert found[3].a is not None
    assert (found[3].a.loss, found[3].a.accuracy) == (last["validation_loss"], last["validation_accuracy"])
    assert found[2].a is not None
    assert found[2].a.loss == pytest.approx(last["train_loss"])


# What to know first -------------------------------------------------------------------------------------------------


def test_runs_that_are_alike_need_no_remark() -> None:
    assert compare(make_run(latency=9), make_run()).remarks == []


def test_runs_that_are_not_alike_say_so() -> None:
    a, b = make_run(), make_run(instances=10, names=lambda name: f"other {name}")
    b.summary["mode"] = "shapes"
    assert compare(a, b).remarks == [
        "different jobs: A is pipeline, B is other pipeline; what has the same name is compared",
        "different amounts of work: 7,500 rows in A, 4,500 in B; compare throughput, not makespan",
        "B computed shapes only: there are no losses to compare",
    ]
    assert compare(a, make_run(3)).remarks == ["different graphs: what has the same name is compared"]


def test_a_disturbed_measurement_says_so() -> None:
    predicted, measured = make_run(), make_run(backend="runtime")
    load = {"seconds": 2.0, "cores": 2, "own": 1.0, "others": 0.4, "steal": 0.05, "waiting": 0.1}
    predicted.provenance["load"] = measured.provenance["load"] = load
    (remark,) = compare(predicted, measured).remarks
    assert remark.startswith("B was disturbed: other processes took 0.40 of 2 cores, the host of the machine 0.05")
    measured.provenance["load"] = load | {"others": 0.01, "steal": 0.0}
    assert compare(predicted, measured).remarks == []


def test_two_machines_are_told_apart() -> None:
    a, b = make_run(backend="runtime"), make_run(backend="runtime")
    b.provenance["host"] = {"cpu": "another", "cores": 64}
    assert compare(a, b).remarks == ["measured on different machines: see host in the provenance of each run"]


def test_all_of_it_is_plain_values() -> None:
    found = compare(make_run(2, latency=9000), make_run(3)).to_dict()
    assert json.loads(json.dumps(found, allow_nan=False)) == json.loads(json.dumps(found))
    assert list(found) == ["remarks", "settings", "rows", "explanation", "causes", "nodes", "edges", "staleness",
                           "curves", "agreement"]  # fmt: skip
    terms = found["explanation"]["terms"]
    assert found["explanation"]["main"] == [term["name"] for term in terms[:3]]
    assert sum(term["difference"] for term in terms) == found["explanation"]["difference"]
