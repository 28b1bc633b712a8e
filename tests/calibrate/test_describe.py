"""From what was seen to a valid system: every field has a source, whole runs have the last word."""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ampsim
from ampsim.hw import System
from ampsim.hw.schema import Chips
from ampsim.studies.calibrate.describe import PREFIX, UNITS, corrected, describe
from ampsim.studies.calibrate.observe import Observed
from tests.calibrate.known import CORES, RATES, a_part, measured, observed

FACTORS = st.lists(st.floats(0.5, 2.0), min_size=1, max_size=9)


def described(runs: list[Observed], structure: float = 1e-6, cores: int = CORES) -> System:
    return describe(runs, [("Minibatches", structure)] * len(runs), RATES, cores)


def one() -> Observed:
    counts = np.array([20.0, 0, 4, 0, 0, 4, 0])
    return observed([((a_part("Linear(4, 4) forward", 10),), 1, 0, 1e-4)] * 20, messaging=3e-4, counts=counts)


@cache
def plain() -> System:
    """Described by a single run on one worker."""
    return described([one()])


def _default(field: str) -> Any:
    known = {found.name: found for found in msgspec.structs.fields(Chips)}[field]
    return known.default_factory() if known.default is msgspec.NODEFAULT and not known.required else known.default


@pytest.fixture(scope="module")
def system() -> System:
    return described([seen for *_, seen in measured()])


def test_it_is_an_ordinary_system(system: System) -> None:
    assert system.chip_names == tuple(f"{PREFIX}{number}" for number in range(UNITS))
    assert System.from_text(system.to_yaml()).to_dict() == system.to_dict()
    assert system.host.within == PREFIX
    (chips,) = system.chips
    assert chips.cores is not None
    assert (chips.cores.count, chips.matmul, chips.vector) == (CORES, RATES.matmul, RATES.vector)


def test_every_field_says_whether_it_was_measured_and_how_far_it_spread(system: System) -> None:
    (chips,) = system.chips
    given = {field for field in chips.__struct_fields__ if getattr(chips, field) != _default(field)}
    assert {f"chips[0].{field}" for field in given} <= set(system.sources)
    assert {"links", "host", "topology"} <= set(system.sources)
    spreads = {name: source.spread for name, source in system.sources.items() if source.status == "measured"}
    assert len(spreads) > 8
    assert None not in spreads.values()
    assert {name for name, source in system.sources.items() if source.status != "measured"} == {
        "topology", "switching", "overflow", "chips[0].prefix", "chips[0].count",
    }  # fmt: skip


def test_a_single_run_on_one_worker_is_enough() -> None:
    system = plain()
    (chips,) = system.chips
    assert chips.cores is not None
    assert chips.cores.slowdown == (1.0, 1.0)
    assert (chips.software.waking, system.links.latency) == (1.0, 0.0)


def test_looking_up_structures_is_a_table_by_the_class_of_the_data() -> None:
    (chips,) = described([one()], 4e-6).chips
    assert chips.measured["Minibatches structure"].seconds == (4e-6,)


@given(FACTORS, FACTORS)
def test_what_more_workers_than_cores_took_longer_comes_out_and_the_spread_is_kept(
    alone: list[float], shared: list[float]
) -> None:
    before = plain()
    after = corrected(before, {False: alone, True: shared})
    (old,), (new,) = before.chips, after.chips
    assert old.cores is not None
    assert new.cores is not None
    crowded = max(1.0, float(np.median(shared)) / float(np.median(alone)))
    assert new.cores.slowdown == old.cores.slowdown
    assert new.cores.crowded == pytest.approx(crowded)
    known = after.uncertainty
    assert known is not None
    left = [*alone, *(ratio / crowded for ratio in shared)]
    outside = sum(not known.low - 1e-9 <= ratio <= known.high + 1e-9 for ratio in left)
    assert outside <= 2 * np.ceil(0.1 * (len(left) - 1))
    assert min(*left, 1) - 1e-9 <= known.low <= 1 <= known.high <= max(*left, 1) + 1e-9


def test_what_all_runs_took_longer_is_in_the_interval() -> None:
    """Every run took a fifth longer than predicted: so will the next, and the interval says so."""
    known = corrected(plain(), {False: [1.2] * 10, True: [1.32] * 5}).uncertainty
    assert known is not None
    assert known.low == 1.0
    assert known.high == pytest.approx(1.2)


def test_twice_as_many_units_as_cores_can_be_simulated_on_a_large_machine() -> None:
    assert described([one()], cores=80).chips[0].count == 160


def test_runs_that_were_all_predicted_right_leave_everything_as_it_was() -> None:
    before = plain()
    after = corrected(before, {False: [1.0, 1.0], True: [1.0]})
    assert after.chips == before.chips
    assert after.uncertainty is not None
    assert (after.uncertainty.low, after.uncertainty.high) == (1.0, 1.0)


def test_without_runs_on_more_workers_than_cores_nothing_is_crowded() -> None:
    (chips,) = corrected(plain(), {False: [1.1], True: []}).chips
    assert chips.cores is not None
    assert chips.cores.crowded == 1.0


def test_predictions_of_a_measured_system_carry_an_interval(system: System) -> None:
    job: Any = ampsim.workload("mlp", data="generated", training=200, validation=100, width=16)
    known = corrected(system, {False: [0.9, 1.0, 1.1], True: [1.0]})
    run = ampsim.simulate(job.with_training(epochs=1, target=None), known, workers=2)
    low, high = run.summary["interval"]["makespan"]
    assert low < run.makespan < high
    plain = ampsim.simulate(job.with_training(epochs=1, target=None), system, workers=2)
    assert plain.summary["interval"] is None
