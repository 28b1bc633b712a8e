"""Messages between workers: who sends to whom, together when sent together, and how many are under way."""

from __future__ import annotations

from typing import Any

import numpy as np

from ampsim.result.analysis.traffic import arrows, matrix, under_way
from ampsim.result.schema import Table, empty_tables
from tests.result.synthetic import make_run, table


def example() -> dict[str, Table]:
    """Worker 0 sends twice two messages to worker 1, and one to itself; worker 1 sends one back."""

    def message(task: int, source: int, sent: float, arrived: float, direction: int = 0) -> tuple[Any, ...]:
        return (task, 0, direction, (0,), 8, source, sent, arrived)

    tasks = [(worker, 0, 0, 9.0, 10.0, 1, 1, 0.0, 0.0, 0, 0) for worker in (0, 1)]
    messages = [message(1, 0, 1, 2), message(1, 0, 1, 3), message(1, 0, 2, 4), message(1, 0, 2, 4, direction=1),
                message(0, 0, 1, 1), message(0, 1, 5, 6), message(0, -1, 0, 0)]  # fmt: skip
    return empty_tables() | {"tasks": table("tasks", tasks), "messages": table("messages", messages)}


def test_what_is_sent_together_is_one_arrow_a_direction() -> None:
    found = arrows(example(), 2)
    assert list(zip(found.source.tolist(), found.destination.tolist(), found.sent.tolist(), strict=True)) == [
        (0, 1, 1.0), (0, 1, 2.0), (0, 1, 2.0), (1, 0, 5.0),
    ]  # fmt: skip
    assert found.arrived.tolist() == [3, 4, 4, 6]
    assert found.messages.tolist() == [2, 1, 1, 1]
    assert found.direction.tolist() == [0, 0, 1, 0]
    assert found.bytes.tolist() == [16, 8, 8, 8]


def test_the_matrix_has_no_diagonal_and_all_bytes() -> None:
    assert matrix(example(), 2).tolist() == [[0, 32], [8, 0]]
    run = make_run(3)
    found = matrix(run.tables, 3)
    assert found.trace() == 0
    assert found.sum() == run.tables["links"]["bytes"].sum()


def test_messages_are_under_way_from_sending_to_arrival_the_longest_first() -> None:
    first, second = under_way(example(), 2, 5)
    assert (first.source, first.destination) == (0, 1)
    assert first.messages.at(np.asarray([0.5, 1.5, 2.5, 3.5, 4.5])).tolist() == [0, 2, 3, 2, 0]
    assert (second.source, second.destination) == (1, 0)
    assert len(under_way(example(), 2, 1)) == 1


def test_one_worker_sends_to_nobody() -> None:
    run = make_run(1)
    assert len(arrows(run.tables, 1).sent) == 0
    assert not matrix(run.tables, 1).any()
    assert under_way(run.tables, 1, 5) == []
