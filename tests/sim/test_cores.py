"""Shared cores: who is at work gets an equal part, and no work is lost or done twice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import pairwise
from math import ceil
from typing import Any

import numpy as np
import pytest
import simpy
from hypothesis import given
from hypothesis import strategies as st

from ampsim.errors import ConfigError
from ampsim.hw import System
from ampsim.hw.cores import SharedCores
from ampsim.hw.handling import Handling, shared_cores
from ampsim.hw.schema import Cores
from tests.sim.systems import chips, system

WORK = st.integers(1, 10**15)
ARRIVALS = st.lists(st.tuples(st.integers(0, 10**6), st.integers(1, 10**6)), min_size=1, max_size=12)


def ends(arrivals: Sequence[tuple[int, int]], units: int = 1, **kind: Any) -> list[int]:
    """When each (time, work) is done on cores of this kind."""
    env = simpy.Environment()
    cores = SharedCores(env, Cores(**kind), units)
    found = [0] * len(arrivals)

    def end(number: int) -> None:
        found[number] = now(env)

    def begin(number: int) -> None:
        cores.run(arrivals[number][1], lambda _: end(number))

    for number, (when, _) in enumerate(arrivals):
        at(env, when, begin, number)
    env.run()
    return found


def at(env: simpy.Environment, when: int, call: Callable[[int], None], number: int) -> None:
    """``call(number)`` at a time."""
    callbacks = env.timeout(when).callbacks
    assert callbacks is not None
    callbacks.append(lambda _: call(number))


def now(env: simpy.Environment) -> int:
    assert isinstance(env.now, int)
    return env.now


# -- closed forms ------------------------------------------------------------------------------------------------------


@given(st.integers(0, 10**15), WORK, st.integers(1, 64))
def test_one_alone_takes_as_long_as_on_a_core_of_its_own(when: int, work: int, count: int) -> None:
    assert ends([(when, work)], count=count) == [when + work]


@given(WORK, st.integers(1, 40), st.integers(1, 40))
def test_n_equal_ones_on_c_cores_take_n_over_c_times_as_long(work: int, n: int, c: int) -> None:
    assert ends([(0, work)] * n, units=1, count=c) == [ceil(work * max(Fraction(n, c), Fraction(1)))] * n


@pytest.mark.parametrize("n,c,slow", [(1, 2, 1.25), (2, 2, 1.5), (3, 2, 1.75), (4, 2, 1.75), (9, 3, 1.75)])
@pytest.mark.parametrize("units,crowded", [(2, 1.0), (9, 1.5)])
def test_and_slowdown_and_crowded_times_that(n: int, c: int, slow: float, units: int, crowded: float) -> None:
    """The last slowdown holds for more; crowded counts if more units than cores are in use, whoever is at work."""
    work = 10**12
    found = ends([(0, work)] * n, units=units, count=c, slowdown=(1.25, 1.5, 1.75), crowded=1.5)
    factor = crowded if units > c else 1
    assert found == [ceil(work * max(Fraction(n, c), Fraction(1)) * Fraction(slow) * Fraction(factor))] * n


def test_one_that_comes_in_the_middle_of_work() -> None:
    """On one core: 4 alone, then 6 at half speed until 16; the other has 6 of its 10 by then, and 4 alone."""
    assert ends([(0, 10), (4, 10)], count=1) == [16, 20]


def test_one_that_goes_in_the_middle_of_work() -> None:
    """Two cores, three at two thirds: the short one goes at 9, and the others go on at full speed."""
    assert ends([(0, 6), (0, 16), (0, 16)], count=2) == [9, 19, 19]


def test_one_that_comes_and_goes_without_a_trace() -> None:
    """While cores are left nobody notices: but for the slowdown."""
    assert ends([(0, 100), (10, 5)], count=2) == [100, 15]
    assert ends([(0, 100), (10, 5)], count=2, slowdown=(1.0, 2.0)) == [105, 20]


# -- laws --------------------------------------------------------------------------------------------------------------


def integral(arrivals: Sequence[tuple[int, int]], done: Sequence[int], kind: Cores) -> Fraction:
    """Work that cores of this kind do, given when somebody was at work: the area under busy * speed(busy)."""
    cores = SharedCores(simpy.Environment(), kind, 1)
    times = sorted({*(when for when, _ in arrivals), *done})
    total = Fraction(0)
    for low, high in pairwise(times):
        busy = sum(when <= low and end >= high for (when, _), end in zip(arrivals, done, strict=True))
        if busy:
            total += (high - low) * busy * cores.speed(busy)
    return total


@given(ARRIVALS, st.integers(1, 5), st.lists(st.sampled_from([1.0, 1.1, 1.5, 2.0]), min_size=1, max_size=4))
def test_work_is_conserved(arrivals: list[tuple[int, int]], count: int, slowdown: list[float]) -> None:
    """What the cores did is what was asked of them; each change of speed may round by a femtosecond of each at work."""
    done = ends(arrivals, count=count, slowdown=tuple(slowdown))
    asked = sum(work for _, work in arrivals)
    rounding = 2 * len(arrivals) ** 2 + len(arrivals)
    assert abs(integral(arrivals, done, Cores(count=count, slowdown=tuple(slowdown))) - asked) <= rounding


@given(ARRIVALS, st.integers(1, 5))
def test_nobody_is_faster_than_alone_or_slower_than_last_in_line(arrivals: list[tuple[int, int]], count: int) -> None:
    done = ends(arrivals, count=count)
    everything = max(when for when, _ in arrivals) + sum(work for _, work in arrivals)
    for (when, work), end in zip(arrivals, done, strict=True):
        assert when + work <= end <= everything + len(arrivals)


@given(ARRIVALS, st.integers(1, 5))
def test_equal_work_ends_in_the_order_in_which_it_began(arrivals: list[tuple[int, int]], count: int) -> None:
    equal = sorted((when, 1000) for when, _ in arrivals)
    done = ends(equal, count=count)
    assert done == sorted(done)


@given(ARRIVALS)
def test_with_a_core_for_each_nobody_waits(arrivals: list[tuple[int, int]]) -> None:
    assert ends(arrivals, count=len(arrivals)) == [when + work for when, work in arrivals]


def test_whoever_ends_may_begin_again_at_once() -> None:
    """Two on one core, each doing 10 three times: 60 in all, in step."""
    env = simpy.Environment()
    cores = SharedCores(env, Cores(count=1), 2)
    left, found = {"a": 3, "b": 3}, []

    def go(name: str) -> None:
        found.append((name, env.now))
        if left[name]:
            left[name] -= 1
            cores.run(10, lambda _: go(name))

    go("a")
    go("b")
    env.run()
    assert found == [(name, now) for now in (0, 20, 40, 60) for name in "ab"]


# -- which chips share -------------------------------------------------------------------------------------------------


def test_a_group_shares_and_others_have_their_own() -> None:
    values = system(1).to_dict()
    shared = chips(3, prefix="core", cores={"count": 2, "crowded": 2.0}, units=2)
    made = System.from_dict(values | {"chips": [chips(2), shared], "topology": {"kind": "full"}})
    found = shared_cores(simpy.Environment(), made, made.unit_chips[:5])
    assert sorted(found) == [2, 3, 4]
    assert len({id(cores) for cores in found.values()}) == 1
    assert isinstance(found[2], SharedCores)
    assert found[2].speed(1) == Fraction(1, 2)  # three workers sit on two cores
    few = shared_cores(simpy.Environment(), made, made.unit_chips[:4])
    assert isinstance(few[2], SharedCores)
    assert few[2].speed(1) == 1


@pytest.mark.parametrize(
    "group,do",
    [({}, "give chips cores, or leave within out"), ({"prefix": "core", "cores": {"count": 2}}, "one of: core")],
)
def test_a_controller_can_only_be_within_chips_that_share_cores(group: dict[str, Any], do: str) -> None:
    values = system(1).to_dict() | {"chips": [chips(1, **group)], "host": {"within": "chip"}}
    with pytest.raises(ConfigError) as caught:
        System.from_dict(values)
    assert (caught.value.what, caught.value.where, caught.value.do) == (
        "no chips 'chip' share cores",
        "host.within",
        do,
    )


# -- the controller ----------------------------------------------------------------------------------------------------


def heard(arrivals: Sequence[int], work: int, cores: Cores | None = None, beside: int = 0) -> list[tuple[int, Any]]:
    """When a controller has heard reports that come at these times, with work ``beside`` it on the cores from 0 on."""
    env = simpy.Environment()
    shared = SharedCores(env, cores, 1) if cores else None
    found: list[tuple[int, Any]] = []
    handling = Handling(env, work, shared, lambda effects: found.append((now(env), effects)))
    if shared and beside:
        shared.run(beside, lambda _: None)
    for number, when in enumerate(arrivals):
        at(env, when, handling.report, number)
    env.run()
    return found


def test_reports_are_heard_at_once_where_that_takes_no_time() -> None:
    assert heard([3, 5, 5], 0) == [(3, 0), (5, 1), (5, 2)]


def test_reports_are_heard_one_after_the_other_in_their_order() -> None:
    assert heard([0, 1, 2, 50], 10) == [(10, 0), (20, 1), (30, 2), (60, 3)]


def test_a_controller_within_a_processor_takes_its_part_of_it() -> None:
    """Beside one at work it gets half of one core; with a second core all of that."""
    assert heard([0, 0], 10, Cores(count=1), beside=15) == [(20, 0), (35, 1)]
    assert heard([0, 0], 10, Cores(count=2), beside=15) == [(10, 0), (20, 1)]


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=10), st.integers(1, 300))
def test_a_controller_never_rests_while_reports_wait(arrivals: list[int], work: int) -> None:
    """Lindley's recursion of a queue with one server."""
    free, expected = 0, []
    for when in sorted(arrivals):
        free = max(free, when) + work
        expected.append(free)
    np.testing.assert_array_equal([when for when, _ in heard(sorted(arrivals), work)], expected)
