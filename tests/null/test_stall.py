"""Mistakes that only show while a graph runs: every one ends in an error with node and state, none in silence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from ampsim.engine.null import NullBackend
from ampsim.engine.plan import Plan
from ampsim.errors import RunError, Stalled
from ampsim.ir.graph import Graph
from ampsim.ir.keys import instance
from ampsim.ir.message import Array, Spec, State
from ampsim.ir.nodes import Concat, Cond, Embedding, Isu, Linear, LogSoftmax, NllLoss, Phi, Source, Tanh
from ampsim.job import Job, Recipe, Training
from ampsim.testing import Words, advance, more, retreat, words
from tests.null.shuffled import ShuffledBackend

BACKENDS = [NullBackend, lambda: ShuffledBackend(1)]


def elsewhere(state: State) -> State:
    """A key that nothing else has."""
    return (*state, -1)


def not_back(state: State, length: int) -> State:
    return (state[0], state[1] + 5)


def seventh(state: State, length: int) -> int:
    return 7


class Uneven(Words):
    """``start`` has a row too many."""

    def spec(self, field: str, index: int) -> Spec:
        spec = super().spec(field, index)
        return spec.with_rows(spec.shape[0] + 1) if field == "start" and index else spec

    def payload(self, field: str, index: int) -> Array:
        if field == "start":
            return np.zeros(self.spec(field, index).shape, np.float32)
        return super().payload(field, index)


def uneven() -> tuple[Words, Words]:
    sets = [Uneven(data.arrays, hidden=5) for data in words()]
    return sets[0], sets[1]


def loop(data: Callable[..., Any] = words, **change: Any) -> Plan:
    """The loop RNN on two workers, with something changed."""
    tokens, start, labels = Source("tokens"), Source("start"), Source("labels")
    phi = Phi("phi", key=change.get("phi"))
    join = Concat("join", ports=("h", "x"), key=change.get("join"))
    cond = Cond("more", change.get("more", more), ports=("done", "again"))
    loss = NllLoss("loss", key=change.get("loss", {"prediction": instance}))
    start.affinity(1) >> phi.affinity(0)["start"] >> join["h"]
    tokens >> Embedding("embed", 7, 4, key=change.get("embed")).affinity(1) >> join.affinity(0)["x"]
    cell = join >> Linear("cell", 9, 5).affinity(0) >> Tanh() >> Isu("next", advance, change.get("inverse", retreat))
    cell >> cond.affinity(1)
    cond["again"] >> phi["again"]
    cond["done"] >> Linear("classify", 5, 3).affinity(1) >> LogSoftmax() >> loss["prediction"]
    labels >> loss["label"]
    training = Training(max_active_keys=3, max_batch=change.get("max_batch", 2))
    return Plan(Job(Graph.of("loop", start, tokens, labels), Recipe(data), training), 2, {0: 0, 1: 1})


@pytest.mark.parametrize("make", BACKENDS)
def test_nothing_is_wrong_with_the_loop_itself(make: Callable[[], NullBackend]) -> None:
    make().execute(loop())


@pytest.mark.parametrize("make", BACKENDS)
def test_a_join_whose_keys_never_meet_is_named_with_port_and_states(make: Callable[[], NullBackend]) -> None:
    with pytest.raises(Stalled) as error:
        make().execute(loop(join={"x": elsewhere}))
    text = str(error.value)
    assert "the run stalled with 3 instances in flight (0, 1, 2)" in text
    assert "worker 0: join misses a forward message on x for (0, 0), (1, 0), (2, 0)" in text
    assert "worker 0: join misses a forward message on h for (0, 0)" in text
    assert "look at the keys of these joins" in text
    assert error.value.exit_code == 1


def test_a_loss_whose_labels_never_come_is_named() -> None:
    with pytest.raises(Stalled, match=r"worker 1: loss misses a forward message on label for \(0, \d\)"):
        NullBackend().execute(loop(loss=None))


@pytest.mark.parametrize("make", BACKENDS)
@pytest.mark.parametrize("max_batch", [1, 8])
def test_equal_keys_in_a_task(make: Callable[[], NullBackend], max_batch: int) -> None:
    """All letters of a word under one key."""
    with pytest.raises(RunError, match=r"the same key at embed: state \(0, 1\)") as error:
        make().execute(loop(embed=instance, max_batch=max_batch))
    assert error.value.where == "embed"
    assert error.value.do == "make the key tell them apart, or change the state with an Isu"


@pytest.mark.parametrize("make", BACKENDS)
def test_equal_keys_on_arrival(make: Callable[[], NullBackend]) -> None:
    """A Phi works when a message arrives, not in a task of its worker."""
    with pytest.raises(RunError, match=r"the same key at phi: state \(\d, 1\)"):
        make().execute(loop(phi=instance))


def test_equal_keys_at_a_join() -> None:
    with pytest.raises(RunError, match=r"the same key at join: state \(0, 1\)"):
        NullBackend().execute(loop(join={"x": instance}))


@pytest.mark.parametrize("make", BACKENDS)
def test_an_inverse_that_does_not_undo_the_update(make: Callable[[], NullBackend]) -> None:
    with pytest.raises(RunError, match=r"a gradient came back to join under a key that nothing .*: state \(\d, \d\)"):
        make().execute(loop(inverse=not_back))


def test_a_predicate_that_chooses_no_port() -> None:
    with pytest.raises(RunError, match=r"tests\.null\.test_stall:seventh gave a number that is no port of more"):
        NullBackend().execute(loop(more=seventh))


@pytest.mark.parametrize("make", BACKENDS)
@pytest.mark.parametrize("mode", ["numeric", "shapes"])
def test_joined_messages_with_different_rows(make: Callable[[], NullBackend], mode: str) -> None:
    plan = loop(uneven)
    with pytest.raises(RunError, match=r"join joins messages with different numbers of rows at state \(\d, 0\)"):
        make().execute(replace(plan, mode=mode))
