"""Units that take turns on cores: who has one keeps it until it sleeps, or until its turn is over and others wait."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import simpy
from hypothesis import given, settings
from hypothesis import strategies as st

from ampsim.hw import System
from ampsim.hw.clock import FS
from ampsim.hw.cores import SharedCores
from ampsim.hw.handling import Sharing, shared_cores
from ampsim.hw.schema import Cores
from ampsim.hw.turns import Turns
from tests.sim.systems import chips, system

LIVES = st.lists(
    st.tuples(st.integers(0, 1000), st.lists(st.integers(1, 1000), min_size=1, max_size=4)), min_size=1, max_size=8
)
"""Of each unit: when it wakes up, and pieces of work that it does one after the other before it sleeps."""

Life = tuple[int, Sequence[int]]


class World:
    """Units on cores. ``turn`` in femtoseconds; 0: everyone at once. ``begun[u]`` and ``done[u]`` are times."""

    def __init__(self, lives: Sequence[Life], count: int, turn: int, **kind: Any) -> None:
        self.env = simpy.Environment()
        made: type[Turns | SharedCores] = Turns if turn else SharedCores
        self.cores: Sharing = made(self.env, Cores(count=count, turn=turn / FS, **kind), len(lives))
        self.begun = [-1] * len(lives)
        self.done: list[list[int]] = [[] for _ in lives]
        for number, (when, pieces) in enumerate(lives):
            self.at(when, lambda n=number, p=pieces: self.cores.acquire(n, lambda: self._begin(n, p)))

    def at(self, when: int, call: Any) -> None:
        self.env.timeout(when).callbacks.append(lambda _: call())

    def _begin(self, number: int, pieces: Sequence[int]) -> None:
        self.begun[number] = int(self.env.now)
        self._next(number, list(pieces))

    def _next(self, number: int, left: list[int]) -> None:
        def then(_: simpy.Event) -> None:
            self.done[number].append(int(self.env.now))
            self._next(number, left)

        if left:
            self.cores.work(number, left.pop(0), then)
        else:
            self.cores.release(number)


def ends(lives: Sequence[Life], count: int, turn: int, **kind: Any) -> list[int]:
    world = World(lives, count, turn, **kind)
    world.env.run()
    return [times[-1] for times in world.done]


# -- closed forms ------------------------------------------------------------------------------------------------------


def test_shorter_than_a_turn_they_come_one_after_the_other() -> None:
    """Three pieces of 10 on one core: none is stretched. With equal parts at once all would end at 30."""
    world = World([(0, [10])] * 3, 1, 100)
    world.env.run()
    assert (world.begun, world.done) == ([0, 10, 20], [[10], [20], [30]])


def test_a_turn_ends_in_the_middle_of_work() -> None:
    """10 each in turns of 4 on one core: a 0-4, b 4-8, a 8-12, b 12-16, a 16-18, b 18-20."""
    assert ends([(0, [10]), (0, [10])], 1, 4) == [18, 20]


def test_a_turn_counts_over_pieces_of_work() -> None:
    """Pieces of 3 in turns of 4: the first unit steps back in the middle of its second piece."""
    world = World([(0, [3, 3]), (0, [5])], 1, 4)
    world.env.run()
    assert world.done == [[3, 4 + 4 + 2], [4 + 4 + 2 + 1]]


def test_nobody_steps_back_for_nobody() -> None:
    """The second comes long after the first one's turn was over; then the first gives way at once."""
    assert ends([(0, [100]), (50, [1])], 1, 4) == [101, 51]
    assert ends([(0, [100])], 1, 4) == [100]


def test_who_steps_back_goes_to_the_end_of_the_line() -> None:
    assert ends([(0, [8]), (0, [2]), (0, [2])], 1, 4) == [12, 6, 8]


def test_two_cores_serve_one_line() -> None:
    assert ends([(0, [5]), (0, [7]), (0, [1]), (0, [4])], 2, 100) == [5, 7, 6, 10]


