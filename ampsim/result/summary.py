"""What a summary has to hold, so that no reader has to doubt it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from ampsim.errors import UsageError
from ampsim.result.schema import Table
from ampsim.result.table import chunks


class Epoch(msgspec.Struct):
    """One row of ``epochs``; loss and accuracy are None where nothing was measured."""

    epoch: int
    time: float
    train_loss: float | None = None
    train_accuracy: float | None = None
    validation_loss: float | None = None
    validation_accuracy: float | None = None


class Static(msgspec.Struct):
    """Bytes that one worker holds all the time."""

    parameters: int = 0
    gradients: int = 0
    optimizer: int = 0


class Chip(msgspec.Struct):
    """A chip with workers: bytes of its memory, their peak, and the same of the level off chip (0: there is none)."""

    name: str
    workers: list[int]
    format: str
    capacity: int | None
    peak: int
    off_chip: int | None
    off_chip_peak: int


class ChipEnergy(msgspec.Struct):
    """Joules of one chip."""

    matmul: float
    vector: float
    memory: float
    off_chip: float
    link: float
    idle: float
    total: float


class Energy(msgspec.Struct):
    """Joules by chip, in the order of ``chips``, and of all together; None where nothing is known of a chip."""

    chips: list[ChipEnergy | None]
    total: float | None


class Interval(msgspec.Struct):
    """A share of ``level`` of real runs lies between these two values, low and high, as far as the system knows."""

    level: float
    makespan: tuple[float, float]
    throughput: tuple[float, float] | None = None
    time_to_target: tuple[float, float] | None = None


class Process(msgspec.Struct):
    """What the kernel counted of a worker process: bytes ``resident``, their ``peak`` so far, and how many ``shared``.

    ``before`` the job was built, with the peak counted from there, and ``after`` its end.
    """

    before: dict[str, int]
    after: dict[str, int]


class Summary(msgspec.Struct):
    """The scalars and names of a run. Times in seconds, memory in bytes; more may be there."""

    backend: str
    mode: str
    job: str
    job_hash: str
    workers: int
    worker_names: list[str]
    links: list[str]
    nodes: list[str]
    edges: list[str]
    makespan: float
    throughput: float | None
    utilization: list[float | None]
    epochs: list[Epoch]
    updates: int
    target: float | None
    time_to_target: float | None
    epochs_to_target: int | None
    matmul: float
    static_memory: list[Static]
    capacity: list[int | None]
    resident: list[Process | None] | None = None
    target_loss: float | None = None
    chips: list[Chip] | None = None
    energy: Energy | None = None
    reports: int | None = None
    interval: Interval | None = None


def check_summary(summary: Mapping[str, Any], tables: Mapping[str, Table]) -> None:
    """Raise UsageError, with the place in ``where``, unless the summary is complete and the tables keep to it."""
    try:
        found = msgspec.convert(dict(summary), Summary)
    except msgspec.ValidationError as error:
        raise UsageError(f"the summary is not one of a run: {error}", "summary") from None
    for name in ("worker_names", "utilization", "static_memory", "capacity"):
        if len(getattr(found, name)) != found.workers:
            raise UsageError(f"there are {found.workers} workers", f"summary.{name}")
    sizes = {"worker": found.workers, "node": len(found.nodes), "edge": len(found.edges), "link": len(found.links)}
    sizes |= {"source": found.workers, "destination": found.workers}
    for table, columns in tables.items():
        for column, size in sizes.items():
            if column not in columns:
                continue
            # -1 is the controller, or an admission.
            lowest = -1 if column in ("source", "destination", "edge") else 0
            for (values,) in chunks(columns, column):
                if int(values.min()) < lowest or int(values.max()) >= size:
                    raise UsageError(f"a {column} is outside the {size} that there are", f"{table}.{column}")
