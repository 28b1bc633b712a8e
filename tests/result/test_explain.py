"""Why one run took longer: terms that add up to the difference, and the right ones first."""

from __future__ import annotations

import random
from itertools import accumulate

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ampsim.result.compare import Explanation, compare
from ampsim.result.run import Run
from tests.result.synthetic import make_run


def explained(a: Run, b: Run) -> Explanation:
    found = compare(a, b).explanation
    assert found is not None
    return found


def names(found: Explanation) -> list[str]:
    return [term.name for term in found.main]


def test_a_run_took_as_long_as_itself() -> None:
    run = make_run()
    found = explained(run, run)
    assert (found.difference, found.main, found.rest) == (0.0, [], 0.0)
    assert found.a == found.b == sum(term.a for term in found.terms)


def test_a_slower_network_is_named_and_nothing_else() -> None:
    """With one instance at a time every microsecond of latency is one of makespan, and of that term."""
    slow, fast = make_run(3, mak=1, latency=4096), make_run(3, mak=1, latency=1024)
    found = explained(slow, fast)
    assert names(found) == ["blocked by a link"]
    assert found.main[0].difference == pytest.approx(found.difference) == pytest.approx(slow.makespan - fast.makespan)
    assert abs(found.rest) < 1e-12


def test_slower_chips_are_named_node_by_node() -> None:
    """The worker that takes longest is what the run waits for; only its nodes are on the path when all is full."""
    slow, fast = (make_run(3, mak=12, epochs=1, instances=60, compute=compute, latency=0) for compute in (8192, 4096))
    found = explained(slow, fast)
    assert names(found)[:2] == ["L3 backward", "L3 forward"]
    assert sum(term.difference for term in found.main) > 0.9 * found.difference
    assert found.main[0].tasks_a == found.main[0].tasks_b == 60


def test_more_work_is_more_tasks() -> None:
    more, less = make_run(1, instances=30, validation=0), make_run(1, instances=20, validation=0)
    first = explained(more, less).main[0]
    assert (first.name, first.tasks_a, first.tasks_b) == ("L1 backward", 90, 60)
    assert first.difference > 0
    assert explained(less, more).main[0].difference == -first.difference


def test_terms_are_in_order_of_size() -> None:
    found = explained(make_run(3, mak=2, latency=9000), make_run(2, mak=4))
    sizes = [abs(term.difference) for term in found.terms]
    assert sizes == sorted(sizes, reverse=True)
    assert len(found.main) == 3


def test_what_has_no_clock_is_not_explained() -> None:
    run, still = make_run(), make_run()
    for name in ("start", "end"):
        still.tables["tasks"][name] = still.tables["tasks"][name] * 0.0
    still.summary["makespan"] = 0.0
    assert compare(still, run).explanation is None
    assert compare(run, still).explanation is None


@settings(max_examples=25)
@given(
    st.tuples(st.integers(1, 3), st.integers(1, 5), st.integers(1, 9000), st.integers(0, 9000)),
    st.tuples(st.integers(1, 3), st.integers(1, 5), st.integers(1, 9000), st.integers(0, 9000)),
    st.floats(1e-9, 1e6),
    st.randoms(use_true_random=False),
)
def test_terms_add_up_exactly_in_any_order(
    a: tuple[int, int, int, int], b: tuple[int, int, int, int], factor: float, chance: random.Random
) -> None:
    """To the last bit, whatever the two runs and however different their clocks."""
    runs = [
        make_run(workers, mak=mak, compute=compute, latency=latency, epochs=1, instances=6)
        for workers, mak, compute, latency in (a, b)
    ]
    for table, columns in runs[0].tables.items():
        for name in {"start", "end", "sent", "arrived", "admitted", "completed", "time"} & set(columns):
            runs[0].tables[table][name] = columns[name] * factor
    runs[0].summary["makespan"] *= factor
    found = explained(*runs)
    assert sum(term.difference for term in found.main) + found.rest == found.difference
    chance.shuffle(found.terms)
    for side, whole in (("a", found.a), ("b", found.b), ("difference", found.difference)):
        assert list(accumulate(getattr(term, side) for term in found.terms))[-1] == whole
    longest = max(run.makespan for run in runs)
    assert found.a == pytest.approx(max(runs[0].makespan, runs[0].tables["tasks"]["end"].max()), abs=1e-14 * longest)