@pytest.mark.parametrize("units,crowded", [(2, 1), (3, 3)])
def test_slowdown_and_crowded_stretch_what_has_a_core(units: int, crowded: int) -> None:
    """Two at work on two cores take 1.5 times as long, thrice that if a third unit is in use and waits in line."""
    found = ends([(0, [10])] * units, 2, 10**6, slowdown=(1.0, 1.5), crowded=3.0)
    assert found[:2] == [15 * crowded] * 2
    assert found[2:] == [15 * crowded + 10 * crowded] * (units - 2)


def test_the_controller_takes_a_core_at_once_and_gives_it_back() -> None:
    """One that has had its core longest waits, and goes on before those in line."""
    world = World([(0, [10]), (1, [10]), (2, [10])], 2, 100)
    heard: list[int] = []
    world.at(4, lambda: world.cores.run(3, lambda _: heard.append(int(world.env.now))))
    world.env.run()
    assert heard == [7]
    assert world.done == [[13], [11], [21]]


def test_the_controller_takes_a_free_core() -> None:
    world = World([(0, [10])], 2, 100)
    world.at(4, lambda: world.cores.run(3, lambda _: None))
    world.env.run()
    assert world.done == [[10]]


def test_work_that_ends_at_this_very_moment_is_not_taken_back() -> None:
    world = World([(0, [4, 4])], 1, 100)
    heard: list[int] = []
    world.at(4, lambda: world.cores.run(1, lambda _: heard.append(int(world.env.now))))
    world.env.run()
    assert (heard, world.done) == ([5], [[4, 9]])


# -- laws --------------------------------------------------------------------------------------------------------------


@given(LIVES, st.integers(1, 4), st.integers(1, 2000))
def test_work_is_conserved(lives: list[Life], count: int, turn: int) -> None:
    """While somebody waits all cores are at work: with one core, the last end is that of one long piece."""
    found = ends(lives, count, turn)
    assert all(end >= when + sum(pieces) for (when, pieces), end in zip(lives, found, strict=True))
    if count == 1:
        now = 0
        for when, pieces in sorted(lives, key=lambda life: life[0]):
            now = max(now, when) + sum(pieces)
        assert max(found) == now


@given(LIVES, st.integers(1, 2000))
def test_with_a_core_for_each_nobody_waits(lives: list[Life], turn: int) -> None:
    assert ends(lives, len(lives), turn) == [when + sum(pieces) for when, pieces in lives]


@given(LIVES, st.integers(1, 4))
def test_in_long_turns_first_come_is_first_served_whole(lives: list[Life], count: int) -> None:
    world = World(lives, count, 10**9)
    world.env.run()
    for begun, (_, pieces), done in zip(world.begun, lives, world.done, strict=True):
        assert done[-1] == begun + sum(pieces)
    order = sorted(range(len(lives)), key=lambda n: (lives[n][0], n))
    assert [world.begun[n] for n in order] == sorted(world.begun)


@settings(max_examples=30)
@given(LIVES, st.integers(1, 4))
def test_in_short_turns_it_is_equal_parts_at_once(lives: list[Life], count: int) -> None:
    """The shorter the turns, the nearer to processor sharing: off by some turns for each that comes or goes."""
    turn, long = 20, 20
    lives = [(when * long, [piece * long for piece in pieces]) for when, pieces in lives]
    near, exact = ends(lives, count, turn), ends(lives, count, 0)
    bound = 4 * turn * (len(lives) + 1) ** 2
    assert all(abs(a - b) <= bound for a, b in zip(near, exact, strict=True))


def test_a_system_with_turns_has_them() -> None:
    for turn, kind in ((0.004, Turns), (0.0, SharedCores)):
        shared = chips(3, cores={"count": 2, "turn": turn})
        made = System.from_dict(system(3).to_dict() | {"chips": [shared]})
        assert isinstance(shared_cores(simpy.Environment(), made, made.unit_chips[:3])[0], kind)
