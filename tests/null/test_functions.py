"""Functions of a graph that go wrong while it runs: an error with node, function and state, and what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from ampsim.engine.null import NullBackend
from ampsim.engine.plan import Plan
from ampsim.errors import ConfigError, RunError, Stalled
from ampsim.ir.graph import Graph
from ampsim.ir.message import State
from ampsim.ir.nodes import Cond, Flatmap, Group, Linear, LogSoftmax, NllLoss, Source
from ampsim.ir.rows import Rows
from ampsim.job import Job, Recipe, Training
from ampsim.testing import bag, bags, items
from tests.null.bags import each_into_one
from tests.null.shuffled import ShuffledBackend
from tests.null.test_stall import loop

HERE = "tests.null.test_functions"


def broken(state: State, structure: Any) -> Any:
    return structure.no_such_thing


def broken_key(state: State) -> Any:
    return state[5]


def nothing(state: State, structure: Any) -> None:
    return None


def endless(state: State, size: int) -> Iterator[State]:
    return iter(items(state, size))


def numbers(state: State, size: int) -> list[int]:
    return list(range(size))


def twice(state: State, size: int) -> list[State]:
    return [*items(state, size), (state[0], 0)]


def refused(state: State, structure: Any) -> Any:
    raise ConfigError("a word of the author's own")


def bagged(**own: Any) -> Plan:
    """Bags taken apart and added up by functions of which some are bad."""
    x, labels, loss = Source("x"), Source("labels"), NllLoss("loss")
    apart = Flatmap("apart", own.get("generate", items), rows=own.get("flat", row_by_row))
    total = Group("total", own.get("into", bag), own.get("members", items), rows=own.get("rows", each_into_one))
    _ = x >> apart >> total >> Linear("top", 3, 2) >> LogSoftmax() >> loss["prediction"]
    _ = labels >> loss["label"]
    return Plan(Job(Graph.of("bagged", x, labels), Recipe(bags, {}), Training()), 1)


def row_by_row(state: State, size: int) -> Rows:
    return Rows((1,) * size, np.arange(size), size)


def test_nothing_is_wrong_with_the_bags_themselves() -> None:
    NullBackend().execute(bagged())


def told(plan: Plan, backend: NullBackend | None = None) -> RunError:
    with pytest.raises(RunError) as caught:
        (backend or NullBackend()).execute(plan)
    assert caught.value.do
    return caught.value


@pytest.mark.parametrize(
    "role, node", [("generate", "apart"), ("flat", "apart"), ("into", "total"), ("members", "total"), ("rows", "total")]
)
def test_a_function_of_a_regrouping_node_that_raises(role: str, node: str) -> None:
    error = told(bagged(**{role: broken}))
    state = r"(0, 0)" if role == "into" else "(0,)"
    what = "AttributeError: 'int' object has no attribute 'no_such_thing'"
    assert error.what == f"{HERE}:broken of {node} fails at state {state}: {what}"
    assert error.where == node
    assert isinstance(error.__cause__, AttributeError)


@pytest.mark.parametrize(
    "role, node, function, wanted",
    [
        ("generate", "apart", endless, "let it give a list of states"),
        ("generate", "apart", numbers, "let it give a list of states"),
        ("generate", "apart", nothing, "let it give a list of states"),
        ("members", "total", endless, "let it give a list of states"),
        ("into", "total", items, "let it give a state, which is a tuple of ints"),
        ("into", "total", nothing, "let it give a state, which is a tuple of ints"),
        ("rows", "total", nothing, "let it give ampsim.ir.rows.Rows(counts, index, total)"),
        ("flat", "apart", items, "let it give ampsim.ir.rows.Rows(counts, index, total)"),
    ],
)
def test_a_function_of_a_regrouping_node_that_gives_something_else(
    role: str, node: str, function: Any, wanted: str
) -> None:
    error = told(bagged(**{role: function}))
    assert error.what.startswith(f"{function.__module__}:{function.__qualname__} of {node} gives ")
    assert "at state (0" in error.what
    assert error.where == node
    assert error.do is not None
    assert error.do.startswith(wanted)


def test_members_are_named_once() -> None:
    error = told(bagged(members=twice))
    assert error.what == f"{HERE}:twice of total names (0, 0) more than once as a member of (0,)"
    assert error.do == "name each member once; a message that counts twice has its rows twice"


@pytest.mark.parametrize("make", [NullBackend, lambda: ShuffledBackend(2)])
def test_a_predicate_an_inverse_or_a_key_that_raises(make: Callable[[], NullBackend]) -> None:
    for change, node in (("more", "more"), ("inverse", "next")):
        error = told(loop(**{change: broken}), make())
        assert error.what.startswith(f"{HERE}:broken of {node} fails at state (")
        assert error.where == node
    keys: dict[str, Any] = {"embed": broken_key, "join": {"x": broken_key}, "loss": {"prediction": broken_key}}
    for change, key in keys.items():
        error = told(loop(**{change: key}), make())
        assert error.what.startswith(f"{HERE}:broken_key of {change} fails at state (")
        assert error.what.endswith("IndexError: tuple index out of range")


def test_a_predicate_or_an_inverse_that_gives_nothing() -> None:
    assert told(loop(more=nothing)).do == "let it give the number of a port"
    assert told(loop(inverse=nothing)).do == "let it give a state, which is a tuple of ints"


def test_a_predicate_may_give_what_numpy_gives() -> None:
    node = Cond("c", f"{HERE}:numpy_says")
    assert node.choices(Anywhere(), [(0,), (3,)]) == [0, 1]  # type: ignore[arg-type]
    assert isinstance(numpy_says((3,), None), np.bool_)


def numpy_says(state: State, structure: Any) -> Any:
    return np.bool_(state[0] > 1)


class Anywhere:
    """Just enough of a site."""

    def structure(self, instance: int) -> None:
        return None


def test_errors_that_are_meant_are_left_as_they_are() -> None:
    with pytest.raises(ConfigError, match="a word of the author's own"):
        NullBackend().execute(loop(more=refused))


def other_bags(state: State, size: int) -> list[State]:
    """No message at all for bags of one row."""
    return items(state, size) if size > 1 else []


def other_rows(state: State, size: int) -> Rows:
    return row_by_row(state, size) if size > 1 else Rows((), np.zeros(0, np.int64), 1)


@pytest.mark.parametrize("make", [NullBackend, lambda: ShuffledBackend(2)])
def test_a_group_without_members_is_named_when_the_run_stalls(make: Callable[[], NullBackend]) -> None:
    """The loss waits for the prediction of a bag of which no message came to the Group."""
    with pytest.raises(Stalled) as caught:
        make().execute(bagged(generate=other_bags, flat=other_rows))
    assert "no group waits at total: done, or never begun for want of a first member" in caught.value.what
    assert "loss misses a forward message on prediction" in caught.value.what
    assert caught.value.do is not None
    assert caught.value.do.endswith("a Group makes nothing of no members (docs/nodes.md)")


def test_a_group_that_waits_is_named_as_the_join_it_is() -> None:
    with pytest.raises(Stalled) as caught:
        NullBackend().execute(bagged(members=one_more))
    assert "total misses a forward message on in" in caught.value.what
    assert "no group waits" not in caught.value.what


def one_more(state: State, size: int) -> list[State]:
    return [*items(state, size), (state[0], size)]
