"""How many epochs a job takes to its target, by the staleness of its gradients: measured points, a line, a file.

    ln epochs = f(mean staleness) + noise,   f never falls

f is fitted through the settings (instances in flight, workers) that were tried, each with several seeds. The noise is
what seeds do, and whatever else than the mean staleness tells two settings apart.
"""

from __future__ import annotations

import math
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, Self

import msgspec
from msgspec import Meta

from ampsim.errors import ConfigError, RunError, UsageError
from ampsim.result.aside import checked_target, replace_file
from ampsim.studies.monotone import Monotone, fitted, student

STRETCHES = 10
"""Validations an epoch: the target is looked for after each."""
LEVEL = 0.8
"""Share of further runs that an interval is to hold."""
SLACK = 0.02
"""A staleness may lie outside what was seen by this share of it: that of a run varies as much with its length."""

Count = Annotated[int, Meta(ge=1, le=10**9)]
Finite = Annotated[float, Meta(ge=0, le=1e12)]


class Trial(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One training: its mean ``staleness`` (versions), and the ``epochs`` to the target; None if it was missed."""

    max_active_keys: Count
    workers: Count
    seed: Annotated[int, Meta(ge=0, le=2**63 - 1)]
    staleness: Finite
    epochs: Annotated[float, Meta(gt=0, le=1e9)] | None


class Estimate(NamedTuple):
    """A value with an interval that is to hold 80 % of further runs."""

    value: float
    low: float
    high: float


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What decides how a job learns, staleness apart: curve and job have to agree in it.

    ``training`` holds settings of :class:`~ampsim.Training`, ``rows`` the mean rows of an instance, ``copies`` how
    often replicated nodes are made.
    """

    training: dict[str, Any]
    rows: Annotated[float, Meta(gt=0, le=1e12)]
    copies: Count


class StalenessCurve(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, dict=True):
    """Epochs to the target as a function of mean staleness.

    ``job`` is the name, ``source`` the SHA-256 of graph and data of the job that was trained, ``trials`` what came out.
    """

    kind: Literal["ampsim staleness curve"] = "ampsim staleness curve"
    version: Literal[1] = 1
    job: Annotated[str, Meta(max_length=1000)]
    source: Annotated[str, Meta(max_length=64)]
    settings: Settings
    most_epochs: Count
    trials: Annotated[list[Trial], Meta(min_length=2, max_length=100_000)]

    @property
    def missed(self) -> float:
        """The least staleness (versions) at which a training missed the target; infinite where all reached it."""
        return min((trial.staleness for trial in self.trials if trial.epochs is None), default=math.inf)

    @property
    def seen(self) -> tuple[float, float] | None:
        """Least and largest mean staleness (versions) that the line goes through; None where the target was missed."""
        return (self._line.x[0], self._line.x[-1]) if self._line else None

    def epochs(self, staleness: float) -> Estimate:
        """Epochs to the target at this mean staleness (versions), with the interval of one more seed.

        Raises RunError where the target was missed, UsageError outside the staleness seen.
        """
        line, missed = self._line, self.missed
        most = line.x[-1] if line else 0.0
        slack = SLACK * most
        if line is None or (staleness > most + slack and math.isfinite(missed)):
            what = f"at a staleness of {missed:.3g} the target was missed within {self.most_epochs:,} epochs"
            do = "train for more epochs, lower the rate, or let fewer instances in"
            raise RunError(f"{what}, and this one is {staleness:.3g}", self.job, do)
        if not line.x[0] - slack <= staleness <= most + slack:
            what = (
                f"a staleness of {staleness:.3g} is outside {line.x[0]:.3g} to {most:.3g}, which is all that was tried"
            )
            more = "more" if staleness > most else "fewer"
            raise UsageError(what, self.job, f"try {more} instances in flight (maks), or another number of workers")
        if not line.freedom:
            raise UsageError(
                "every setting was tried once only, so nothing is known of seeds", self.job, "try two seeds"
            )
        middle = line.at(staleness)
        # Epochs are counted in stretches, so that equal ones are not known to the last digit.
        rounding = 1 / STRETCHES / math.exp(middle) / math.sqrt(12)
        seeds = min(len(group) for group in self._groups.values())
        width = student(line.freedom) * max(line.sigma, rounding) * math.sqrt(1 + 1 / seeds)
        return Estimate(math.exp(middle), math.exp(middle - width), math.exp(middle + width))

    @cached_property
    def _groups(self) -> dict[tuple[int, int], list[Trial]]:
        """The trials of each setting below the first that missed the target."""
        groups: dict[tuple[int, int], list[Trial]] = {}
        for trial in self.trials:
            groups.setdefault((trial.max_active_keys, trial.workers), []).append(trial)
        return {k: g for k, g in groups.items() if max(t.staleness for t in g) < self.missed}

    @cached_property
    def _line(self) -> Monotone | None:
        points = [
            (sum(t.staleness for t in group) / len(group), [math.log(t.epochs) for t in group if t.epochs])
            for group in self._groups.values()
        ]
        return fitted(points) if points else None

    def save(self, path: str | Path) -> None:
        """Write the curve as JSON; an older file is replaced. Raises UsageError or RunError if that cannot be."""
        replace_file(checked_target(path), msgspec.json.format(msgspec.json.encode(self), indent=1) + b"\n")

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """The curve of a file. Raises ConfigError for one that cannot be read, or of another form."""
        try:
            return msgspec.json.decode(Path(path).read_bytes(), type=cls)
        except OSError as error:
            raise ConfigError(f"the curve cannot be read: {error.strerror or error}", str(path)) from error
        except (msgspec.DecodeError, RecursionError) as error:
            do = "take a file that 'ampsim reach -o' wrote"
            raise ConfigError(f"this is no staleness curve: {error}", str(path), do) from error
