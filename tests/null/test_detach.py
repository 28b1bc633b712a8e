"""Detach: what lies behind learns from what lies in front, and not the other way round."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ampsim.engine.assemble import replay_order
from ampsim.engine.null import NullBackend
from ampsim.engine.plan import Plan
from ampsim.ir.graph import Graph
from ampsim.ir.message import BACKWARD
from ampsim.ir.nodes import Bcast, Detach, Linear, LogSoftmax, NllLoss, Relu, Source, Split
from ampsim.job import Job, Recipe, Training
from ampsim.result.run import Run
from ampsim.testing import points


def job(second: str, **training: Any) -> Job:
    """L1 with one head, and a second one: ``none``, ``joined`` or ``detached``."""
    x, labels, first = Source("x"), Source("labels"), NllLoss("first")
    fan = Bcast("fan", ports=("first",) if second == "none" else ("first", "second"))
    _ = x >> Linear("L1", 6, 8).affinity(0) >> Relu("relu") >> fan
    _ = fan["first"] >> Linear("L2", 8, 3, gain=1.0).affinity(1) >> LogSoftmax() >> first["prediction"]
    _ = labels >> first["label"]
    if second == "none":
        return Job(Graph.of("alone", x, labels), Recipe(points, {}), Training(**training))
    again, other = Source("again", reads="labels"), NllLoss("other")
    head = Linear("L3", 8, 3, gain=1.0).affinity(1)
    _ = fan["second"] >> Detach("detach") >> head if second == "detached" else fan["second"] >> head
    _ = head >> LogSoftmax() >> other["prediction"]
    _ = again >> other["label"]
    return Job(Graph.of(second, x, labels, again), Recipe(points, {}), Training(**training))


def execute(made: Job, mode: str = "numeric") -> Run:
    return NullBackend().execute(Plan(made, 2, mode=mode))


def test_nothing_comes_back_through_it() -> None:
    alone, detached, joined = (execute(job(second, epochs=2)) for second in ("none", "detached", "joined"))
    for name in ("L1/W", "L1/b", "L2/W", "L2/b"):
        np.testing.assert_array_equal(detached.final[name], alone.final[name])
    assert not np.array_equal(joined.final["L1/W"], alone.final["L1/W"])
    assert not np.array_equal(detached.final["L3/W"], detached.initial["L3/W"]), "the head behind it learns"


@pytest.mark.parametrize("mode", ["numeric", "shapes"])
def test_the_answers_on_its_edges_are_empty(mode: str) -> None:
    run = execute(job("detached", epochs=1, max_active_keys=3, max_batch=4), mode)
    table = run.tables["edges"]
    for edge, name in enumerate(run.summary["edges"]):
        back = (table["edge"] == edge) & (table["direction"] == BACKWARD)
        silent = "detach" in name or name.startswith(("x.", "labels.", "again."))
        assert (table["bytes"][back].sum() == 0) == silent, name
        assert table["messages"][back].sum() == 12, name


def test_it_is_replayed() -> None:
    made = job("detached", epochs=2, max_active_keys=4, max_batch=4)
    run = execute(made)
    again = NullBackend().execute(Plan(made, 2, order=replay_order(run)))
    for name, value in run.final.items():
        np.testing.assert_array_equal(again.final[name], value)


def test_the_share_of_a_split_that_is_detached_gets_no_gradient() -> None:
    x, labels, again = Source("x"), Source("labels"), Source("again", reads="labels")
    cut, first, other = Split("cut", (3, 5)), NllLoss("first"), NllLoss("other")
    _ = x >> Linear("L1", 6, 8) >> cut
    _ = cut["first"] >> LogSoftmax() >> first["prediction"]
    _ = cut["second"] >> Detach("detach") >> Linear("L2", 5, 3) >> LogSoftmax() >> other["prediction"]
    _ = labels >> first["label"]
    _ = again >> other["label"]
    run = execute(Job(Graph.of("cut", x, labels, again), Recipe(points, {}), Training(epochs=1)))
    change = run.final["L1/W"] - run.initial["L1/W"]
    assert (change[:, :3] != 0).any()
    np.testing.assert_array_equal(change[:, 3:], 0)
