"""Parameters by node and name, as they pass from one run to the next."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count
from typing import Any

from ampsim.engine.worker import Values
from ampsim.errors import UsageError
from ampsim.ir.graph import Graph
from ampsim.ir.nodes import Node, Parameterised
from ampsim.result.run import Run


def nested(flat: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """``{"L1/W": array}`` as ``{"L1": {"W": array}}``."""
    found: dict[str, dict[str, Any]] = {}
    for path, value in flat.items():
        node, _, name = path.rpartition("/")
        found.setdefault(node, {})[name] = value
    return found


def parameters_of(init: Run | None, graph: Graph) -> Values | None:
    """The final parameters of ``init`` for the nodes of ``graph``. Raises UsageError if they do not fit.

    Nodes are told by name. Where a node has another number of copies than it had in ``init``, all of them begin as
    copy 0 ended: at the end of a run copies are equal.
    """
    if init is None:
        return None
    values = nested(init.final)
    chosen = {}
    for node in graph.nodes:
        if not isinstance(node, Parameterised):
            continue
        wanted = {name: spec.shape for name, spec in node.parameters().items()}
        found = _found(values, node)
        given = {name: value.shape for name, value in found.items()}
        if wanted != given:
            raise UsageError(
                f"the parameters to start from do not fit node {node.name}: it needs {wanted}, gets {given}",
                "init",
                "start from a run of the same graph",
            )
        chosen[node.name] = found
    return chosen


def _found(values: Mapping[str, dict[str, Any]], node: Node) -> dict[str, Any]:
    """The parameters of a node, of as many copies as there were; empty if there are none."""
    base = node.base
    before = next(copy for copy in count() if f"{base}.{copy}" not in values)
    same = node.replica is not None and node.replica.copies == before
    first = values.get(node.name) if same or node.replica is None else None
    return first or values.get(base) or values.get(f"{base}.0") or {}
