"""What a suite comes to: jobs to run, each on so many workers, in so many rounds."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import msgspec

from ampsim.job import Job
from ampsim.studies.jobs import load_job
from ampsim.studies.place import round_robin
from ampsim.studies.validate.suite import Case, Subject, Suite

Kind = Literal["cases", "memory", "learning"]
KINDS: tuple[Kind, ...] = ("cases", "memory", "learning")
"""Names of the suite's lists, in the order in which a round goes through them."""
_SHORT = {"max_active_keys": "mak", "min_update_frequency": "muf"}


class Item(NamedTuple):
    """A case ready to be run: ``name`` is the suite's for the job, ``setting`` tells it from others of that job.

    ``placement`` maps units to workers; None is the engine's own, by work. ``calibration`` is what the machine is
    measured with, as a SHA-256.
    """

    kind: Kind
    name: str
    setting: str
    job: Job
    workers: int
    placement: dict[int, int] | None
    calibration: str = ""

    @property
    def label(self) -> str:
        """Its name in the suite: no two are alike."""
        return f"{self.kind}: {self.name}, {self.setting}"

    def key(self, number: int, about: Any) -> str:
        """SHA-256 over all that the outcome of round ``number`` depends on; ``about``: of machine and program."""
        placed = sorted((self.placement or {}).items())
        known = [self.kind, self.job.hash, self.workers, placed, number, about, self.calibration]
        return hashlib.sha256(msgspec.json.encode(known)).hexdigest()


def items(suite: Suite) -> list[Item]:
    """Everything of one round, in order. Raises UsageError for what cannot be built."""
    asked = suite.calibration
    known = [[job.hash for job in calibration(suite)], asked.workers, asked.seconds]
    measured = hashlib.sha256(msgspec.json.encode(known)).hexdigest()
    return [item(suite, kind, case)._replace(calibration=measured) for kind in KINDS for case in getattr(suite, kind)]


def item(suite: Suite, kind: Kind, case: Case) -> Item:
    """One of them. Raises UsageError, or KeyError if the suite has no job of that name."""
    base = suite.jobs[case.job]
    job = load_job(base.job, {**base.settings, **case.settings})
    if kind != "learning":
        # Shapes mode computes no accuracy: all epochs are run.
        job = job.with_training(target=None, target_loss=None)
    placement = case.placement
    if isinstance(placement, str):
        chosen = round_robin(job.graph, case.workers) if placement == "round_robin" else None
    else:
        chosen = {int(unit): worker for unit, worker in placement.items()}
    return Item(kind, case.job, setting(case), job, case.workers, chosen)


def calibration(suite: Suite) -> list[Job]:
    """The jobs to measure the machine with. Raises UsageError."""
    return [loaded(subject) for subject in suite.calibration.jobs]


def loaded(subject: Subject) -> Job:
    """The job of a subject, without a target. Raises UsageError."""
    return load_job(subject.job, subject.settings).with_training(target=None, target_loss=None)


def setting(case: Case) -> str:
    """What a case says of itself, for people: ``2 workers, mak 4, batch 20``."""
    parts = [f"{case.workers} worker{'s' * (case.workers > 1)}", *_settings(case.settings)]
    if isinstance(case.placement, str):
        parts += [case.placement.replace("_", " ")] * (case.placement != "balanced")
    else:
        parts.append(" ".join(f"{unit}={worker}" for unit, worker in case.placement.items()))
    return ", ".join(parts)


def _settings(settings: Mapping[str, Any]) -> list[str]:
    names = {name: name.rpartition(".")[2] for name in settings}
    return [f"{_SHORT.get(names[name], names[name])} {value}" for name, value in settings.items()]
