"""A job from a function of a Python file, ``file.py:function``."""

from __future__ import annotations

import importlib
import inspect
import sys
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from ampsim.errors import AmpsimError, UsageError
from ampsim.job import Job


def job_of(name: str, options: Mapping[str, Any], seed: int | None = None) -> Job:
    """What ``function(**options)`` of the file gives; ``seed`` is one more option if the function has one.

    The file becomes an ordinary module, its folder the first place to look for modules, so that worker processes can
    import its functions too. Raises UsageError.
    """
    path, _, function = name.rpartition(":")
    file = Path(path)
    if not file.is_file():
        raise UsageError(f"there is no file {path}", name, "give file.py:function")
    module = _imported(file)
    build = getattr(module, function, None)
    if not callable(build):
        found = [key for key, value in vars(module).items() if _public(key, value, module)]
        do = f"one of: {', '.join(found)}" if found else "define a function that returns ampsim.Job(...)"
        raise UsageError(f"{path} has no function {function!r}", name, do)
    return _called(build, name, options, seed)


def _public(name: str, value: object, module: ModuleType) -> bool:
    return inspect.isfunction(value) and value.__module__ == module.__name__ and not name.startswith("_")


def _imported(file: Path) -> ModuleType:
    if not file.stem.isidentifier():
        raise UsageError(f"{file.stem!r} cannot be the name of a module", str(file), "rename the file, e.g. my_job.py")
    folder = str(file.resolve().parent)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    try:
        module = importlib.import_module(file.stem)
    except (Exception, SystemExit) as error:
        raise _failed(f"{file} cannot be imported", error, file) from error
    origin = getattr(module, "__file__", None)
    if origin is None or Path(origin).resolve() != file.resolve():
        what = f"{file.stem!r} is also the name of another module ({origin or 'built in'})"
        raise UsageError(what, str(file), "rename the file")
    return module


def _called(build: Callable[..., Any], name: str, options: Mapping[str, Any], seed: int | None) -> Job:
    path, _, function = name.rpartition(":")
    signature = inspect.signature(build)
    given = dict(options)
    if seed is not None and "seed" in signature.parameters:
        given.setdefault("seed", seed)
    try:
        signature.bind(**given)
    except TypeError as error:
        known = ", ".join(signature.parameters) or "none"
        raise UsageError(f"{function} does not take these options: {error}", name, f"its options: {known}") from error
    try:
        job = build(**given)
    except AmpsimError:
        raise
    except (Exception, SystemExit) as error:
        raise _failed(f"{function} failed", error, Path(path)) from error
    if not isinstance(job, Job):
        raise UsageError(f"{function} gives {type(job).__name__}, not a Job", name, "return ampsim.Job(...)")
    return job


def _failed(what: str, error: BaseException, file: Path) -> UsageError:
    """An error of the user's own code, with the last line of their file that it came through."""
    if isinstance(error, AmpsimError):
        return UsageError(f"{what}: {error.what}", error.where or str(file), error.do)
    if isinstance(error, SyntaxError):
        origin = error.filename or str(file)
        place = f"{file if _same(origin, file) else origin}:{error.lineno or 1}"
        return UsageError(f"{what}: {type(error).__name__}: {error.msg}", place)
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if _same(frame.filename, file)]
    place = f"{file}:{lines[-1]}" if lines else str(file)
    text = f"{type(error).__name__}: {error}".rstrip(": ")
    return UsageError(f"{what}: {text}", place, "the traceback is shown with --debug")


def _same(filename: str, file: Path) -> bool:
    return Path(filename).resolve() == file.resolve()
