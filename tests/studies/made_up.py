"""Records that nobody measured: what the judge makes of them can be said beforehand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ampsim.hw import System
from ampsim.job import Job
from ampsim.result.run import Run
from ampsim.studies.execute import load_system, simulate
from ampsim.studies.jobs import load_job
from ampsim.studies.validate.items import Item, Kind
from ampsim.studies.validate.judge import Judged, judge
from ampsim.studies.validate.measure import About, Record, Side
from ampsim.studies.validate.rounds import Means
from ampsim.studies.validate.suite import Suite, Tolerances

SETTINGS = {"options.data": "generated", "options.training": 200, "options.validation": 100, "options.width": 16}
HERE = About("a machine", "a program")
WIDE = {
    "median": 1e6, "worst": 1e6, "utilization": 1, "staleness": 1, "spread": 1e6, "unjudged": 1, "ranked": 0,
    "memory": 1e6, "memory_from": 0, "time_to_target": 1e6, "intervals": None,
}  # fmt: skip
"""Tolerances that nothing is outside of, but a case that fails."""
SUITE: dict[str, Any] = {
    "name": "made-up",
    "repeats": 2,
    "tolerances": WIDE,
    "jobs": {"small": {"job": "mlp", "settings": {**SETTINGS, "training.epochs": 1}}},
    "calibration": {"jobs": [{"job": "mlp", "settings": {**SETTINGS, "options.width": 8}}]},
    "cases": [
        {"job": "small", "workers": 1, "settings": {"training.max_active_keys": 2}},
        {"job": "small", "workers": 2, "settings": {"training.max_active_keys": 4}, "placement": "round_robin"},
    ],
}
_JOB = load_job("mlp", SETTINGS)


def an_item(setting: str = "a setting", kind: Kind = "cases", name: str = "small") -> Item:
    return Item(kind, name, setting, _JOB, 2, None)


def says(throughput: float = 100.0, **more: Any) -> Side:
    """A side; the makespan is what 1,000 rows take, unless it is given."""
    return Side(**{"makespan": 1000 / throughput, "throughput": throughput, "utilization": [0.5, 0.4],
                   "staleness": {0: {0: 5, 1: 5}}, **more})  # fmt: skip


def records(item: Item, pairs: Sequence[tuple[Side, Side]], **more: Any) -> list[Record]:
    """One a round, from (predicted, measured)."""
    return [
        Record(key=f"{item.label} {number}", label=item.label, round=number, predicted=predicted, measured=measured,
               **more)
        for number, (predicted, measured) in enumerate(pairs, 1)
    ]  # fmt: skip


def a_row(
    setting: str, predicted: float, *measured: float, name: str = "small", tolerances: Tolerances | None = None,
    predicts: dict[str, Any] | None = None, **measures: Any,
) -> Judged:  # fmt: skip
    """A judged case with one prediction of the throughput for all rounds, and what was measured in each."""
    item = an_item(setting, name=name)
    pairs = [(says(predicted, **(predicts or {})), says(value, **measures)) for value in measured]
    return judge(item, records(item, pairs), tolerances or Tolerances())


def of_kind(kind: Kind, quantity: str, predicted: Sequence[float], measured: Sequence[float], setting: str) -> Judged:
    """A judged case of memory or learning."""
    item = an_item(setting, kind)
    pairs = [(says(**{quantity: p}), says(**{quantity: m})) for p, m in zip(predicted, measured, strict=True)]
    return judge(item, records(item, pairs), Tolerances())


class Machine:
    """Simulates where a machine would measure; counts, and fails or is interrupted when told to."""

    def __init__(self, *, fails: int | None = None, interrupted: int | None = None) -> None:
        self.runs = self.calibrations = 0
        self.fails, self.interrupted = fails, interrupted

    def run(self, job: Job, **placed: Any) -> Run:
        self.runs += 1
        if self.runs == self.interrupted:
            raise KeyboardInterrupt
        if placed["workers"] == self.fails:
            raise ZeroDivisionError("a broken case")
        return simulate(job, "gpu_switch_8", **placed)

    def host(self, suite: Suite) -> System:
        self.calibrations += 1
        return load_system("fpga_ring_16")

    def means(self, here: About = HERE) -> Means:
        return Means((self.run, simulate), self.host, lambda: here, iter(range(10**6)).__next__)
