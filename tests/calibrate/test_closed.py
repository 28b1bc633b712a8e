"""The circle closed: runs of a known machine are described, and the machine that is found runs other settings alike."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

from ampsim.hw import System
from ampsim.hw.cost import interpolate
from ampsim.job import Job
from ampsim.studies.calibrate.describe import corrected, describe
from ampsim.studies.calibrate.runs import Setting
from tests.calibrate.known import (
    CHOOSING,
    CORES,
    MEASURED,
    RATES,
    SLOWDOWN,
    data,
    jobs,
    measured,
    simulated,
    truth,
)

TURN = 4e-3
OTHERS = [Setting(1, 3), Setting(2, 2), Setting(2, 16), Setting(3, 4), Setting(4, 2), Setting(4, 16)]
"""None of these was run to be measured."""


@cache
def found(turn: float = 0.0) -> System:
    """As ``calibrate`` finds it, with the length of a turn as it would have been measured."""
    runs = measured(turn)
    structure = [(type(data(job).training).__name__, 0.0) for job, *_ in runs]
    system = describe([seen for *_, seen in runs], structure, RATES._replace(turn=turn), CORES)
    ratios: dict[bool, list[float]] = {False: [], True: []}
    for job, setting, seen in runs:
        predicted = simulated(system, job, setting).makespan
        ratios[setting.workers > CORES].append(seen.run.makespan / predicted)
    return corrected(system, ratios)


def chips(system: System) -> Any:
    return system.chips[0]


@pytest.mark.parametrize("setting", OTHERS, ids=lambda setting: f"{setting.workers} workers mak {setting.mak}")
@pytest.mark.parametrize("number", [0, 1], ids=["mlp", "lists"])
def test_settings_that_were_not_run_are_predicted(number: int, setting: Setting) -> None:
    assert setting not in MEASURED
    job: Job = jobs()[number]
    real, predicted = simulated(truth(), job, setting), simulated(found(), job, setting)
    assert predicted.makespan == pytest.approx(real.makespan, rel=0.04)
    assert predicted.throughput == pytest.approx(real.throughput, rel=0.04)
    if setting.workers <= CORES:
        assert predicted.utilization == pytest.approx(real.utilization, abs=0.03)


@pytest.mark.parametrize("setting", OTHERS[3:], ids=lambda setting: f"{setting.workers} workers mak {setting.mak}")
@pytest.mark.parametrize("number", [0, 1], ids=["mlp", "lists"])
def test_so_are_they_where_units_take_turns(number: int, setting: Setting) -> None:
    """The truth shares its cores in turns of 4 ms, some twenty tasks; who is how busy is then predicted, too."""
    job: Job = jobs()[number]
    real, predicted = simulated(truth(TURN), job, setting), simulated(found(TURN), job, setting)
    assert predicted.makespan == pytest.approx(real.makespan, rel=0.06)
    assert predicted.utilization == pytest.approx(real.utilization, abs=0.04)


def test_tables_come_back_where_there_were_tasks() -> None:
    """Between the ends of a table, for each operation: within a few per cent in the middle."""
    for name, table in chips(truth()).measured.items():
        known = chips(found()).measured[name]
        errors = [interpolate(known, rows) / interpolate(table, rows) - 1 for rows in known.rows[1:-1]]
        assert abs(np.median(errors)) < 0.05, name


def test_what_sharing_costs_comes_back() -> None:
    cores = chips(found()).cores
    assert cores.count == CORES
    assert cores.slowdown == pytest.approx([1.0, SLOWDOWN], rel=0.03)


def test_what_lies_between_tasks_comes_back_roughly() -> None:
    """Costs that always come together are told apart badly; a task, which comes alone, well."""
    assert chips(found()).software.choosing == pytest.approx(CHOOSING, rel=0.3)


def test_the_way_to_the_controller_comes_back() -> None:
    """What a worker does for a report is no part of its way."""
    assert found().host.latency + found().host.handling == pytest.approx(25e-6 + 10e-6, rel=0.2)


def test_predictions_say_how_far_they_are_off() -> None:
    known = found().uncertainty
    assert known is not None
    assert known.level == 0.8
    assert known.low > 0.9
    assert known.high < 1.1


def test_who_did_not_take_longer_after_a_wait_is_found_so() -> None:
    assert chips(found()).software.waking < 1.05
