"""Systems that commands load; one that was measured on another machine or program than this is said to be stale."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ampsim.cli.base import Flags

if TYPE_CHECKING:
    from ampsim.hw import System


def load(flags: Flags, name: str) -> System:
    """A catalogue name or a YAML file. What makes it stale is said on stderr. Raises UsageError."""
    from ampsim.studies.execute import load_system

    system = load_system(name)
    say_stale(flags, system, name)
    return system


def say_stale(flags: Flags, system: System, name: str) -> None:
    """A line on stderr if the system was measured, and what it was measured on has changed since."""
    from ampsim.cli.output import printable
    from ampsim.studies.calibrate.machine import stale

    found = stale(system)
    if found:
        flags.say(printable(f"{name} is stale: {'; '.join(found)}; 'ampsim calibrate' measures anew"))
