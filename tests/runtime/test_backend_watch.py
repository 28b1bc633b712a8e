"""When a run stands still, and when it only seems to."""

from __future__ import annotations

from collections.abc import Sequence

from ampsim.errors import Stalled
from ampsim.runtime.watch import StallWatch

Counts = Sequence[int]  # tasks, sent, received, waiting in the outbox; what asking adds is added here


def snapshot(watch: StallWatch, *workers: Counts) -> Stalled | None:
    """Ask, and let every worker answer; what the last answer gives."""
    question = watch.ask()
    found = None
    for worker, (tasks, sent, received, left) in enumerate(workers):
        waiting = [f"join{worker} misses something"]
        # A worker has answered every question but this one when it counts.
        counts = [tasks, sent + question - 1, received + question, left]
        found = watch.answer(worker, [question, counts, waiting, None, None], [3, 4])
    return found


def test_two_equal_snapshots_are_a_stall_that_names_the_joins_of_all_workers() -> None:
    watch = StallWatch(2)
    assert snapshot(watch, (5, 7, 9, 0), (6, 9, 7, 0)) is None
    stall = snapshot(watch, (5, 7, 9, 0), (6, 9, 7, 0))
    assert isinstance(stall, Stalled)
    for part in ("2 instances in flight (3, 4)", "worker 0: join0 misses", "worker 1: join1 misses"):
        assert part in str(stall)


def test_groups_of_which_nothing_is_said_are_named() -> None:
    watch = StallWatch(1)
    watch.groups = ["sum"]
    assert snapshot(watch, (5, 7, 9, 0)) is None
    assert "no group waits at sum" in str(snapshot(watch, (5, 7, 9, 0)))


def test_whatever_differs_is_progress() -> None:
    still = (5, 7, 9, 0)
    for moved in ((6, 7, 9, 0), (5, 8, 9, 0), (5, 7, 10, 0)):
        watch = StallWatch(2)
        assert snapshot(watch, still, still) is None
        assert snapshot(watch, still, moved) is None
        assert snapshot(watch, still, moved) is not None


def test_what_waits_in_an_outbox_is_on_its_way() -> None:
    watch = StallWatch(1)
    for _ in range(5):
        assert snapshot(watch, (5, 7, 9, 1)) is None


def test_a_report_forgets_what_was_seen() -> None:
    watch = StallWatch(1)
    assert snapshot(watch, (5, 7, 9, 0)) is None
    watch.reset()
    assert snapshot(watch, (5, 7, 9, 0)) is None
    assert snapshot(watch, (5, 7, 9, 0)) is not None


def test_who_does_not_answer_in_time_is_not_judged() -> None:
    watch = StallWatch(2)
    assert snapshot(watch, (5, 7, 9, 0), (5, 7, 9, 0)) is None
    first = watch.ask()
    assert watch.answer(0, [first, [5, 7 + first - 1, 9 + first, 0], [], None, None], []) is None
    second = watch.ask()  # worker 1 computes, and answers both questions later
    assert watch.answer(1, [first, [6, 7 + first - 1, 9 + first, 0], [], None, None], []) is None
    assert watch.answer(1, [second, [6, 7 + second - 1, 9 + second, 0], [], None, None], []) is None
    assert watch.answer(0, [second, [5, 7 + second - 1, 9 + second, 0], [], None, None], []) is None


def test_where_a_given_order_stops_is_told_first() -> None:
    watch = StallWatch(1)
    for _ in range(2):
        question = watch.ask()
        counts = [5, 7 + question - 1, 9 + question, 0]
        stall = watch.answer(0, [question, counts, ["join misses it"], "the given order stops", None], [1])
    assert stall is not None
    assert str(stall).index("worker 0: the given order stops") < str(stall).index("worker 0: join misses it")
