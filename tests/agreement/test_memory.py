"""Memory is accounted by one rule: where tasks come in one order, it is equal to the byte.

At the end of every task caches, deferred rows and the static parts are equal. What waits in a queue depends on when a
message came: equal with one worker, and on several where messages take their measured time. Outboxes differ by nature:
the simulator counts a parcel until it has arrived, a process only what did not fit into its channel.
"""

from __future__ import annotations

import numpy as np
import pytest

from tests.agreement.jobs import JOBS
from tests.agreement.runs import CASES, Case, measured, replayed


@pytest.mark.parametrize("case", CASES, ids=str)
def test_in_the_same_order_caches_deferred_rows_and_static_parts_are_equal(case: Case) -> None:
    run, again = measured(case), replayed(case)
    assert run.tables["memory"]["caches"].max() > 0
    for column in ("worker", "caches", "deferred", "off_chip"):
        np.testing.assert_array_equal(again.tables["memory"][column], run.tables["memory"][column], column)
    assert again.summary["static_memory"] == run.summary["static_memory"]


@pytest.mark.parametrize("case", [Case(name, 1, 1) for name in JOBS], ids=str)
def test_with_one_worker_queues_are_equal_too(case: Case) -> None:
    run, again = measured(case), replayed(case)
    assert run.tables["memory"]["queues"].max() > 0
    for column in ("caches", "deferred", "queues", "outbox"):
        np.testing.assert_array_equal(again.tables["memory"][column], run.tables["memory"][column], column)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_with_measured_durations_queues_are_equal_but_for_messages_that_came_at_a_tasks_end(case: Case) -> None:
    run, again = measured(case), replayed(case, durations=True)
    equal = run.tables["memory"]["queues"] == again.tables["memory"]["queues"]
    assert equal.mean() > 0.9
