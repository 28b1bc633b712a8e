"""A study: one job on one system, and a grid of what is varied about them. The file behind ``ampsim sweep``.

job: mlp                                      what stays the same, as on the command line of `simulate`
system: fpga_ring_16
settings: {training.epochs: 1}
grid:                                         what is varied: every combination is a point
  training.max_active_keys: [1, 4, 16]
  system.links.bandwidth: [1 Gbit/s, 10 Gbit/s]
  placement: [round_robin, auto]
objectives: {throughput: max, workers_used: min}   which points are best
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from ampsim import strict_yaml
from ampsim.errors import UsageError
from ampsim.result.metrics import SCALARS
from ampsim.strict_yaml import Document, Steps, short
from ampsim.studies.execute import load_system
from ampsim.studies.point import Key, Point, resolve

MOST_POINTS = 1_000_000
SINGLE = ("job", "system", "workers", "placement", "seed")
"""Names of the grid that are fields of the study itself; all others begin with one of :data:`SECTIONS`."""
SECTIONS = {"training": "settings", "options": "settings", "system": "overrides", "speedup": "speedup"}


class Study(Point, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is the same in all points, and the ``grid``.

    ``job`` and ``system`` are what ``ampsim simulate`` takes; a file is looked for beside the study. ``settings`` are
    those of ``--set``; ``overrides`` replace fields of the system by path (``links.bandwidth``, ``chips[*].matmul``);
    ``speedup`` makes resources faster, all at once. ``mode`` is ``shapes`` (only count) or ``numeric`` (train).
    ``grid`` maps names to values: ``job``, ``system``, ``workers``, ``placement``, ``seed``, ``training.NAME``,
    ``options.NAME``, ``system.PATH``, ``speedup.RESOURCE``. ``objectives`` maps scalars of a run, or names of the grid
    that are numbers, to ``max`` or ``min``.
    """

    name: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$(?!\n)", max_length=64)] = "study"
    grid: Annotated[
        dict[Key, Annotated[list[Any], Meta(min_length=1, max_length=100_000)]], Meta(min_length=1, max_length=100)
    ]
    objectives: Annotated[dict[Key, Literal["max", "min"]], Meta(min_length=2, max_length=10)] = msgspec.field(
        default_factory=lambda: {"throughput": "max", "workers_used": "min"}
    )

    @property
    def size(self) -> int:
        """Number of points."""
        return math.prod(len(values) for values in self.grid.values())

    def points(self) -> Iterator[tuple[dict[str, Any], Point]]:
        """What the grid says of each point, and the point; the last name of the grid varies fastest."""
        for values in itertools.product(*self.grid.values()):
            varied = dict(zip(self.grid, values, strict=True))
            yield varied, self.point(varied)

    def point(self, varied: Mapping[str, Any]) -> Point:
        """The point where the grid has the values of ``varied``. Raises ConfigError for a value of a wrong form."""
        fields: dict[str, Any] = {f: getattr(self, f) for f in Point.__struct_fields__}
        for section in set(SECTIONS.values()):
            fields[section] = dict(fields[section])
        for name, value in varied.items():
            if name in SINGLE:
                fields[name] = value
            else:
                section, _, rest = name.partition(".")
                fields[SECTIONS[section]][name if SECTIONS[section] == "settings" else rest] = value
        return strict_yaml.convert(Point, fields)


def load_study(path: str | Path) -> Study:
    """The study of a YAML file. Raises ConfigError with file, line and path."""
    document = strict_yaml.load(path)
    return _checked(document, Path(path).resolve().parent)


def study_of(values: Mapping[str, Any]) -> Study:
    """The study of plain values, as the file holds them. Raises ConfigError with the path."""
    return _checked(Document("<study>", dict(values), {}), Path.cwd())


