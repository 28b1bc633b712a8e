"""The jobs that ship with ampsim, by name."""

from __future__ import annotations

import difflib
import importlib
import inspect
from typing import Any

from ampsim.errors import UsageError
from ampsim.job import Job

WORKLOADS = {
    "mlp": "ampsim.workloads.mlp:mlp",
    "list_reduction": "ampsim.workloads.list_reduction:list_reduction",
}


def workload(name: str, **options: Any) -> Job:
    """The job called ``name`` with its options, e.g. ``workload("mlp", batch=10)``. Raises UsageError."""
    build = builder(name)
    known = inspect.signature(build).parameters
    for option, value in options.items():
        if option not in known:
            raise UsageError(
                f"workload {name} has no option {option!r}", f"options.{option}", f"one of: {', '.join(known)}"
            )
        wanted = type(known[option].default)
        if type(value) is not wanted:
            raise UsageError(f"{option} must be {wanted.__name__}, not {value!r}", f"options.{option}")
    job: Job = build(**options)
    return job


def builder(name: str) -> Any:
    """The function that builds a workload; its signature and docstring describe it. Raises UsageError."""
    if name not in WORKLOADS:
        close = difflib.get_close_matches(name, WORKLOADS, 1)
        hint = f"did you mean {close[0]}?" if close else f"one of: {', '.join(WORKLOADS)}"
        raise UsageError(f"there is no workload {name!r}", do=f"{hint} (or give a job.yaml, or file.py:function)")
    module, _, function = WORKLOADS[name].partition(":")
    return getattr(importlib.import_module(module), function)
