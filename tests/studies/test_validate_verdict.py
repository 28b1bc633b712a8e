"""Every rule of a suite: what just holds it and what just does not."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from ampsim.studies.validate.judge import Judged, judge
from ampsim.studies.validate.suite import Intervals, Tolerances
from ampsim.studies.validate.verdict import Verdict, verdicts
from tests.studies.made_up import a_row, an_item, of_kind, records, says

NO_INTERVALS = Tolerances(intervals=None)
MEMORY, LEARNING = "memory, worst error", "time to target, worst error"


def of(rule: str, rows: list[Judged], tolerances: Tolerances = NO_INTERVALS) -> Verdict:
    (found,) = [verdict for verdict in verdicts(rows, tolerances) if verdict.rule == rule]
    return found


def perfect(setting: str = "perfect", value: float = 100) -> Judged:
    return a_row(setting, value, value)


def test_a_perfect_simulator_holds_all_rules() -> None:
    intervals = {"intervals": {"throughput": (95, 105), "makespan": (9, 9.9)}}
    rows = [a_row(f"{i}", 100, 100, predicts=intervals if i < 6 else {}) for i in range(8)]
    rows += [a_row("off", 100, 100, predicts={"intervals": {"throughput": (99, 101), "makespan": (9.9, 10.1)}})] * 6
    rows += [of_kind("memory", "memory", [3e8], [3e8], "m"), of_kind("learning", "time_to_target", [2], [2], "l")]
    found = verdicts(rows, Tolerances())
    assert [verdict.rule for verdict in found if not verdict.held] == []
    assert len({verdict.rule for verdict in found}) == len(found) == 13


def test_a_rule_is_there_only_for_what_a_suite_has() -> None:
    rules = {verdict.rule for verdict in verdicts([perfect()], NO_INTERVALS)}
    assert not rules & {MEMORY, LEARNING, "width of the interval, median"}
    alone = [verdict.rule for verdict in verdicts([of_kind("memory", "memory", [3e8], [3e8], "m")], Tolerances())]
    assert alone == ["cases that failed", MEMORY]


def test_one_case_that_fails_is_one_too_many() -> None:
    item = an_item("broken")
    rows = [perfect(), judge(item, records(item, [(says(), says())], error="it broke"), NO_INTERVALS)]
    found = of("cases that failed", rows)
    assert (found.value, found.held, found.detail) == (0.5, False, "small, broken")
    assert of("cases that failed", rows[:1]).held
    assert of("cases listed, not judged", rows).value == 0, "it is counted once"


def test_what_is_not_measured_yet_has_not_failed() -> None:
    assert of("cases that failed", [perfect(), judge(an_item("later"), [], NO_INTERVALS)]).held


@pytest.mark.parametrize("wide,held", [(1, True), (2, False)])
def test_at_most_a_quarter_may_spread_too_far(wide: int, held: bool) -> None:
    rows = [a_row(f"wide {i}", 100, 50, 100, 150) for i in range(wide)]
    found = of("cases listed, not judged", rows + [perfect(f"{i}") for i in range(4 - wide)])
    assert (found.value, found.held) == (wide / 4, held)
    assert "small, wide 0" in found.detail


@pytest.mark.parametrize("name", ["throughput", "makespan"])
def test_the_median_error(name: str) -> None:
    """By size: errors up and down do not cancel."""
    errors = {"fine": (0.04, -0.04, 0.11, 0.0), "poor": (0.06, -0.06, 0.11, 0.0)}
    for word, held in (("fine", True), ("poor", False)):
        rows = [off(f"{i}", name, error) for i, error in enumerate(errors[word])]
        found = of(f"{name}, median error", rows)
        assert found.held is held
        assert found.value == pytest.approx({"fine": 0.04, "poor": 0.06}[word])


@pytest.mark.parametrize("name", ["throughput", "makespan"])
@pytest.mark.parametrize("error,held", [(0.11, True), (0.13, False), (-0.11, True), (-0.13, False)])
def test_the_worst_error(name: str, error: float, held: bool) -> None:
    rows = [off(f"{i}", name, 0.0) for i in range(20)] + [off("worst", name, error)]
    found = of(f"{name}, worst error", rows)
    assert found.value == pytest.approx(abs(error))
    assert (found.held, found.detail) == (held, "small, worst")
    assert of(f"{name}, median error", rows).held


def off(setting: str, name: str, error: float) -> Judged:
    """A case in which one quantity is off by so much and the other is not."""
    item = an_item(setting)
    measured = says(100)
    predicted = msgspec.structs.replace(measured, **{name: getattr(measured, name) * (1 + error)})
    return judge(item, records(item, [(predicted, measured)]), NO_INTERVALS)


@pytest.mark.parametrize("points,held", [(0.04, True), (0.06, False), (-0.06, False)])
def test_utilization_of_every_worker(points: float, held: bool) -> None:
    rows = [perfect(), a_row("off", 100, 100, utilization=[0.5, 0.4 + points])]
    found = of("utilization of a worker, worst error", rows)
    assert (found.held, found.detail) == (held, "small, off")


@pytest.mark.parametrize("stale,held", [({0: 45, 1: 55}, True), ({0: 35, 1: 65}, False)])
def test_staleness_of_every_case(stale: dict[int, int], held: bool) -> None:
    rows = [perfect(), a_row("off", 100, 100, staleness={0: stale})]
    assert of("staleness, largest distance", rows).held is held


def test_a_suite_without_gradients_is_not_held_to_staleness() -> None:
    rows = [a_row("none", 100, 100, staleness={}, predicts={"staleness": {}})]
    assert of("staleness, largest distance", rows) == (
        "staleness, largest distance", None, "at most 10 %", True, "nothing could be judged"
    )  # fmt: skip


def test_what_is_not_judged_takes_no_part() -> None:
    wide = a_row("wide", 900, 50, 100, 150, utilization=[1.0, 1.0], staleness={0: {9: 1}})
    rows = [perfect(), wide, *[perfect(f"{i}") for i in range(3)]]
    assert [verdict.rule for verdict in verdicts(rows, NO_INTERVALS) if not verdict.held] == []


def test_where_nothing_can_be_judged_nothing_holds() -> None:
    tolerances = Tolerances(unjudged=1.0)
    missed = [verdict.rule for verdict in verdicts([a_row("wide", 100, 50, 100, 150)], tolerances) if not verdict.held]
    assert missed == [
        "throughput, median error", "throughput, worst error", "makespan, median error", "makespan, worst error",
        "utilization of a worker, worst error", "measurements inside the interval", "width of the interval, median",
    ]  # fmt: skip


# -- ranking ----------------------------------------------------------------------------------------------------------


def ranked(*pairs: tuple[float, float], **more: Any) -> Verdict:
    """Cases of one job, each with (predicted, measured) throughput."""
    rows = [a_row(f"{i}", p, m, **more) for i, (p, m) in enumerate(pairs)]
    return of("pairs ranked as measured", rows, Tolerances(intervals=None, worst=9.0, median=9.0))


def test_pairs_are_ranked_as_measured() -> None:
    assert ranked((100, 100), (150, 200), (160, 300)).value == 1
    found = ranked((100, 100), (90, 200), (160, 300))
    assert (found.value, found.held) == (2 / 3, False)
    assert found.detail == "2 of 3; not small, 0 and 1"


def test_a_prediction_of_no_difference_ranks_nothing() -> None:
    assert ranked((100, 100), (100, 200)).value == 0
    assert ranked((100, 200), (100, 100)).value == 0


def test_pairs_that_differ_little_have_no_rank() -> None:
    found = ranked((100, 100), (50, 109))
    assert (found.value, found.held) == (None, True)
    assert ranked((100, 100), (50, 111)).value == 0


def test_jobs_are_not_ranked_against_one_another() -> None:
    rows = [a_row("a", 100, 100), a_row("b", 10, 1000, name="other")]
    assert of("pairs ranked as measured", rows).value is None


@pytest.mark.parametrize("wrong,held", [(1, True), (2, False)])
def test_nine_of_ten_pairs_are_enough(wrong: int, held: bool) -> None:
    """Of 5 cases there are 10 pairs; exchanging neighbours in the prediction ranks one pair wrongly each."""
    order = [1, 2, 3, 4, 5]
    for i in range(wrong):
        order[2 * i], order[2 * i + 1] = order[2 * i + 1], order[2 * i]
    found = ranked(*[(p, m) for p, m in zip(order, range(1, 6), strict=True)])
    assert (found.value, found.held) == ((10 - wrong) / 10, held)


# -- intervals --------------------------------------------------------------------------------------------------------


def with_intervals(inside: int, of_all: int, width: float = 0.1) -> list[Judged]:
    low, high = 100 - 50 * width, 100 + 50 * width
    predicts = {"intervals": {"throughput": (low, high)}}
    return [a_row(f"{i}", 100, 100 if i < inside else 200, predicts=predicts) for i in range(of_all)]


@pytest.mark.parametrize("inside,held", [(6, False), (7, True), (9, True), (10, False)])
def test_intervals_hold_about_as_often_as_they_say(inside: int, held: bool) -> None:
    """Too wide is wrong as well as too narrow."""
    found = of("measurements inside the interval", with_intervals(inside, 10), Tolerances())
    assert (found.value, found.held) == (inside / 10, held)


@pytest.mark.parametrize("width,held", [(0.14, True), (0.16, False)])
def test_intervals_are_narrow_enough(width: float, held: bool) -> None:
    found = of("width of the interval, median", with_intervals(8, 10, width), Tolerances())
    assert found.value == pytest.approx(width)
    assert found.held is held


def test_predictions_without_intervals_miss_both_rules_unless_none_is_asked_for() -> None:
    missed = [verdict.rule for verdict in verdicts([perfect()], Tolerances()) if not verdict.held]
    assert missed == ["measurements inside the interval", "width of the interval, median"]
    assert [verdict for verdict in verdicts([perfect()], NO_INTERVALS) if not verdict.held] == []
    wide = Tolerances(intervals=Intervals(least=0, most=1, width=1))
    assert [verdict for verdict in verdicts(with_intervals(1, 1), wide) if not verdict.held] == []


# -- memory and learning ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("predicted,held", [(3.4e8, True), (3.5e8, False), (2.6e8, True), (2.5e8, False)])
def test_growth_of_memory(predicted: float, held: bool) -> None:
    rows = [of_kind("memory", "memory", [3e8], [3e8], "fine"), of_kind("memory", "memory", [predicted], [3e8], "off")]
    found = of(MEMORY, rows)
    assert (found.held, found.detail) == (held, "small, off")


def test_small_jobs_say_nothing_of_memory() -> None:
    small, large = (of_kind("memory", "memory", [9e8], [size], "m") for size in (1e8, 9e8))
    assert of(MEMORY, [small, large]).held
    assert not of(MEMORY, [small]).held


@pytest.mark.parametrize(
    "measured,predicted,held",
    [
        ([10, 10, 10], 10.9, True),
        ([10, 10, 10], 11.1, False),
        ([10, 10, 10], 8.9, False),
        ([6, 8, 10, 12, 14], 13.0, True),  # spread 40 %
        ([6, 8, 10, 12, 14], 15.0, False),
    ],
)
def test_time_to_target_within_tolerance_or_the_spread_over_seeds(
    measured: list[float], predicted: float, held: bool
) -> None:
    row = of_kind("learning", "time_to_target", [predicted] * len(measured), measured, "l")
    found = of(LEARNING, [row])
    assert (found.held, found.detail) == (held, "" if held else "small, l")


def test_learning_that_never_reached_its_target_holds_nothing() -> None:
    item = an_item("l", "learning")
    row = judge(item, records(item, [(says(), says())], error="not reached"), NO_INTERVALS)
    assert not of(LEARNING, [row]).held
