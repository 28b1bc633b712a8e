"""The memory of chips during a run: exact at the limit, never negative, empty at the end."""

from __future__ import annotations

from typing import Any

import pytest

from ampsim import testing
from ampsim.engine.optimizer import Adam, Momentum
from ampsim.errors import CapacityError, OutOfMemory
from ampsim.hw.memory.account import RUNNING
from ampsim.job import Job
from ampsim.result.run import Run
from tests.sim.chains import MS, NBYTES, chain_job, chain_system, simulate, simulation

LINK = {"bandwidth": 1e7, "latency": 1e-6}


def run(job: Job, stages: int, capacity: list[Any] | None = None) -> Run:
    services = [(MS, 2 * MS)] * stages
    return simulate(job, chain_system(services, links=LINK, capacity=capacity, parcel_overhead=1e-6), stages)


@pytest.mark.parametrize("mak", [1, 3, 8])
def test_a_run_fits_into_exactly_what_it_used_and_into_no_byte_less(mak: int) -> None:
    job = chain_job(3, 12, max_active_keys=mak, min_update_frequency=4)
    peaks = run(job, 3).summary["peak_memory"]
    again = run(job, 3, peaks)
    assert again.summary["peak_memory"] == again.summary["capacity"] == peaks
    for chip in range(3):
        less = [peak - (number == chip) for number, peak in enumerate(peaks)]
        with pytest.raises(OutOfMemory) as error:
            run(job, 3, less)
        text = str(error.value)
        assert text.startswith(f"chip{chip} is out of memory")
        for line in ("parameters", "gradients", "in use", "available", "s of simulated time", "max_active_keys"):
            assert line in text


def test_what_does_not_even_fit_at_rest_is_refused_before_the_run() -> None:
    job = chain_job(2, 4)
    static = run(job, 2).summary["static_memory"][1]
    needed = sum(static.values())
    with pytest.raises(CapacityError, match=r"1 of 2 chips(.|\n)*chip1(.|\n)*missing|missing(.|\n)*chip1"):
        run(job, 2, ["unlimited", needed - 1])
    with pytest.raises(OutOfMemory):  # it fits at rest, and then nothing else does
        run(job, 2, ["unlimited", needed])


def test_the_slots_of_each_nodes_own_optimizer_have_to_fit() -> None:
    """A chip for each of three layers; the second has two slots, the last has one, of the sizes of its parameters."""
    job = testing.mlp(nodes={"L2": {"optimizer": Adam()}, "L3": {"optimizer": Momentum()}})
    sizes = [4 * (6 * 8 + 8) * 2, 4 * (8 * 8 + 8) * 4, 4 * (8 * 3 + 3) * 3]
    for chip, size in enumerate(sizes):
        with pytest.raises(CapacityError, match="does not fit"):
            run(job, 3, [size - 1 if chip == small else "unlimited" for small in range(3)])
        with pytest.raises(OutOfMemory):
            run(job, 3, [size if chip == small else "unlimited" for small in range(3)])


@pytest.mark.parametrize("make", [testing.mlp, testing.rnn, testing.diamond])
@pytest.mark.parametrize("settings", [{"max_active_keys": 1}, {"max_active_keys": 5, "max_batch": 3}], ids=str)
@pytest.mark.parametrize("update", ["muf", "instance"])
def test_at_rest_nothing_is_left_but_parameters(make: Any, settings: dict[str, Any], update: str) -> None:
    job = make(epochs=2, min_update_frequency=3, update=update, **settings)
    system = chain_system([(MS, MS)] * 3, links=LINK, task_overhead=1e-5, parcel_overhead=1e-6)
    simulated = simulation(job, system, 3)
    result = simulated.run()
    for unit in simulated.units:
        assert {kind: unit.memory.levels[kind] for kind in RUNNING} == dict.fromkeys(RUNNING, 0)
        assert unit.memory.level == sum(unit.state.static_memory().values())
        assert unit.memory.peak > unit.memory.level or not unit.state.stations
    memory = result.tables["memory"]
    for kind in RUNNING:
        assert (memory[kind] >= 0).all()


def test_a_task_holds_what_it_takes_on_from_its_start_and_what_it_consumes_to_its_end() -> None:
    simulated = simulation(chain_job(1, 1), chain_system([(MS, MS)]), 1)
    simulated.run()
    static = sum(simulated.units[0].state.static_memory().values())
    # The most is there in the backward task: the gradient that came, what was kept of layer and softmax, and the two
    # sets of rows from which the weights' gradient will be made.
    assert simulated.units[0].memory.peak == static + NBYTES + 2 * NBYTES + 2 * NBYTES


def test_what_waits_at_a_busy_chip_and_on_a_busy_link_is_counted() -> None:
    # Chip 1 is ten times slower: all but one of eight instances wait there, and before it on the link.
    job = chain_job(2, 8, max_active_keys=8)
    slow = simulation(job, chain_system([(0.1 * MS, 0.1 * MS), (10 * MS, 10 * MS)], links=LINK), 2)
    slow.run()
    static = sum(slow.units[1].state.static_memory().values())
    assert slow.units[1].memory.peak >= static + 7 * NBYTES
    narrow = simulation(job, chain_system([(0.1 * MS, 0.1 * MS)] * 2, links={"bandwidth": 1e4, "latency": 0}), 2)
    narrow.run()
    static = sum(narrow.units[0].state.static_memory().values())
    assert narrow.units[0].memory.peak >= static + 7 * NBYTES + 8 * NBYTES  # in the outbox, and kept for the way back
