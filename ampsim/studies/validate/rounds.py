"""A whole suite, round by round: the machine is measured anew, then every case has its turn once.

    round 1   calibrate   case 1: run, simulate   case 2: run, simulate   ...
    round 2   calibrate   case 1: run, simulate   ...

So what changes slowly on a machine spreads over all cases alike. Every case is written down when it is done; killed at
any time, the same call goes on with what is missing. After each round the sheet is written, as far as it is.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from ampsim.errors import UsageError
from ampsim.hw import System
from ampsim.result.aside import checked_target, replace_file
from ampsim.result.text import yaml_text
from ampsim.studies.execute import run, simulate
from ampsim.studies.lines import Lines
from ampsim.studies.validate.host import host
from ampsim.studies.validate.items import Item, items
from ampsim.studies.validate.load import SHIPPED, load_suite
from ampsim.studies.validate.measure import About, Backends, Record, about, measure
from ampsim.studies.validate.page import write_page
from ampsim.studies.validate.sheet import Sheet, csv_text, plain, sheet, signed, text
from ampsim.studies.validate.suite import Suite

RECORDS, SUITE = "records.jsonl", "suite.yaml"
SHEET, CSV, JSON = "sheet.txt", "sheet.csv", "sheet.json"


class Validation(NamedTuple):
    """A finished validation: the sheet, and the folder that holds it with all records and calibrations."""

    sheet: Sheet
    folder: Path

    @property
    def held(self) -> bool:
        """Whether everything that the suite asks for was found."""
        return self.sheet.held

    def report(self, path: str | os.PathLike[str]) -> Path:
        """Write the sheet as one HTML page and return its absolute path. Raises UsageError if it cannot be written."""
        return write_page(self.sheet, path)


class Means(NamedTuple):
    """What a validation works with; tests put their own in place."""

    backends: Backends = (run, simulate)
    host: Callable[[Suite], System] = host
    about: Callable[[], About] = about
    clock: Callable[[], float] = time.monotonic


def validate(
    suite: Suite | str | Path = SHIPPED,
    folder: str | os.PathLike[str] = "validation",
    *,
    force: bool = False,
    say: Callable[[str], object] = str,
    means: Means | None = None,
) -> Validation:
    """Hold the simulator to this machine by ``suite``: a Suite or its file; left out, the one that ships.

    ``folder`` receives records.jsonl, the calibrated systems, and the sheet as text, CSV and JSON. An unfinished
    validation of the same cases, program and machine goes on there; a finished one is an error unless ``force``
    measures it anew. A case that fails is a row with its error. ``say`` hears a line as each case is done. Raises
    ConfigError for a wrong suite, UsageError for a folder of something else, RunError if the machine cannot be
    measured.
    """
    means = means or Means()
    suite = suite if isinstance(suite, Suite) else load_suite(suite)
    todo, here = items(suite), means.about()
    target = _prepared(folder)
    with Lines(target / RECORDS, Record, "validation", "record") as lines:
        wanted = _wanted(suite, todo, here)
        if force:
            lines.clear()
        elif wanted <= lines.done.keys():
            do = "choose another folder, add --force to measure anew, or --judge to look at it"
            raise UsageError(f"{target} holds a finished validation", str(target), do)
        if before := len(wanted & lines.done.keys()):
            say(f"{before} of {len(wanted)} measurements are done already")
        if others := len(lines.done) - before:
            say(f"{others} measurements of other cases, another program or another machine are left aside")
        replace_file(target / SUITE, yaml_text(_plain_suite(suite)).encode())
        for number in range(1, suite.repeats + 1):
            missing = [item for item in todo if item.key(number, here) not in lines.done]
            if missing:
                _round(suite, number, missing, here, lines, means, say)
                found = sheet(suite, todo, _current(lines, wanted))
                _write(target, found)
    return Validation(found, target)


def judged(suite: Suite | str | Path, folder: str | os.PathLike[str]) -> Validation:
    """What ``folder`` holds of a suite so far, judged by it; nothing is measured, nothing written.

    Also while a validation is at work there. Raises UsageError if there is none.
    """
    suite = suite if isinstance(suite, Suite) else load_suite(suite)
    target = checked_target(folder)
    lines = Lines(target / RECORDS, Record, "validation", "record")
    lines.look()
    # Of several programs or machines, the one that was at work last.
    last = next(reversed(lines.done.values()), None)
    todo = items(suite)
    wanted = _wanted(suite, todo, About(last.machine, last.program)) if last else set()
    return Validation(sheet(suite, todo, _current(lines, wanted)), target)


def _round(
    suite: Suite, number: int, missing: Sequence[Item], here: About, lines: Lines[Record], means: Means,
    say: Callable[[str], object],
) -> None:  # fmt: skip
    began = means.clock()
    title = f"round {number} of {suite.repeats}"
    say(f"{title}: measuring this machine with {len(suite.calibration.jobs)} jobs")
    found = means.host(suite)
    replace_file(lines.path.parent / f"host-{number}.yaml", found.to_yaml().encode())
    for index, item in enumerate(missing, 1):
        record = measure(item, number, found, here, means.backends)
        lines.append(record)
        say(f"{title}, {index} of {len(missing)}: {item.label}: {_told(record)}")
    left = suite.repeats - number
    taken = (means.clock() - began) / 60
    say(f"{title} took {taken:.1f} minutes" + (f", some {left * taken:.0f} more to go" if left else ""))


def _told(record: Record) -> str:
    """What a record says, in a line."""
    if record.error is not None or not (record.measured and record.predicted):
        return f"failed: {(record.error or '').splitlines()[0]}"
    name = {"cases": "throughput", "memory": "memory", "learning": "time_to_target"}[record.label.partition(":")[0]]
    predicted, measured = getattr(record.predicted, name), getattr(record.measured, name)
    if not (predicted and measured):
        return "nothing to compare"
    words = f"{name.replace('_', ' ')} {signed(predicted / measured - 1)}"
    return f"{words}, {record.measured.makespan:.2f} s" + (", disturbed" if record.disturbed else "")


def _wanted(suite: Suite, todo: Sequence[Item], here: About) -> set[str]:
    """The keys of all records that a whole validation has."""
    return {item.key(number, here) for item in todo for number in range(1, suite.repeats + 1)}


def _current(lines: Lines[Record], wanted: set[str]) -> list[Record]:
    """Without what is of another program, machine or suite."""
    return [record for key, record in lines.done.items() if key in wanted]


def _prepared(folder: str | os.PathLike[str]) -> Path:
    """The folder, made if it is not there. Raises UsageError for what is another thing."""
    target = checked_target(folder)
    if target.is_symlink() or (target.exists() and not target.is_dir()):
        raise UsageError(f"{target} is no folder", str(target), "choose another folder")
    if target.is_dir() and any(target.iterdir()) and not (target / RECORDS).is_file():
        do = "choose another folder, or an empty one"
        raise UsageError(f"{target} is not the folder of a validation, so nothing is written to it", str(target), do)
    try:
        target.mkdir(exist_ok=True)
    except OSError as error:
        raise UsageError(f"the folder cannot be made: {error.strerror}", str(target), "choose another place") from error
    return target


def _plain_suite(suite: Suite) -> dict[str, object]:
    values: dict[str, object] = msgspec.to_builtins(suite)
    return values


def _write(target: Path, found: Sheet) -> None:
    replace_file(target / SHEET, text(found).encode())
    replace_file(target / CSV, csv_text(found).encode())
    replace_file(target / JSON, msgspec.json.format(msgspec.json.encode(plain(found)), indent=2))
