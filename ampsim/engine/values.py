"""Parameters by node and name, as they pass from one run to the next."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ampsim.engine.worker import Values
from ampsim.errors import UsageError
from ampsim.ir.graph import Graph
from ampsim.ir.nodes import Parameterised
from ampsim.result.run import Run


def nested(flat: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """``{"L1/W": array}`` as ``{"L1": {"W": array}}``."""
    found: dict[str, dict[str, Any]] = {}
    for path, value in flat.items():
        node, _, name = path.rpartition("/")
        found.setdefault(node, {})[name] = value
    return found


def parameters_of(init: Run | None, graph: Graph) -> Values | None:
    """The final parameters of ``init``, checked against ``graph``. Raises UsageError if they do not fit."""
    if init is None:
        return None
    values = nested(init.final)
    for node in graph.nodes:
        if not isinstance(node, Parameterised):
            continue
        wanted = {name: spec.shape for name, spec in node.parameters().items()}
        found = values.get(node.name) or values.get(node.base) or {}
        given = {name: value.shape for name, value in found.items()}
        if wanted != given:
            raise UsageError(
                f"the parameters to start from do not fit node {node.name}: it needs {wanted}, gets {given}",
                "init",
                "start from a run of the same graph",
            )
    return values
