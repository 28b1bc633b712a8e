"""Calls of the functions that a graph names: what goes wrong in one is an error that names node, function and state."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ampsim.errors import AmpsimError, RunError
from ampsim.ir.message import State
from ampsim.ir.reference import reference, resolve

if TYPE_CHECKING:
    from ampsim.ir.nodes.base import Function, Node

NUMBERS = (int, np.integer, np.bool_)
STATE = "a state, which is a tuple of ints"


def called(node: Node, function: Function, state: State, structure: Any) -> Any:
    """``function(state, structure)``. Raises RunError."""
    try:
        return resolve(reference(function))(state, structure)
    except AmpsimError:
        raise
    except Exception as error:
        raise failed(node, function, state, error) from error


def mapped(
    node: Node, function: Function, states: Sequence[State], structure: Callable[[int], Any], numbers: bool = False
) -> list[Any]:
    """``function`` of every state and its instance's structure: states again, or ``numbers``. Raises RunError."""
    call: Callable[..., Any] = resolve(reference(function))
    kind: type | tuple[type, ...] = NUMBERS if numbers else tuple
    found: list[Any] = []
    for state in states:
        inside = structure(state[0])
        try:
            result = call(state, inside)
        except AmpsimError:
            raise
        except Exception as error:
            raise failed(node, function, state, error) from error
        if not isinstance(result, kind):
            raise unfit(node, function, state, result, "the number of a port" if numbers else STATE)
        found.append(result)
    return [int(result) for result in found] if numbers else found


def keys_of(node: Node, function: Function, states: Sequence[State]) -> list[Hashable]:
    """``function`` of every state. Raises RunError."""
    call = resolve(reference(function))
    found: list[Hashable] = []
    for state in states:
        try:
            found.append(call(state))
        except AmpsimError:
            raise
        except Exception as error:
            raise failed(node, function, state, error) from error
    return found


def failed(node: Node, function: Function, state: State, error: Exception) -> RunError:
    """The error of a function that raised one."""
    return RunError(
        f"{reference(function)} of {node.name} fails at state {tuple(state)}: {type(error).__name__}: {error}",
        node.name,
        "look at what the function makes of that state, and of Dataset.structure of its instance",
    )


def unfit(node: Node, function: Function, state: State, found: Any, wanted: str) -> RunError:
    """The error of a function that gave something else than it is to give."""
    return RunError(
        f"{reference(function)} of {node.name} gives {found!r:.60} at state {tuple(state)}",
        node.name,
        f"let it give {wanted}",
    )


def need_states(node: Node, function: Function, state: State, found: Any) -> Sequence[State]:
    """What a function gave, which is to be a sequence of states. Raises RunError."""
    wanted = "a list of states, which are tuples of ints, in order"
    if not isinstance(found, list | tuple):
        raise unfit(node, function, state, found, wanted)
    if not {*map(type, found)} <= {tuple} and not all(isinstance(member, tuple) for member in found):
        raise unfit(node, function, state, found, wanted)
    return found
