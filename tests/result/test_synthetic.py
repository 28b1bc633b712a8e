"""The made-up runs keep to the schema and to the protocol, or tests with them would prove nothing."""

from __future__ import annotations

import numpy as np
import pytest

from ampsim.result.checks import check
from ampsim.result.summary import check_summary
from tests.result.synthetic import make_run


@pytest.mark.parametrize("workers", [1, 2, 3, 16])
def test_a_made_up_run_is_consistent(workers: int) -> None:
    run = make_run(workers, instances=6, epochs=2)
    check(run.tables)
    check_summary(run.summary, run.tables)
    tasks, messages, instances = (run.tables[name] for name in ("tasks", "messages", "instances"))
    for worker in range(workers):
        mine = tasks["worker"] == worker
        assert (tasks["start"][mine][1:] >= tasks["end"][mine][:-1]).all()
    assert (messages["sent"] <= messages["arrived"]).all()
    assert (messages["arrived"] <= tasks["start"][messages["task"]]).all()
    assert (instances["completed"] > instances["admitted"]).all()
    assert run.summary["updates"] == workers * 12
    assert np.array_equal(np.unique(messages["task"], return_counts=True)[1], tasks["messages"][tasks["messages"] > 0])


def test_an_empty_run_is_consistent() -> None:
    run = make_run(2, epochs=0)
    check(run.tables)
    assert run.summary["epochs"] == []
