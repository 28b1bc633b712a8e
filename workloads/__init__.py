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
    "tree_lstm": "ampsim.workloads.tree_lstm:tree_lstm",
    "ggsnn_babi15": "ampsim.workloads.ggsnn_babi15:ggsnn_babi15",
    "ggsnn_qm9": "ampsim.workloads.ggsnn_qm9:ggsnn_qm9",
}


def workload(name: str, /, **options: Any) -> Job:
    """The job called ``name`` with its options, e.g. ``workload("mlp", batch=10)``.

    An option has the type of its default; an int will do for a float. Raises UsageError, naming the option.
    """
    build = builder(name)
    known = inspect.signature(build).parameters
    given = {}
    for option, value in options.items():
        if option not in known:
            close = difflib.get_close_matches(option, known, 1)
            hint = f"did you mean {close[0]}?" if close else f"one of: {', '.join(known)}"
            raise UsageError(f"workload {name} has no option {option!r}", f"options.{option}", hint)
        given[option] = _typed(option, value, known[option].default)
    job: Job = build(**given)
    return job


def _typed(option: str, value: Any, default: Any) -> Any:
    wanted = type(default)
    if wanted is float and type(value) is int:
        return float(value)
    if type(value) is not wanted:
        what = f"{option} must be of type {wanted.__name__}, not {value!r:.60}"
        raise UsageError(what, f"options.{option}", f"the default is {default!r}")
    return value


def has_option(name: str, option: str) -> bool:
    """Whether a workload takes an option. Raises UsageError for an unknown workload."""
    return option in inspect.signature(builder(name)).parameters


def builder(name: str) -> Any:
    """The function that builds a workload; its signature and docstring describe it. Raises UsageError."""
    if name not in WORKLOADS:
        close = difflib.get_close_matches(name, WORKLOADS, 1)
        hint = f"did you mean {close[0]}?" if close else f"one of: {', '.join(WORKLOADS)}"
        raise UsageError(f"there is no workload {name!r:.100}", do=f"{hint} (or give a job.yaml, or file.py:function)")
    module, _, function = WORKLOADS[name].partition(":")
    return getattr(importlib.import_module(module), function)
