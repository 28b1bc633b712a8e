"""For how long a process keeps a core that another waits for, seen by the two that wait."""

from __future__ import annotations

import os
import sys

import pytest

from ampsim.studies.calibrate.turn import GAP, SECONDS, USUAL, turn, typical


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a process choose its core")
def test_two_processes_on_one_core_see_each_other() -> None:
    """Each of them is away for a turn at a time, and both together for no longer than they were there."""
    kept, spread = turn()
    assert GAP < kept < SECONDS
    assert spread >= 0


def test_gaps_of_two_turns_do_not_count() -> None:
    assert typical([4e-3] * 9 + [8e-3] * 3)[0] == pytest.approx(4e-3)
    assert typical([3e-3, 4e-3, 5e-3, 6e-3]) == pytest.approx((3.25e-3, 2.5 / 4.5))


def test_where_nothing_is_seen_it_is_the_usual_one() -> None:
    assert typical([]) == typical([1.0] * 3) == (USUAL, 0.0)


def test_where_a_core_cannot_be_chosen_nothing_is_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_setaffinity", raising=False)
    monkeypatch.setattr(sys, "executable", "/nowhere")
    assert turn() == (USUAL, 0.0)
