"""A JOB as users name it: a workload, a ``job.yaml``, or ``file.py:function``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ampsim.errors import ConfigError, UsageError
from ampsim.job import OF_NODES, Job, Recipe, Training, unnumbered
from ampsim.strict_yaml import Document, load
from ampsim.studies import pyfile

_SHORT = ("workload", "options", "training")
_WHOLE = ("graph", "data", "training")
_SECTIONS = ("options", "training")


def load_job(name: str | Path, settings: Mapping[str, Any] | None = None, seed: int | None = None) -> Job:
    """The job called ``name``, with ``settings`` such as ``{"training.epochs": 3, "options.width": 128}``.

    ``training.*`` changes how it is trained, ``options.*`` what the workload or function builds; a setting of the
    optimizer is ``training.optimizer.rate``, and ``training.optimizer.name`` takes another one with its defaults; one
    of a single node ``training.nodes.NODE.optimizer.rate``; null takes back what was set.
    ``seed`` sets the seed of the training and the option ``seed`` of what builds the job, where it has one. Settings
    go before ``seed``, and both before what a job.yaml says. Raises UsageError.
    """
    given: dict[str, dict[str, Any]] = {"options": {}, "training": {}}
    if seed is not None:
        given["training"]["seed"] = seed
    for path, value in (settings or {}).items():
        section, *steps = path.split(".")
        if section not in _SECTIONS or not steps or not all(steps):
            do = "use training.NAME=VALUE or options.NAME=VALUE"
            raise ConfigError(f"{path!r} is not a setting of a job", path, do)
        _put(given[section], _whole_names(steps) if section == "training" else steps, value, path)
    return _with_training(_build(str(name), given["options"], seed), given["training"])


def _whole_names(steps: list[str]) -> list[str]:
    """``nodes.a.b.gradient`` as three steps: names of nodes may have dots, names of their settings have none."""
    if steps[0] != "nodes":
        return steps
    at = next((i for i in range(len(steps) - 1, 1, -1) if steps[i] in OF_NODES), len(steps))
    return ["nodes", ".".join(steps[1:at]), *steps[at:]] if steps[1:] else steps


def _put(target: dict[str, Any], steps: list[str], value: Any, path: str) -> None:
    """Set a dotted name; an optimizer or schedule given by its name alone makes room for its settings."""
    *parents, last = steps
    for parent in parents:
        inner = target.setdefault(parent, {})
        if not isinstance(inner, dict):
            if parent not in ("optimizer", "schedule") or not isinstance(inner, str):
                raise ConfigError(f"{parent} has no parts", path, f"set {parent} itself, or remove one of the two")
            inner = target[parent] = {"name": inner}
        target = inner
    target[last] = value


def _build(name: str, options: dict[str, Any], seed: int | None) -> Job:
    if re.search(r"\.py:\w+$", name):
        return pyfile.job_of(name, options, seed)
    if name.endswith((".yaml", ".yml")):
        return _from_yaml(Path(name), options, seed)
    if name.endswith((".py", ".py:")):
        raise UsageError(
            f"{name} names no function", name, f"name the one that builds the job: {name.rstrip(':')}:NAME"
        )
    from ampsim.workloads import has_option, workload

    if seed is not None and has_option(name, "seed"):
        options.setdefault("seed", seed)
    return workload(name, **options)


def _from_yaml(file: Path, options: dict[str, Any], seed: int | None) -> Job:
    """A file with ``workload``, ``options`` and ``training``, or a whole job as ``config.yaml`` of a run holds it."""
    document = load(file)
    data = document.value
    if not isinstance(data, dict):
        raise document.error("a job file is a mapping", (), "start with 'workload: NAME'")
    if "graph" in data or "job" in data:
        return _whole(document, data, options, seed)
    _only(document, data, _SHORT)
    base = data.get("workload")
    if not isinstance(base, str):
        raise document.error("the job names no workload", ("workload",), "add 'workload: NAME'")
    if base.endswith((".yaml", ".yml")):
        raise document.error("a job file cannot build on another one", ("workload",), "name a workload or a function")
    sections = {key: {} if data.get(key) is None else data[key] for key in _SECTIONS}
    for key, section in sections.items():
        if not isinstance(section, dict):
            raise document.error(f"{key} is a mapping of names to values", (key,), "write NAME: VALUE, a line each")
    if ".py:" in base and not Path(base.rpartition(":")[0]).is_absolute():
        base = str(file.resolve().parent / base)
    if seed is not None:
        sections["options"].pop("seed", None)
    with _located(document, options):
        job = _build(base, {**sections["options"], **options}, seed)
        return _with_training(job, sections["training"])


def _whole(document: Document, data: dict[str, Any], options: dict[str, Any], seed: int | None) -> Job:
    if options:
        what = f"a whole job has no option {next(iter(options))!r}: its graph is written out"
        raise ConfigError(what, document.name, "change training.NAME, or edit the file")
    whole = data.get("job", data)
    if not isinstance(whole, dict):
        raise document.error("a job is a mapping", ("job",), "it has graph, data and training")
    if "graph" in data:
        _only(document, data, _WHOLE)
    try:
        job = Job.from_dict(whole)
    except ConfigError as error:
        raise ConfigError(
            error.what, f"{document.name}: {error.where}" if error.where else document.name, error.do
        ) from error
    if seed is None or "seed" not in job.data.options:
        return job
    return Job(job.graph, Recipe(job.data.function, {**job.data.options, "seed": seed}), job.training)


def _only(document: Document, data: Mapping[str, Any], known: tuple[str, ...]) -> None:
    for key in data:
        if key not in known:
            raise document.error(f"a job has no {key!r}", (key,), f"one of: {', '.join(known)}")


@contextmanager
def _located(document: Document, options: Mapping[str, Any]) -> Iterator[None]:
    """Errors about a setting get the file and line it stands on, unless it came from ``options`` instead."""
    try:
        yield
    except UsageError as error:
        section, *rest = (error.where or "").split(".")
        if section not in _SECTIONS or (section == "options" and rest and rest[0] in options):
            raise
        raise ConfigError(error.what, document.where((section, *rest)), error.do) from error


def _with_training(job: Job, changes: Mapping[str, Any]) -> Job:
    if not changes:
        return job
    settings = job.training.to_dict()
    for name, value in changes.items():
        settings[name] = _changed(settings["optimizer"], value) if name == "optimizer" else value
    if isinstance(nodes := changes.get("nodes"), Mapping):
        settings["nodes"] = dict(job.training.to_dict()["nodes"])
        for name in sorted(nodes, key=str):  # a node before its copies, which go by it
            settings["nodes"][name] = _of_node(name, nodes[name], settings)
    return Job(job.graph, job.data, Training.from_dict(settings))


def _of_node(name: Any, value: Any, settings: Mapping[str, Any]) -> Any:
    """What a node has of its own, with some of it changed; part of an optimizer changes the one it has so far."""
    if not isinstance(value, Mapping):
        return value
    nodes = settings["nodes"]
    found = [nodes.get(name), nodes.get(unnumbered(str(name))), settings]
    present = next(of["optimizer"] for of in found if isinstance(of, Mapping) and of.get("optimizer"))
    if "optimizer" in value:
        value = {**value, "optimizer": _changed(present, value["optimizer"])}
    return {**nodes.get(name, {}), **value}


def _changed(present: Any, value: Any) -> Any:
    """Something that has a name, with some of its settings changed; what has another name takes its place."""
    if isinstance(present, str):
        present = {"name": present}
    if not isinstance(present, Mapping) or not isinstance(value, Mapping):
        return value
    if value.get("name", present.get("name")) != present.get("name"):
        return value
    return {**present, **{name: _changed(present.get(name), inner) for name, inner in value.items()}}