def _checked(document: Document, folder: Path) -> Study:
    value = document.value
    if not isinstance(value, dict):
        raise document.error("a study is a mapping", (), "it has job, system and grid; see docs/sweeps.md")
    if isinstance(value.get("placement"), dict):
        # Keys of YAML are text; those of Python may be numbers.
        value = {**value, "placement": {str(unit): chip for unit, chip in value["placement"].items()}}
    study = document.convert(Study, value)
    for name, values in study.grid.items():
        section, _, rest = name.partition(".")
        if name not in SINGLE and (section not in SECTIONS or not rest):
            do = f"use {', '.join(SINGLE)}, or " + ", ".join(f"{s}.NAME" for s in SECTIONS)
            raise document.error(f"{short(name)} cannot be varied", ("grid", name), do)
        seen: list[Any] = []
        for index, found in enumerate(values):
            if any(found == other and type(found) is type(other) for other in seen[:1000]):
                raise document.error("the value is repeated", ("grid", name, index), "keep one of them")
            seen.append(found)
    if study.size > MOST_POINTS:
        raise document.error(f"{study.size:,} points are more than {MOST_POINTS:,}", ("grid",), "vary less at a time")
    for name in study.objectives:
        if name not in SCALARS and name not in study.grid:
            known = ", ".join([*SCALARS, *study.grid])
            raise document.error(
                f"{short(name)} is neither a scalar nor varied", ("objectives", name), f"one of: {known}"
            )
    return _tried(document, _beside(study, folder))


def _beside(study: Study, folder: Path) -> Study:
    """Names of files made absolute, so that they mean the same wherever a point is computed."""

    def found(name: Any) -> Any:
        if isinstance(name, str) and re.search(r"\.(ya?ml|py:\w+)$", name) and not Path(name).is_absolute():
            return str(folder / name)
        return name

    grid = {k: [found(v) for v in vs] if k in ("job", "system") else vs for k, vs in study.grid.items()}
    return msgspec.structs.replace(study, job=found(study.job), system=found(study.system), grid=grid)


def _tried(document: Document, study: Study) -> Study:
    """Every value of the grid tried once, beside the first of all others: a misspelt name is no matter of one point."""
    first = {name: values[0] for name, values in study.grid.items()}
    _try(document, study, first, ())
    for name, values in study.grid.items():
        for index, value in enumerate(values[1:], 1):
            _try(document, study, {**first, name: value}, ("grid", name, index))
    return study


def _try(document: Document, study: Study, varied: dict[str, Any], steps: Steps) -> None:
    error = _problem(study, varied)
    if error is not None:
        place = steps or _blamed(study, varied)
        where = f" ({error.where})" if error.where else ""
        raise document.error(f"{error.what}{where}", place, error.do) from error


def _problem(study: Study, varied: Mapping[str, Any]) -> UsageError | None:
    try:
        resolve(study.point(varied))
    except UsageError as error:
        return error
    return None


def _blamed(study: Study, varied: dict[str, Any]) -> Steps:
    """What the first point fails for: of all that is said of it, one after the other, what was too much."""
    bare = msgspec.structs.replace(study, settings={}, overrides={}, speedup={})
    said: list[Steps] = [(section, name) for section in SECTIONS.values() for name in getattr(study, section)]
    said = list(dict.fromkeys(said)) + [("grid", name, 0) for name in varied]
    culprit: Steps = ("system",) if _fails_to_load(study.system) else ("job",)
    chosen: dict[str, Any] = {}
    built = bare
    if _problem(built, {}) is None:
        culprit = ()
    for steps in said:
        fine = _problem(built, chosen) is None
        if steps[0] == "grid":
            chosen = {**chosen, str(steps[1]): varied[str(steps[1])]}
        else:
            section, name = str(steps[0]), str(steps[1])
            more = {**getattr(built, section), name: getattr(study, section)[name]}
            built = msgspec.structs.replace(built, **{section: more})
        if fine and _problem(built, chosen) is not None:
            culprit = steps
    return culprit


def _fails_to_load(system: str) -> bool:
    try:
        load_system(system)
    except UsageError:
        return True
    return False
