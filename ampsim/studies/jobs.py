"""A JOB as users name it: a workload, a ``job.yaml``, or ``file.py:function``."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ampsim.errors import ConfigError, UsageError
from ampsim.job import Job, Training

_KEYS = ("workload", "options", "training")


def load_job(name: str, settings: Mapping[str, Any] | None = None, seed: int | None = None) -> Job:
    """The job called ``name``, with ``settings`` such as ``{"training.epochs": 3, "options.width": 128}``.

    ``training.*`` changes how it is trained, ``options.*`` what the workload or function builds. ``seed`` sets the
    seed of the training and the option ``seed`` of what builds the job, where it has one. Raises UsageError.
    """
    options: dict[str, Any] = {}
    training: dict[str, Any] = {}
    for path, value in (settings or {}).items():
        section, _, rest = path.partition(".")
        if section not in ("options", "training") or not rest:
            raise ConfigError(
                f"{path!r} is not a setting of a job", f"--set {path}", "use training.NAME=VALUE or options.NAME=VALUE"
            )
        _put(options if section == "options" else training, rest, value)
    if seed is not None:
        training["seed"] = seed
        options.setdefault("seed", seed)
    return _with_training(_build(name, options), training)


def _put(target: dict[str, Any], path: str, value: Any) -> None:
    *parents, last = path.split(".")
    for parent in parents:
        target = target.setdefault(parent, {})
    target[last] = value


def _build(name: str, options: dict[str, Any]) -> Job:
    if re.search(r"\.py:\w+$", name):
        return _from_file(name, options)
    if name.endswith((".yaml", ".yml")):
        return _from_yaml(Path(name), options)
    from ampsim.workloads import workload

    return workload(name, **options)


def _from_file(name: str, options: dict[str, Any]) -> Job:
    """Call a function of a Python file; the file becomes an ordinary module that workers can import as well."""
    path, _, function = name.rpartition(":")
    file = Path(path)
    if not file.is_file():
        raise UsageError(f"there is no file {path!r}", name, "give file.py:function")
    folder = str(file.resolve().parent)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    try:
        module = importlib.import_module(file.stem)
    except Exception as error:
        raise UsageError(f"{path} cannot be imported: {type(error).__name__}: {error}", name) from error
    if Path(str(module.__file__)).resolve() != file.resolve():
        raise UsageError(f"{file.stem!r} is also the name of an installed module", name, "rename the file")
    build = getattr(module, function, None)
    if not callable(build):
        raise UsageError(f"{path} has no function {function!r}", name)
    try:
        job = build(**options)
    except TypeError as error:
        raise UsageError(f"{function} does not take these options: {error}", name) from error
    if not isinstance(job, Job):
        raise UsageError(f"{function} gives {type(job).__name__}, not a Job", name, "return ampsim.Job(...)")
    return job


def _from_yaml(file: Path, options: dict[str, Any]) -> Job:
    """A file with ``workload``, ``options`` and ``training``, or a whole job as ``config.yaml`` of a run holds it."""
    from ampsim.strict_yaml import load

    data = load(file).value
    if not isinstance(data, dict):
        raise ConfigError("a job file is a mapping", str(file), "start with 'workload: NAME'")
    if "graph" in data or "job" in data:
        return Job.from_dict(data.get("job", data))
    for key in data:
        if key not in _KEYS:
            raise ConfigError(f"a job has no {key!r}", f"{file}: {key}", f"one of: {', '.join(_KEYS)}")
    if not isinstance(data.get("workload"), str):
        raise ConfigError("the job names no workload", f"{file}: workload", "add 'workload: NAME'")
    for key in ("options", "training"):
        if not isinstance(data.get(key, {}), dict):
            raise ConfigError(f"{key} is a mapping of names to values", f"{file}: {key}")
    base = str(data["workload"])
    if base.endswith((".yaml", ".yml")):
        raise ConfigError("a job file cannot build on another one", f"{file}: workload")
    if ".py:" in base and not Path(base.rpartition(":")[0]).is_absolute():
        base = str(file.resolve().parent / base)
    job = _build(base, {**data.get("options", {}), **options})
    return _with_training(job, data.get("training", {}))


def _with_training(job: Job, changes: Mapping[str, Any]) -> Job:
    if not changes:
        return job
    settings = job.training.to_dict()
    for name, value in changes.items():
        if name == "optimizer" and isinstance(value, Mapping) and "name" not in value:
            value = {**settings["optimizer"], **value}
        settings[name] = value
    return Job(job.graph, job.data, Training.from_dict(settings))
