"""A measured system knows its machine, and each thing that has changed since is said."""

from __future__ import annotations

import datetime
import re
from typing import Any

import msgspec
import pytest

import ampsim
from ampsim.hw import System
from ampsim.hw.schema import Machine
from ampsim.result.provenance import usable_cores
from ampsim.studies.calibrate.machine import OLD, machine, stale
from tests.calibrate.known import truth


def with_machine(**changes: Any) -> System:
    """A system measured here and now, but for this."""
    return msgspec.structs.replace(truth(), machine=msgspec.convert(machine() | changes, Machine))


def with_versions(**changes: str) -> System:
    return with_machine(versions=machine()["versions"] | changes)


def test_what_was_measured_just_now_is_not_stale() -> None:
    assert stale(with_machine()) == []


@pytest.mark.parametrize(
    "field,was", [("cpu", "an abacus"), ("cores", 97), ("system", "Plan 9"), ("blas", "a core type")]
)
def test_another_machine_is_said(field: str, was: str | int) -> None:
    assert stale(with_machine(**{field: was})) == [f"{field} was {was} and is {machine()[field]}"]


@pytest.mark.parametrize("name", ["ampsim", "python", "numpy"])
def test_another_version_is_said(name: str) -> None:
    assert name in machine()["versions"]
    (said,) = stale(with_versions(**{name: "0.0.1"}))
    assert re.fullmatch(rf"{name} was 0\.0\.1 and is [0-9].*", said)


def test_age_is_said_after_a_month() -> None:
    now = datetime.datetime.now(datetime.UTC)

    def before(days: float) -> list[str]:
        return stale(with_machine(date=(now - datetime.timedelta(days=days)).isoformat(timespec="seconds")))

    assert before(OLD - 1) == before(OLD) == []
    assert before(OLD + 1.5) == [f"it was measured {OLD + 1} days ago"]


def test_a_day_is_a_date_too() -> None:
    assert stale(with_machine(date=datetime.datetime.now(datetime.UTC).date().isoformat())) == []
    assert [text.split(" ")[0] for text in stale(with_machine(date="1984-01-24"))] == ["it"]


def test_what_is_no_date_is_said() -> None:
    assert stale(with_machine(date="21 Nov")) == [
        "nobody can say when it was measured: '21 Nov' is no date such as 2026-11-21"
    ]


def test_all_that_changed_is_said() -> None:
    old = with_machine(cpu="an abacus", cores=97, date="1984-01-24T12:00:00+00:00")
    assert [text.split(" ")[0] for text in stale(old)] == ["cpu", "cores", "it"]


def test_a_package_that_is_known_no_more_is_no_difference() -> None:
    assert stale(with_versions(atari="2600")) == []


def test_a_system_that_nobody_measured_is_never_stale() -> None:
    assert truth().machine is None
    assert stale(truth()) == []
    assert stale(ampsim.load_system("host")) == []


def test_the_machine_is_kept_in_the_file() -> None:
    system = with_machine()
    assert System.from_text(system.to_yaml()).machine == system.machine
    assert system.machine is not None
    assert system.machine.cores == usable_cores()
