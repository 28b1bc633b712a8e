"""Functions and classes by name, ``module:qualname``.

A graph is data: it is hashed, written to JSON and rebuilt in other processes. A function in it therefore stands there
as the name under which every process can import it.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable
from typing import Any

from ampsim.errors import UsageError


def reference(target: Callable[..., Any] | str) -> str:
    """The ``module:qualname`` of a function or class; a string is returned as it is. Checked by :func:`problem`."""
    if isinstance(target, str):
        return target
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
        resolve(name)
    except UsageError as error:
        return error.what
    return None


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
