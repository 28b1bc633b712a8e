"""Several units on one chip: each a worker, all in one memory and behind the same links."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from ampsim import testing
from ampsim.engine.plan import Plan
from ampsim.errors import OutOfMemory, UsageError
from ampsim.hw import System, chip_time
from ampsim.hw.backend import SimBackend
from ampsim.ir.work import Work
from ampsim.job import Job
from ampsim.result.run import Run
from tests.sim.chains import MS, NBYTES, chain_job, chain_system, simulate
from tests.sim.systems import NS, chips, system
from tests.sim.test_cost import Piece, kind

LINK = {"bandwidth": 1e7, "latency": 1e-6}
ENERGY = {"matmul": 1e-12, "vector": 1e-12, "memory": 1e-12, "link": 1e-12, "idle": 10.0}


def packed(units: Sequence[int], **chip: Any) -> System:
    """Chips in a line with so many units each; every layer takes 1 ms forward and 2 ms backward."""
    values = chain_system([(MS, 2 * MS)] * len(units), links=LINK, **chip).to_dict()
    for group, count in zip(values["chips"], units, strict=True):
        group["units"] = count
    return System.from_dict(values)


def test_units_are_numbered_chip_by_chip_and_named_after_their_chip() -> None:
    made = packed([2, 1, 3])
    assert made.unit_chips == (0, 0, 1, 2, 2, 2)
    assert made.unit_names == ("chip0.0", "chip0.1", "chip1", "chip2.0", "chip2.1", "chip2.2")
    plain = system(3)
    assert plain.unit_chips == (0, 1, 2)
    assert plain.unit_names == plain.chip_names


def test_the_chip_of_every_worker_is_plain_in_names_placement_and_summary() -> None:
    run = simulate(chain_job(3, 4), packed([2, 1], energy=ENERGY), 3)
    assert run.summary["worker_names"] == ["chip0.0", "chip0.1", "chip1"]
    assert run.config["run"]["placement"]["L1"] == "chip0.1"
    found = run.summary["chips"]
    assert [(chip["name"], chip["workers"]) for chip in found] == [("chip0", [0, 1]), ("chip1", [2])]
    idle = [chip["idle"] for chip in run.summary["energy"]["chips"]]
    assert idle == pytest.approx([10 * run.makespan] * 2, rel=1e-12)  # by chip, not by unit


def test_what_units_of_one_chip_send_each_other_takes_no_link_and_no_time() -> None:
    run = simulate(chain_job(3, 4), packed([3]), 3)
    assert not len(run.tables["links"]["bytes"])
    messages = run.tables["messages"]
    away = messages["source"] >= 0
    assert np.array_equal(messages["sent"][away], messages["arrived"][away])
    free = simulate(chain_job(3, 4), chain_system([(MS, 2 * MS)] * 3), 3)  # links without cost
    for column in ("start", "end", "node", "kind"):
        assert np.array_equal(run.tables["tasks"][column], free.tables["tasks"][column])


def test_units_share_the_links_of_their_chip_and_the_table_names_the_worker() -> None:
    """Layers 0 and 1 sit on one chip, 2 and 3 on the other: only what passes between layers 1 and 2 is on the links."""
    run = simulate(chain_job(4, 6, max_active_keys=6), packed([2, 2]), 4)
    links = run.tables["links"]
    ends = set(zip(links["source"].tolist(), links["destination"].tolist(), strict=True))
    assert ends == {(1, 2), (2, 1)}
    assert links["bytes"].tolist() == [NBYTES] * 12
    both = SimBackend(packed([2, 2])).execute(Plan(testing.diamond(max_active_keys=4), 4, mode="shapes"))
    table = both.tables["links"]
    for link in set(table["link"].tolist()):
        rows = table["link"] == link
        order = np.argsort(table["start"][rows], kind="stable")
        assert (table["start"][rows][order][1:] >= table["end"][rows][order][:-1]).all()


def test_units_have_equal_shares_of_the_memory_bandwidth() -> None:
    moved = Piece("x", 1, Work(read=10**9, written=0))
    assert chip_time(kind(), [moved]) == 1_000_000 * NS
    assert chip_time(kind(units=4), [moved]) == 4_000_000 * NS
    busy = Piece("x", 1, Work(((1000, 1000, 1000),)))
    assert chip_time(kind(units=4), [busy]) == chip_time(kind(), [busy])  # each has the whole rate of arithmetic


def test_units_share_one_memory_that_fits_exactly_and_not_one_byte_more() -> None:
    job = chain_job(3, 8, max_active_keys=4, min_update_frequency=2)
    run = simulate(job, packed([3]), 3)
    (chip,) = run.summary["chips"]
    static = sum(sum(sizes.values()) for sizes in run.summary["static_memory"])
    assert chip["peak"] > static
    assert run.summary["peak_memory"] == [chip["peak"]] * 3
    again = simulate(job, packed([3], memory_capacity=chip["peak"]), 3)
    assert again.summary["capacity"] == [chip["peak"]] * 3
    assert np.array_equal(again.tables["tasks"]["end"], run.tables["tasks"]["end"])
    with pytest.raises(OutOfMemory, match="chip0 is out of memory"):
        simulate(job, packed([3], memory_capacity=chip["peak"] - 1), 3)


@pytest.mark.parametrize("make", [testing.mlp, testing.rnn, testing.diamond])
def test_with_one_instance_in_flight_it_does_not_matter_where_units_are(make: Any) -> None:
    job: Job = make(max_active_keys=1)
    runs: list[Run] = [simulate(job, packed(units), 3, mode="numeric") for units in ([1, 1, 1], [3], [2, 1])]
    for run in runs[1:]:
        for name, value in runs[0].final.items():
            assert np.array_equal(run.final[name], value), name
        assert np.array_equal(run.tables["metrics"]["loss"], runs[0].tables["metrics"]["loss"])


def test_more_workers_than_units_are_refused_and_chips_are_filled_in_turn() -> None:
    job = chain_job(3, 2)
    made = packed([2])
    assert SimBackend.default_workers(job, made) == 2
    with pytest.raises(UsageError, match="3 workers do not fit on the 2 units of the 1 chips"):
        simulate(job, made, 3)
    wide = System.from_dict(system(4).to_dict() | {"chips": [chips(4, units=2)]})
    assert SimBackend.default_workers(job, wide) == 3
    assert [wide.unit_names[worker] for worker in range(3)] == ["chip0.0", "chip0.1", "chip1.0"]
