"""What is validated and how strictly: the values behind a suite file.

name: mine
jobs:                                               what cases are about, by names of your own
  small: {job: mlp, settings: {options.data: generated, options.width: 128}}
calibration: {jobs: [{job: mlp, settings: {options.data: generated, options.width: 256}}]}
cases:
  - {job: small, workers: 2, settings: {training.max_active_keys: 4}}
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from ampsim.studies.point import Key, Name, Unit

Label = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$(?!\n)", max_length=64)]
Share = Annotated[float, Meta(ge=0, le=1e6)]
Workers = Annotated[int, Meta(ge=1, le=256)]
Placement = Literal["balanced", "round_robin"] | dict[Unit, Annotated[int, Meta(ge=0, le=255)]]
Settings = dict[Key, Any]


class Intervals(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is asked of the intervals of predictions: share of measurements inside, and median width / prediction."""

    least: Share = 0.70
    most: Share = 0.95
    width: Share = 0.15


class Tolerances(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Bounds, all as shares (0.05 is 5 %); what each is compared with is said in :mod:`ampsim.studies.validate.judge`.

    ``median`` and ``worst`` bound the errors of throughput and makespan over all cases, ``utilization``, ``staleness``,
    ``memory`` and ``time_to_target`` those of each. ``spread`` is the largest with which a case is judged at all,
    ``unjudged`` the largest share of cases that are not. Pairs whose measurements differ by more than ``differ`` have
    to be ranked as measured in a share ``ranked``. ``memory_from`` is in bytes. ``intervals`` null: not judged.
    """

    median: Share = 0.05
    worst: Share = 0.12
    utilization: Share = 0.05
    staleness: Share = 0.10
    spread: Share = 0.03
    unjudged: Share = 0.25
    differ: Share = 0.10
    ranked: Share = 0.90
    memory: Share = 0.15
    memory_from: Annotated[int, Meta(ge=0, le=10**15)] = 200_000_000
    time_to_target: Share = 0.10
    intervals: Intervals | None = Intervals()


class Subject(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A job as on the command line, and ``settings`` as of ``--set``."""

    job: Name
    settings: Settings = {}


class Calibration(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The jobs that the machine is measured with in every round, and for how long; null: as ``calibrate`` has it."""

    jobs: Annotated[list[Subject], Meta(min_length=1, max_length=50)]
    workers: Workers | None = None
    seconds: Annotated[float, Meta(ge=0.1, le=60)] | None = None


class Case(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One of the suite's ``jobs`` by its name, with further ``settings``, on so many workers, placed so."""

    job: Key
    workers: Workers = 2
    placement: Placement = "balanced"
    settings: Settings = {}


Cases = Annotated[list[Case], Meta(max_length=1000)]


class Suite(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """All that is measured, ``repeats`` times, and the ``tolerances``.

    ``cases`` are judged by their times, ``memory`` by the growth of resident memory, ``learning`` by the time to a
    target, with another seed in every round. ``held_out`` names jobs whose workload is not calibrated with.
    """

    name: Label = "suite"
    repeats: Annotated[int, Meta(ge=1, le=100)] = 5
    tolerances: Tolerances = Tolerances()
    jobs: Annotated[dict[Key, Subject], Meta(min_length=1, max_length=100)]
    calibration: Calibration
    held_out: list[Key] = []
    cases: Cases = []
    memory: Cases = []
    learning: Cases = []
