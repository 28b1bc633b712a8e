"""Bare task lists: steps wait for what comes before them, on their chip and on others."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ampsim.errors import RunError, Stalled, UsageError
from ampsim.hw import Step, run_lists
from tests.sim.systems import BANDWIDTH, LATENCY, MIB, NS, system

HOP = 20_031_250_000  # fs: 500 ns + 1 MiB / (50 GiB/s)


def test_a_step_waits_for_its_chip_and_for_what_has_to_arrive() -> None:
    first = [Step("a", 1e-6, nbytes=MIB), Step("b", 1e-6)]
    second = [Step("c", 5e-7), Step("d", 1e-6, after=("a", "c"))]
    timed = run_lists(system(2), [first, second])
    assert timed.start == {"a": 0, "c": 0, "b": 1000 * NS, "d": 1000 * NS + HOP}
    assert timed.end["d"] == 2000 * NS + HOP
    assert timed.makespan == timed.end["d"] / 10**15
    assert [(wire.name, wire.carried) for wire in timed.network.wires if wire.messages] == [("chip0->chip1", MIB)]


def test_a_result_is_sent_once_to_each_chip_that_waits_for_it() -> None:
    first = [Step("a", 0.0, nbytes=MIB), Step("own", 0.0, after=("a",))]
    others = [[Step("b", 0.0, after=("a",)), Step("c", 0.0, after=("a", "b"))], [Step("d", 0.0, after=("a",))], []]
    timed = run_lists(system(4, "full"), [first, *others])
    assert timed.network.table()["bytes"].tolist() == [MIB, MIB]
    assert timed.end == {"a": 0, "own": 0, "b": HOP, "c": HOP, "d": HOP}


@settings(max_examples=15)
@given(st.integers(0, 5), st.lists(st.integers(0, 3), min_size=1, max_size=12), st.integers(0, 2**63 - 1))
def test_a_chain_takes_the_sum_of_its_steps_and_hops(size: int, at: list[int], seed: int) -> None:
    """Step i on chip at[i], each after the one before; nothing falls on equal times that a seed could change."""
    lists: list[list[Step]] = [[], [], [], []]
    for i, chip in enumerate(at):
        lists[chip].append(Step(str(i), 1e-6, (str(i - 1),) if i else (), size * MIB))
    hops = sum(a != b for a, b in pairwise(at))
    expected = len(at) * 1e-6 + hops * (LATENCY + size * MIB / BANDWIDTH)
    for tie_break in (None, seed):
        assert run_lists(system(4, "full"), lists, tie_break).makespan == pytest.approx(expected, rel=1e-9)


def test_chips_that_wait_for_one_another_are_named_in_a_cycle() -> None:
    lists = [
        [Step("a", 1.0), Step("b", 1.0, after=("f",))],
        [Step("c", 1.0, after=("b", "a")), Step("d", 1.0)],
        [Step("e", 1.0, after=("d",)), Step("f", 1.0)],
    ]
    with pytest.raises(Stalled) as error:
        run_lists(system(3), lists)
    assert error.value.what.splitlines() == [
        "the lists stalled with 5 of 6 steps undone; wait-for cycle:",
        "  chip0 at b waits for f",
        "  chip2 at e waits for d",
        "  chip1 at c waits for b",
    ]
    assert error.value.exit_code == 1


def test_a_step_after_a_later_one_of_its_own_chip_waits_for_itself() -> None:
    with pytest.raises(Stalled, match="cycle:\n  chip0 at a waits for b\n"):
        run_lists(system(1), [[Step("a", 1.0, after=("b",)), Step("b", 1.0)]])


@pytest.mark.parametrize(
    "lists, what",
    [
        ([], "there is no step"),
        ([[], []], "there is no step"),
        ([[Step("a", 1.0)]] * 2, "two steps are called 'a'"),
        ([[Step("a", 1.0, after=("z",))]], "'a' comes after 'z', which no chip does"),
        ([[Step(str(i), 1.0)] for i in range(3)], "3 lists do not fit on the 2 chips"),
    ],
)
def test_lists_that_cannot_be_meant_are_refused(lists: Sequence[Sequence[Step]], what: str) -> None:
    with pytest.raises(UsageError, match=what):
        run_lists(system(2), lists)


@pytest.mark.parametrize("seconds", [-1.0, float("nan"), float("inf")])
def test_durations_are_finite_and_not_negative(seconds: float) -> None:
    with pytest.raises(RunError, match="duration"):
        run_lists(system(1), [[Step("a", seconds)]])
