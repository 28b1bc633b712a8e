"""What a chip can be given that is a core of a processor: its program's own costs, and cores that units share."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from ampsim.hw.schema.base import Bytes, Flops, Name, Seconds, Side, Speed, Strict

CACHE = 1 << 20  # bytes beyond which memory is no longer near
Factor = Annotated[float, Meta(ge=1, le=1000)]


class Software(Strict, frozen=True):
    """What the program around the tasks costs; but for ``waking`` none of it is busy time."""

    choosing: Annotated[Seconds, Meta(description="of each task: choosing it and writing it down")] = 0.0
    message: Annotated[Seconds, Meta(description="of each message of a parcel, at either end")] = 0.0
    gathering: Annotated[Seconds, Meta(description="of each message of a task that takes more than one")] = 0.0
    cold: Annotated[Seconds, Meta(description="of each task that reads and writes more than a cache holds")] = 0.0
    cache: Annotated[Bytes, Meta(description="what a cache holds")] = CACHE
    report: Annotated[Seconds | None, Meta(description="of telling the controller; left out: as a parcel")] = None
    waking: Annotated[Factor, Meta(description="how much longer the first task after a wait takes")] = 1.0


class Kernel(Strict, frozen=True):
    """The time of one kind of operation: fixed + rows row + FLOP of products / matmul + bytes / bandwidth."""

    fixed: Annotated[Seconds, Meta(description="of each call")]
    row: Annotated[Seconds, Meta(description="of each row")] = 0.0
    message: Annotated[Seconds, Meta(description="for each message of a task that begins with it")] = 0.0
    matmul: Annotated[Flops | None, Meta(description="rate of its products; left out: they take no time")] = None
    bandwidth: Annotated[Speed | None, Meta(description="of its passes over memory; left out: no time")] = None


class Cores(Strict, frozen=True):
    """Cores that all units of a group share: those at work get equal parts of them, or take turns."""

    count: Annotated[Side, Meta(description="how many cores there are")]
    slowdown: Annotated[
        tuple[Factor, ...],
        Meta(
            min_length=1, max_length=1024,
            description="how much longer everything takes while 1, 2, ... units are at work, beside the sharing; "
            "the last holds for more",
        ),
    ] = (1.0,)  # fmt: skip
    crowded: Annotated[
        Factor, Meta(description="how much longer everything takes where more units than cores are in use")
    ] = 1.0
    turn: Annotated[
        Seconds, Meta(description="for how long a unit keeps a core while others wait for one; 0: equal parts at once")
    ] = 0.0


class Machine(Strict, frozen=True):
    """What a system was measured on."""

    date: Annotated[str, Meta(max_length=40, description="when, as ISO 8601 has it")]
    cpu: Annotated[str, Meta(max_length=200, description="what the processor calls itself")]
    cores: Annotated[Side, Meta(description="that the program could use")]
    system: Annotated[str, Meta(max_length=200, description="operating system, release, architecture")]
    versions: Annotated[dict[Name, str], Meta(max_length=16, description="of ampsim, Python and packages")]
    blas: Annotated[str, Meta(max_length=40, description="the core type that BLAS was told to use")]


class Uncertainty(Strict, frozen=True):
    """How far real times lie from predicted ones: a share of ``level`` of them between low and high times those."""

    level: Annotated[float, Meta(gt=0, lt=1, description="share of the real times")]
    low: Annotated[float, Meta(gt=0, le=1, description="factor of the predicted time")]
    high: Annotated[float, Meta(ge=1, le=1000, description="factor of the predicted time")]
