"""Functions and classes by name, ``module:qualname``.

A graph is data: it is hashed, written to JSON and rebuilt in other processes. A function in it therefore stands there
as the name under which every process can import it.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable
from types import ModuleType
from typing import Any

from ampsim.errors import UsageError


def reference(target: Callable[..., Any] | str) -> str:
    """The ``module:qualname`` of a function or class; a string is returned as it is. Checked by :func:`problem`.

    Raises UsageError for what has no such name: an object that can be called, a method of an object.
    """
    if isinstance(target, str):
        return target
    owner = getattr(target, "__self__", None)
    bound = owner is not None and not isinstance(owner, type | ModuleType)
    if bound or not hasattr(target, "__qualname__"):
        what = f"{target!r:.100} is no function of a module, so other processes cannot import it"
        raise UsageError(what, do="give a function that is defined at the top level of a module")
    return f"{target.__module__}:{target.__qualname__}"


def problem(name: str) -> str | None:
    """Why ``name`` cannot be imported by another process, or None if it can."""
    module, separator, qualname = name.partition(":")
    if not separator or not module or not qualname:
        return f"{name!r} is not of the form 'module:name'; give a function of a module, or its 'module:name'"
    if "<lambda>" in qualname:
        return f"{name!r} is a lambda, which no other process can import; make it a named function of a module"
    if "<locals>" in qualname:
        return f"{name!r} is defined inside a function, which no other process can import; move it to module level"
    if module == "__main__":
        return f"{name!r} stands in a script, which workers do not import; move it to a module beside the script"
    try:
        target = resolve(name)
    except UsageError as error:
        return error.what
    return None if callable(target) else f"{name!r} is a {type(target).__name__}, not a function"


@functools.cache
def resolve(name: str) -> Any:
    """The object that ``name`` stands for. Raises UsageError if there is none."""
    module, _, qualname = name.partition(":")
    try:
        target: Any = importlib.import_module(module)
        for part in qualname.split("."):
            target = getattr(target, part)
    except (ImportError, AttributeError, ValueError) as error:
        raise UsageError(f"{name!r} cannot be imported: {error}", do="check the module and the name") from error
    return target
