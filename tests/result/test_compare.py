"""Two runs side by side: numbers with their differences, and what must agree."""

from __future__ import annotations

import numpy as np

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
