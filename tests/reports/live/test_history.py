"""A history that stays small and stays true: what is left out changes no mean, no sum, no highest."""

from __future__ import annotations

import json
from itertools import pairwise
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ampsim.engine.watching import Look
from ampsim.reports.live.history import LINES, MOST, History
from ampsim.reports.live.state import Facts, State, as_dict, columns, encode


def look(at: float, done: int = 0, in_flight: int = 0, workers: int = 2, **more: Any) -> Look:
    busy = tuple((at * (worker + 1) / (workers + 1), at) for worker in range(workers))
    sums = {"rows": done, "loss": 2.0 * done, "correct": done, "busy": busy, "events": 0, **more}
    return Look(at, at, done, done, in_flight, **sums)


def filled(looks: list[Look], most: int = 16) -> History:
    history = History(most)
    for number, found in enumerate(looks):
        history.add(found, last=number == len(looks) - 1)
    return history


@given(st.integers(2, 400), st.integers(2, 16).map(lambda half: 2 * half), st.integers(0, 99))
def test_it_never_holds_more_than_it_may_and_spans_the_whole_run(count: int, most: int, seed: int) -> None:
    random = Random(seed)
    looks, done = [], 0
    for number in range(count):
        done += random.randrange(9)
        looks.append(look(float(number), done, random.randrange(50)))
    history = filled(looks, most)
    kept = history.kept
    assert len(kept) <= most
    assert (kept[0].look, kept[-1].look) == (looks[0], looks[-1])
    assert count < 2 * most or len(kept) >= most // 2 - 1
    # Evenly: only the last may stand nearer to the one before it.
    gaps = {b.looks - a.looks for a, b in pairwise(kept[:-1])}
    assert gaps <= {history.stride}
    # Sums since the start, so no difference depends on what was left out.
    for point in kept:
        mine = looks[: point.looks]
        assert point.look == mine[-1]
        assert point.flying == sum(found.in_flight for found in mine)
    for a, b in pairwise(kept):
        assert b.highest == max(found.in_flight for found in looks[a.looks : b.looks])


def test_rates_are_exact_means_between_the_times_they_name() -> None:
    looks = [look(0.5 * number, number * number) for number in range(700)]
    found = columns(filled(looks, 64).kept)
    done = {one.clock: one.done for one in looks}
    assert len(found["time"]) == len(found["start"]) > 30
    for start, end, rate in zip(found["start"], found["time"], found["throughput"], strict=True):
        assert rate == pytest.approx((done[end] - done[start]) / (end - start))
    assert found["loss"] == pytest.approx([2.0] * len(found["time"]))
    assert found["accuracy"] == pytest.approx([1.0] * len(found["time"]))
    assert np.allclose(found["busy"][0], 1 / 3)
    assert np.allclose(found["busy"][1], 2 / 3)


def test_what_was_not_scored_has_no_loss_rather_than_none_of_it() -> None:
    looks = [look(float(number), number, rows=10 * (number > 5), loss=5.0 * (number > 5)) for number in range(12)]
    found = columns(filled(looks, 64).kept)
    assert found["loss"][:5] == [None] * 5
    assert found["loss"][5] == pytest.approx(0.5)
    assert found["loss"][-1] is None


def test_a_clock_that_stands_still_has_no_throughput() -> None:
    looks = [look(0.0, number) for number in range(5)]
    found = columns(filled(looks).kept)
    assert found["throughput"] == [None] * 4
    assert found["busy"] == [[None] * 4, [None] * 4]


def test_a_long_task_counts_when_it_ends_and_never_for_more_than_all_the_time() -> None:
    looks = [look(float(n), busy=((100.0 if n > 6 else 0.0, float(n)),)) for n in range(14)]
    shares = columns(filled(looks).kept)["busy"][0]
    assert max(shares) == 1.0
    assert set(shares) <= {0.0, 1.0}


@pytest.mark.parametrize("workers", [LINES, LINES + 1, 1000])
def test_many_workers_take_no_more_room_than_a_few(workers: int) -> None:
    looks = [look(float(number + 1), number, workers=workers) for number in range(3000)]
    history = filled(looks, MOST)
    found = columns(history.kept)
    assert len(found["time"]) < MOST
    assert len(found["busy"]) == (workers if workers <= LINES else 1)
    if workers > LINES:
        low, high = found["spread"]
        assert low[5] == pytest.approx(1 / (workers + 1))
        assert high[5] == pytest.approx(workers / (workers + 1))
        assert found["busy"][0][5] == pytest.approx(0.5)
    else:
        assert found["spread"] is None
    raw = encode(state(history, looks[-1]))
    assert len(raw) < 300_000


def state(history: History, last: Look) -> State:
    facts = Facts(last, 9000, 3, 1, 4, 10.0, 5.0, 0.5, 0.6, early=True, epochs=[{"epoch": 0, "time": 1.0}])
    return State(7, "running", "", facts, tuple(history.kept), [(1.0, 0.5, None)])


def test_the_state_is_plain_json_with_null_for_what_is_not_known() -> None:
    history = filled([look(0.0), look(1.0, 5)])
    found = json.loads(encode(state(history, look(1.0, 5))), parse_constant=pytest.fail)
    assert found["run"]["done"] == 5
    assert found["run"]["throughput"] == 5.0
    assert found["validations"] == [[1.0], [0.5], [None]]
    assert found["epochs"] == [{"epoch": 0, "time": 1.0}]
    assert found["history"]["busy"][0] == [pytest.approx(1 / 3)]
    assert json.loads(encode(State(0))) == {
        "version": 0, "phase": "starting", "over": False, "message": "", "report": False, "restarts": 0, "run": None,
    }  # fmt: skip


@pytest.mark.parametrize("count", [0, 1])
def test_before_there_are_two_looks_there_is_nothing_to_draw(count: int) -> None:
    history = filled([look(0.0)][:count])
    found = as_dict(state(history, look(0.0)))
    assert found["history"]["time"] == []
    assert found["run"]["throughput"] is None
