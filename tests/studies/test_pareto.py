"""The front is what it is defined to be: checked against the definition, on all small cases hypothesis thinks of."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ampsim.result.analysis.pareto import front
from ampsim.studies.pareto import number, objectives

VALUES = st.integers(0, 4).map(float)
GOALS = st.lists(st.sampled_from(["max", "min"]), min_size=1, max_size=3)


def beats(a: list[float], b: list[float], goals: list[str]) -> bool:
    better = [x - y if goal == "max" else y - x for x, y, goal in zip(a, b, goals, strict=True)]
    return min(better) >= 0 and max(better) > 0


def cases(goals: list[str]) -> st.SearchStrategy[tuple[list[str], list[list[float]]]]:
    row = st.lists(VALUES, min_size=len(goals), max_size=len(goals))
    return st.tuples(st.just(goals), st.lists(row, max_size=12))


@given(GOALS.flatmap(cases))
def test_optimal_is_what_nothing_beats(case: tuple[list[str], list[list[float]]]) -> None:
    goals, rows = case
    wanted = {i for i, row in enumerate(rows) if not any(beats(other, row, goals) for other in rows)}
    found = front(rows, goals)
    assert set(found) == wanted
    assert len(found) == len(wanted)
    firsts = [rows[i][0] for i in found]
    assert firsts == sorted(firsts, reverse=goals[0] == "max")


def test_what_has_no_value_is_never_optimal() -> None:
    assert front([[1.0, None], [None, 2.0]], ["max", "min"]) == []
    assert front([[1.0, None], [0.5, 2.0]], ["max", "min"]) == [1]


def test_objectives_come_from_the_run_or_from_the_grid() -> None:
    varied = {"system.links.bandwidth": "10 Gbit/s", "placement": "auto", "workers": 4}
    goals = {"throughput": "max", "system.links.bandwidth": "min", "placement": "min"}
    assert objectives(goals, {"throughput": 5.0}, varied) == [5.0, 1.25e9, None]
    assert objectives(goals, {}, varied)[0] is None


def test_numbers_of_a_grid_are_read_with_their_units() -> None:
    assert [number(v) for v in (3, 0.5, "2 us", "1 GiB", "fast", None, True, [1])] == [
        3.0, 0.5, 2e-6, float(1 << 30), None, None, None, None,
    ]  # fmt: skip
