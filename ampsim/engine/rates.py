"""How the rate of an optimizer changes: a pure function of the number of the node's own update, counted from 1.

share  1 |-----+                1 |--.                1 |     .-----
         |     +-----             |    .                |   .
         |           +--    floor |      `------        | .
         +---------------         +-------------        +-----------
          Step                     Cosine                Warmup
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ampsim.errors import ConfigError


@dataclass(frozen=True)
class Step:
    """The rate is multiplied by ``factor`` (0 to 1) after every ``every`` updates. Raises ConfigError."""

    every: int
    factor: float

    def __post_init__(self) -> None:
        _count(self, "every")
        _share(self, "factor")

    def share(self, count: int) -> float:
        """What part of the rate update number ``count`` takes."""
        return self.factor ** ((count - 1) // self.every)


@dataclass(frozen=True)
class Cosine:
    """Half a cosine from the whole rate at the first update down to ``floor`` (0 to 1) of it, ``over`` updates later.

    There it stays (Loshchilov and Hutter 2017, equation 5, without restarts). Raises ConfigError.
    """

    over: int
    floor: float = 0.0

    def __post_init__(self) -> None:
        _count(self, "over")
        _share(self, "floor")

    def share(self, count: int) -> float:
        """What part of the rate update number ``count`` takes."""
        passed = min(count - 1, self.over) / self.over
        return self.floor + (1.0 - self.floor) * 0.5 * (1.0 + math.cos(math.pi * passed))


@dataclass(frozen=True)
class Warmup:
    """The rate grows evenly over the first ``over`` updates, the last of which takes the whole. Raises ConfigError."""

    over: int

    def __post_init__(self) -> None:
        _count(self, "over")

    def share(self, count: int) -> float:
        """What part of the rate update number ``count`` takes."""
        return min(count, self.over) / self.over


RateSchedule = Step | Cosine | Warmup
RATE_SCHEDULES: Mapping[str, type[RateSchedule]] = {"step": Step, "cosine": Cosine, "warmup": Warmup}


def _count(schedule: Any, name: str) -> None:
    value = getattr(schedule, name)
    if type(value) is not int or not 1 <= value <= 10**9:
        raise ConfigError(f"{value!r} is not an int from 1 to 10^9", f"training.optimizer.schedule.{name}")


def _share(schedule: Any, name: str) -> None:
    """A number from 0 to 1, and from here on a float: 1 and 1.0 are one job."""
    value = getattr(schedule, name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise ConfigError(f"{value!r} is not a number from 0 to 1", f"training.optimizer.schedule.{name}")
    object.__setattr__(schedule, name, float(value))
