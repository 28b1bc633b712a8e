"""The errors of ampsim: what happened, where, and what to do next.

One base class, so that a caller can catch everything; one subclass per exit code, so that the command line needs no
table of its own.
"""

from __future__ import annotations


class AmpsimError(Exception):
    """Base of all errors raised on purpose.

    ``what`` is one sentence, ``where`` a place such as ``system.yaml:12: links[3].bandwidth``, ``do`` the next step.
    ``str()`` prints them on up to three lines.
    """

    exit_code = 1

    def __init__(self, what: str, where: str | None = None, do: str | None = None) -> None:
        self.what = what
        self.where = where
        self.do = do
        super().__init__(what, where, do)

    def __str__(self) -> str:
        lines = [self.what]
        if self.where:
            lines.append(f"  where: {self.where}")
        if self.do:
            lines.append(f"  do: {self.do}")
        return "\n".join(lines)


class UsageError(AmpsimError):
    """The request itself is wrong: graph, YAML, name, placement, folder. Nothing has been written."""

    exit_code = 2


class GraphError(UsageError):
    """A graph breaks one or more rules; ``violations`` lists every one of them."""

    def __init__(self, what: str, violations: tuple[str, ...] = (), do: str | None = None) -> None:
        super().__init__("\n".join([what, *(f"  - {line}" for line in violations)]), None, do)
        self.violations = violations


class ConfigError(UsageError):
    """A configuration file or option has a wrong form; ``where`` names file, line and path."""


class CapacityError(UsageError):
    """The job does not fit the memory of the chips it is placed on; known before the run starts."""


class RunError(AmpsimError):
    """The run was started and could not be finished."""


class OutOfMemory(RunError):
    """A chip's memory overflowed at run time, and the policy of the system has no way out; ``chip`` is its name."""

    chip = ""


class WorkerDied(RunError):
    """A worker process ended before the run did."""


class Stalled(RunError):
    """Instances are in flight and nothing can move; the text names the joins that wait and what they miss."""


class NonFinite(RunError):
    """A loss or a gradient became NaN or infinite; the text names node and instance."""


class ToleranceError(AmpsimError):
    """A comparison lies outside its tolerance."""

    exit_code = 3
