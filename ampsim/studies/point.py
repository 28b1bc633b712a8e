"""One point of a sweep: text in, text out, so that any executor can carry it."""

from __future__ import annotations

import hashlib
import re
import time
from functools import lru_cache
from typing import Annotated, Any, Literal, NamedTuple

import msgspec
from msgspec import Meta

from ampsim import __version__
from ampsim.errors import AmpsimError, ConfigError
from ampsim.hw import System
from ampsim.job import Job
from ampsim.result.metrics import scalars
from ampsim.studies.execute import load_system, simulate
from ampsim.studies.jobs import load_job
from ampsim.studies.resources import speed_up

_STEP = re.compile(r"([A-Za-z_]\w*)((?:\[(?:\d{1,6}|\*)\])*)")

Name = Annotated[str, Meta(min_length=1, max_length=1000)]
Key = Annotated[str, Meta(min_length=1, max_length=200)]
Workers = Annotated[int, Meta(ge=1, le=65536)]
Seed = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Factor = Annotated[float, Meta(ge=1e-9, le=1e9)]
Unit = Annotated[str, Meta(pattern=r"^[0-9]{1,9}$(?!\n)")]
Placement = Literal["balanced", "round_robin", "auto"] | dict[Unit, Annotated[int, Meta(ge=0, le=65535)]]


class Point(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One simulation to be done; fields as in a study.

    ``settings`` are names and values as of ``--set``, ``overrides`` paths and values of the system, ``speedup``
    resources and factors.
    """

    job: Name
    system: Name
    settings: dict[Key, Any] = {}
    overrides: dict[Key, Any] = {}
    speedup: dict[Key, Factor] = {}
    placement: Placement = "balanced"
    workers: Workers | None = None
    mode: Literal["numeric", "shapes"] = "shapes"
    seed: Seed | None = None


class Resolved(NamedTuple):
    """A job and a system, ready to be simulated, and ``key``: SHA-256 over all that the answer depends on."""

    job: Job
    system: System
    key: str


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a point: ``scalars`` of the run, or the error; ``seconds`` it took to compute."""

    scalars: dict[str, float | None] = {}
    error: str | None = None
    where: str | None = None
    do: str | None = None
    seconds: float = 0.0


def resolve(point: Point) -> Resolved:
    """The job and the system of a point, checked. Raises UsageError."""
    job = _job(msgspec.json.encode([point.job, point.settings, point.seed]))
    if point.mode == "shapes":
        job = _without_target(job, point.settings)
    system, digest = _system(msgspec.json.encode([point.system, point.overrides, point.speedup]))
    known = [__version__, job.hash, digest, point.workers, point.placement, point.mode]
    return Resolved(job, system, hashlib.sha256(msgspec.json.encode(known, order="sorted")).hexdigest())


def key_of(point: Point) -> str:
    """:func:`resolve`'s key; where the point cannot be resolved, one of what it says."""
    try:
        return resolve(point).key
    except AmpsimError:
        return hashlib.sha256(msgspec.json.encode(point, order="sorted")).hexdigest()


def answer(text: str) -> str:
    """Simulate the point of a JSON text and give the Answer as JSON text. Raises nothing: an error is an answer too."""
    start = time.perf_counter()
    try:
        point = msgspec.json.decode(text, type=Point)
        found = Answer(scalars=_simulated(point))
    except AmpsimError as error:
        found = Answer(error=error.what, where=error.where, do=error.do)
    except Exception as error:
        found = Answer(error=f"{type(error).__name__}: {error}".rstrip(": "))
    seconds = time.perf_counter() - start
    return msgspec.json.encode(msgspec.structs.replace(found, seconds=seconds)).decode()


def _simulated(point: Point) -> dict[str, float | None]:
    job, system, _ = resolve(point)
    given = point.placement
    placement = {int(unit): chip for unit, chip in given.items()} if isinstance(given, dict) else given
    return scalars(simulate(job, system, placement=placement, workers=point.workers, mode=point.mode))


def _without_target(job: Job, settings: dict[str, Any]) -> Job:
    """Shapes mode has no accuracy: a target that only came with the job is left out, as ``simulate --shapes`` does."""
    names = [n for n in ("target", "target_loss") if getattr(job.training, n) is not None]
    dropped = [name for name in names if settings.get(f"training.{name}") is None]
    return job.with_training(**dict.fromkeys(dropped)) if dropped else job


# Points that are neighbours in a grid share their job or their system.
@lru_cache(maxsize=64)
def _job(text: bytes) -> Job:
    name, settings, seed = msgspec.json.decode(text)
    return load_job(name, settings, seed)


@lru_cache(maxsize=64)
def _system(text: bytes) -> tuple[System, str]:
    """The system and the SHA-256 of its values."""
    name, overrides, factors = msgspec.json.decode(text)
    system = load_system(name)
    if overrides:
        values = system.to_dict()
        for path, value in overrides.items():
            override(values, path, value)
        system = System.from_dict(values)
    if factors:
        system = speed_up(system, factors)
    return system, hashlib.sha256(msgspec.json.encode(system, order="sorted")).hexdigest()


def override(values: dict[str, Any], path: str, value: Any) -> None:
    """Put ``value`` at ``path`` (``links.bandwidth``, ``chips[0].matmul``, ``chips[*].tile``) of a System's values.

    Raises ConfigError for a path that leads nowhere; whether the last name is a field, the System says.
    """
    steps: list[str | int] = []
    for part in path.split("."):
        found = _STEP.fullmatch(part)
        if found is None:
            raise ConfigError(f"{part!r} is no part of a path", path, "write links.bandwidth or chips[*].matmul")
        steps.append(found[1])
        steps += [index if index == "*" else int(index) for index in re.findall(r"\[(\d+|\*)\]", found[2])]
    _put(values, steps, value, path)


def _put(target: Any, steps: list[str | int], value: Any, path: str) -> None:
    step, *rest = steps
    if isinstance(target, list) and step == "*":
        for index in range(len(target)):
            _put(target, [index, *rest], value, path)
        return
    there = isinstance(target, dict) if isinstance(step, str) else isinstance(target, list) and step < len(target)
    if not there or (rest and isinstance(target, dict) and target.get(str(step)) is None):
        raise ConfigError(f"the system has no {path!r}: there is no {step!r} to go on from", path, "see ampsim hw show")
    if rest:
        _put(target[step], rest, value, path)
    else:
        target[step] = value
