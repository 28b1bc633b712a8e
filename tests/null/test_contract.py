"""The contract of a backend: NullBackend keeps it, in any order of events; a backend that errs is told how."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from ampsim import testing
from ampsim.engine.null import NullBackend
from ampsim.engine.optimizer import SGD
from ampsim.engine.plan import Plan
from ampsim.result.run import Run
from ampsim.testing import check_backend
from tests.null.shuffled import ShuffledBackend


def test_null_backend() -> None:
    check_backend(NullBackend)


def test_null_backend_with_a_clock() -> None:
    ticks = itertools.count()
    check_backend(lambda: NullBackend(lambda: next(ticks), frequency=2))


@pytest.mark.parametrize("seed", range(3))
def test_any_order_of_events(seed: int) -> None:
    check_backend(lambda: ShuffledBackend(seed))


class Wrong(NullBackend):
    """Errs in one way."""

    def __init__(self, change: Callable[[Plan], Plan], spoil: Callable[[Run], object]) -> None:
        super().__init__()
        self._change, self._spoil = change, spoil

    def execute(self, plan: Plan) -> Run:
        run = super().execute(self._change(plan))
        self._spoil(run)
        return run


def _same(plan: Plan) -> Plan:
    return plan


def _nothing(run: Run) -> None:
    pass


def _training(**settings: Any) -> Callable[[Plan], Plan]:
    return lambda plan: replace(plan, job=plan.job.with_training(**settings))


def _one_message_more(run: Run) -> None:
    run.tables["edges"]["messages"][0] += 1


def _late(run: Run) -> None:
    run.tables["messages"]["arrived"] += 1.0


def _narrow(run: Run) -> None:
    run.tables["tasks"]["rows"] = run.tables["tasks"]["rows"].astype(np.int32)


def _no_makespan(run: Run) -> None:
    del run.summary["makespan"]


def _update_elsewhere(run: Run) -> None:
    run.tables["updates"]["node"][0] = 0


@pytest.mark.parametrize(
    "change, spoil, text",
    [
        (_training(optimizer=SGD(0.11)), _nothing, "mlp on 2 workers.*final parameters"),
        (_training(seed=1), _nothing, "initial parameters"),
        (_training(epochs=1), _nothing, "instances differ"),
        (_training(min_update_frequency=2), _nothing, r"summary.updates is \d+, wanted \d+"),
        (_same, _one_message_more, r"messages and bytes on \S+ -> \S+ forward: \(\d+, \d+\), wanted \(\d+, \d+\)"),
        (_same, _late, "a task takes a message that has not arrived"),
        (_same, _narrow, r"the dtype is int32, not int64 \(tasks.rows\)"),
        (_same, _no_makespan, r"lacks \['makespan'\]"),
        (_same, _update_elsewhere, r"updates of \S+: \d+, wanted \d+"),
    ],
)
def test_what_is_wrong_is_said(
    change: Callable[[Plan], Plan], spoil: Callable[[Run], object], text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One plan is enough to see it."""
    first = next(testing.cases())
    monkeypatch.setattr(testing, "cases", lambda: [first])
    with pytest.raises(AssertionError, match=f"(?s)null breaks the contract of a backend.*{text}"):
        check_backend(lambda: Wrong(change, spoil))
