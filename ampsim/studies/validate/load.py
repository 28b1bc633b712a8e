"""A suite from its file, with everything in it tried once: a misspelt name is told before anything is measured."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from ampsim import strict_yaml
from ampsim.engine.placement import place
from ampsim.errors import UsageError
from ampsim.job import Job
from ampsim.strict_yaml import Document, Steps, short
from ampsim.studies.trials import source_of
from ampsim.studies.validate.items import KINDS, Item, Kind, item, loaded, setting
from ampsim.studies.validate.suite import Case, Subject, Suite

SHIPPED = Path(__file__).resolve().parents[1] / "validation.yaml"
"""The suite that comes with ampsim."""


def load_suite(path: str | Path = SHIPPED) -> Suite:
    """The suite of a YAML file. Raises ConfigError with file, line and path."""
    return _checked(strict_yaml.load(path), Path(path).resolve().parent)


def suite_of(values: Mapping[str, Any]) -> Suite:
    """The suite of plain values, as the file holds them. Raises ConfigError with the path."""
    return _checked(Document("<suite>", dict(values), {}), Path.cwd())


def part(suite: Suite, only: Sequence[str] = (), repeats: int | None = None) -> Suite:
    """The cases of a suite whose job and setting contain one of ``only`` (left out: all), and so many rounds.

    Raises UsageError if no case is left.
    """

    def asked(case: Case) -> bool:
        label = f"{case.job}, {setting(case)}"
        return not only or any(text in label for text in only)

    kept: dict[str, Any] = {kind: [case for case in getattr(suite, kind) if asked(case)] for kind in KINDS}
    if not any(kept.values()):
        known = ", ".join(dict.fromkeys(case.job for kind in KINDS for case in getattr(suite, kind)))
        raise UsageError(f"no case has {' or '.join(map(repr, only))}", "--only", f"jobs of this suite: {known}")
    left = {case.job for case in kept["cases"]}
    kept["held_out"] = [name for name in suite.held_out if name in left]
    return msgspec.structs.replace(suite, **kept, repeats=repeats or suite.repeats)


def _checked(document: Document, folder: Path) -> Suite:
    if not isinstance(document.value, dict):
        raise document.error("a suite is a mapping", (), "it has jobs, calibration and cases; see docs/validation.md")
    suite = _beside(document.convert(Suite), folder)
    calibrated = [_tried(document, subject, i) for i, subject in enumerate(suite.calibration.jobs)]
    known, names = {source_of(job) for job in calibrated}, {job.name for job in calibrated}
    if not any(getattr(suite, kind) for kind in KINDS):
        raise document.error("there is no case", (), f"list some under one of: {', '.join(KINDS)}")
    seen: set[str] = set()
    for kind in KINDS:
        for index, case in enumerate(getattr(suite, kind)):
            steps = (kind, index)
            found = _built(document, suite, kind, case, steps)
            if found.label in seen:
                raise document.error(f"{found.name}, {found.setting} is there twice", steps, "keep one of them")
            if source_of(found.job) in known:
                do = "calibrate with other data or sizes: in flight it has had a few anyway"
                raise document.error("the machine is calibrated with this very graph and data", steps, do)
            if kind == "learning" and found.job.training.target is None and found.job.training.target_loss is None:
                raise document.error("there is no target to learn to", steps, "set training.target")
            seen.add(found.label)
            if case.job in suite.held_out and found.job.name in names:
                what = f"{found.job.name} is held out, and calibrated with"
                raise document.error(what, ("held_out",), "take it out of calibration.jobs, or out of held_out")
    for index, name in enumerate(suite.held_out):
        if not any(case.job == name for case in suite.cases):
            raise document.error(f"no case is about {short(name)}", ("held_out", index), "name a job that cases have")
    return suite


def _tried(document: Document, subject: Subject, index: int) -> Job:
    steps = ("calibration", "jobs", index)
    try:
        return loaded(subject)
    except UsageError as error:
        raise _told(document, error, steps) from error


def _built(document: Document, suite: Suite, kind: Kind, case: Case, steps: Steps) -> Item:
    if case.job not in suite.jobs:
        do = f"one of: {', '.join(suite.jobs)}"
        raise document.error(f"the suite has no job {short(case.job)}", (*steps, "job"), do)
    try:
        found = item(suite, kind, case)
        place(found.job.graph, found.workers, [0.0] * len(found.job.graph.nodes), found.placement)
    except UsageError as error:
        raise _told(document, error, steps) from error
    return found


def _told(document: Document, error: UsageError, steps: Steps) -> UsageError:
    where = f" ({error.where})" if error.where else ""
    return document.error(f"{error.what}{where}", steps, error.do)


def _beside(suite: Suite, folder: Path) -> Suite:
    """Names of files made absolute: a job's file is looked for beside the suite."""

    def found(subject: Subject) -> Subject:
        name = subject.job
        if re.search(r"\.(ya?ml|py:\w+)$", name) and not Path(name).is_absolute():
            return msgspec.structs.replace(subject, job=str(folder / name))
        return subject

    jobs = {name: found(subject) for name, subject in suite.jobs.items()}
    first = msgspec.structs.replace(suite.calibration, jobs=[found(subject) for subject in suite.calibration.jobs])
    return msgspec.structs.replace(suite, jobs=jobs, calibration=first)
