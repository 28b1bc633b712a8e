"""What a measured System was measured on, and whether that is the machine and the program of now."""

from __future__ import annotations

import datetime
import os
from typing import Any

from ampsim.hw import System
from ampsim.result.provenance import cpu_model, system, usable_cores, versions

_VERSIONS = ("ampsim", "python", "numpy")
OLD = 30  # days


def machine() -> dict[str, Any]:
    """This machine and program, as a System keeps them; the number format of the date is ISO 8601."""
    known = versions()
    return {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "cpu": cpu_model() or "unknown",
        "cores": usable_cores() or 1,
        "system": system(),
        "versions": {name: known.get(name) or "unknown" for name in _VERSIONS},
        "blas": os.environ.get("OPENBLAS_CORETYPE") or "as found",
    }


def stale(measured: System) -> list[str]:
    """In what this machine and program differ from those that a System was measured on; empty if it was not measured.

    Sentences such as ``numpy was 2.3.1 and is 2.4.6``.
    """
    if measured.machine is None:
        return []
    then: dict[str, Any] = {name: getattr(measured.machine, name) for name in ("cpu", "cores", "system", "blas")}
    then |= measured.machine.versions
    now = machine()
    now |= now["versions"]
    found = [f"{name} was {was} and is {now[name]}" for name, was in then.items() if now.get(name, was) != was]
    return found + _old(measured.machine.date)


def _old(date: str) -> list[str]:
    try:
        then = datetime.datetime.fromisoformat(date)
    except ValueError:
        return [f"nobody can say when it was measured: {date!r} is no date such as 2026-11-21"]
    if then.tzinfo is None:
        then = then.replace(tzinfo=datetime.UTC)
    age = datetime.datetime.now(datetime.UTC) - then
    return [f"it was measured {age.days} days ago"] if age.days > OLD else []
