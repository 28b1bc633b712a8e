"""A processor in whole runs: what workers on shared cores come to, and how far off a prediction may be."""

from __future__ import annotations

import doctest
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ampsim.errors import ConfigError
from ampsim.hw import System, load
from ampsim.hw.backend import SimBackend, interval
from ampsim.ir.message import Array
from ampsim.result.run import Run
from ampsim.result.schema import empty_tables
from ampsim.result.summary import check_summary
from tests.sim.chains import FREE, MS, blank, chain_job, simulate, times
from tests.sim.test_units_of_chips import packed

LINK = {"bandwidth": 1e9, "latency": 1e-6}
LAYER = 3 * MS  # forward and backward
SOFTWARE = {"choosing": 5e-6, "message": 2e-6, "gathering": 1e-6, "report": 4e-6, "cold": 3e-6, "waking": 1.25}


def processor(chips: int, cores: dict[str, Any] | None, chip: dict[str, Any] | None = None, **more: Any) -> System:
    """One group of chips, 1 ms forward and 2 ms backward, that share ``cores``."""
    group = {
        "count": chips,
        "matmul": 1e12,
        "vector": 1e12,
        "memory_bandwidth": "unlimited",
        "memory_capacity": "unlimited",
        "measured": times(MS, 2 * MS),
        **({"cores": cores} if cores else {}),
        **(chip or {}),
    }
    values = {"name": "processor", "chips": [group], "links": LINK, "topology": {"kind": "full"}}
    return System.from_dict(values | more)


def lengths(run: Run, table: str) -> Array:
    """Seconds of all tasks, or of all waits for memory, in order."""
    rows = run.tables[table]
    chosen = rows["kind"] == 1 if table == "waits" else slice(None)
    return np.sort((rows["end"] - rows["start"])[chosen])


def same(one: Run, two: Run) -> None:
    """Every table, to the bit."""
    for name, columns in one.tables.items():
        for column, values in columns.items():
            assert values.tobytes() == two.tables[name][column].tobytes(), f"{name}.{column}"


# -- sharing -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_a_core_for_every_worker_is_a_core_of_its_own(workers: int) -> None:
    job = chain_job(workers, 8, max_active_keys=4, min_update_frequency=3)
    chip = {"software": SOFTWARE}
    same(
        simulate(job, processor(workers, None, chip=chip), workers),
        simulate(job, processor(workers, {"count": workers}, chip=chip), workers),
    )


def test_with_one_instance_in_flight_one_core_is_enough() -> None:
    job = chain_job(3, 5)
    alone, shared = (simulate(job, processor(3, cores), 3) for cores in (None, {"count": 1}))
    assert shared.makespan == alone.makespan


@pytest.mark.parametrize("workers,mak", [(1, 1), (2, 2), (3, 3), (4, 8)])
def test_on_one_core_a_run_takes_the_sum_of_all_work(workers: int, mak: int) -> None:
    """However many are in flight, and whoever does it, as long as somebody always has something to do."""
    n = 8
    system = processor(workers, {"count": 1}, links=FREE, chip={"task_overhead": 1e-5})
    run = simulate(chain_job(workers, n, max_active_keys=mak), system, workers)
    total = n * workers * LAYER + len(run.tables["tasks"]["kind"]) * 1e-5
    assert run.makespan == pytest.approx(total, abs=1e-12)


def test_when_everything_is_slowed_down_it_is_as_if_time_were_stretched() -> None:
    job = chain_job(3, 8, max_active_keys=3)
    one, two = (
        simulate(job, processor(3, {"count": 2, "slowdown": [f]}, links=FREE, chip={"software": SOFTWARE}), 3)
        for f in (1.0, 2.0)
    )
    for column in ("start", "end"):
        np.testing.assert_allclose(two.tables["tasks"][column], 2 * one.tables["tasks"][column], atol=1e-12)


def test_more_workers_than_cores_are_crowded_even_when_few_are_at_work() -> None:
    """One instance in flight: one at work at a time, on two cores; three workers crowd them, two do not."""
    cores = {"count": 2, "crowded": 1.5}
    for workers, factor in ((2, 1.0), (3, 1.5)):
        run = simulate(chain_job(workers, 4), processor(4, cores, links=FREE), workers)
        assert run.makespan == pytest.approx(4 * workers * LAYER * factor, rel=1e-12)


def test_links_take_their_time_whoever_is_at_work() -> None:
    far = {"bandwidth": "unlimited", "latency": 0.5 * MS}
    run = simulate(chain_job(2, 4), processor(2, {"count": 1, "slowdown": [2.0]}, links=far), 2)
    assert run.makespan == pytest.approx(4 * (2 * LAYER * 2 + 2 * 0.5 * MS), rel=1e-12)


def test_waiting_for_off_chip_memory_takes_no_part_of_a_core() -> None:
    """Tasks take three times as long, and what is moved as long as before."""
    level = {"capacity": "unlimited", "bandwidth": 1e7}
    chip = {"off_chip": level, "memory_capacity": 6_000}

    def run(cores: dict[str, Any] | None) -> Run:
        return simulate(chain_job(2, 4, max_active_keys=2), processor(2, cores, overflow="spill", chip=chip), 2)

    alone, slow = run(None), run({"count": 2, "slowdown": [3.0]})
    for table, factor in (("waits", 1), ("tasks", 3)):
        one, two = (lengths(run, table) for run in (alone, slow))
        assert len(one) > 0
        np.testing.assert_allclose(two, factor * one, atol=1e-12)


def test_units_of_one_chip_share_the_cores_of_their_group() -> None:
    job = chain_job(2, 6, max_active_keys=2)
    run = simulate(job, packed([2], cores={"count": 1}), 2)
    assert run.makespan == pytest.approx(6 * 2 * LAYER, abs=1e-12)


def test_results_do_not_depend_on_cores() -> None:
    """Hardware changes times, and with one instance in flight not even what is in flight."""
    job = chain_job(2, 4)
    one, two = (simulate(job, processor(2, cores), 2, mode="numeric") for cores in (None, {"count": 1, "crowded": 3.0}))
    assert one.makespan < two.makespan
    for name, value in one.final.items():
        assert value.tobytes() == two.final[name].tobytes()


# -- how far off -------------------------------------------------------------------------------------------------------


UNCERTAIN = {"uncertainty": {"level": 0.8, "low": 0.5, "high": 1.25}}


def test_an_interval_has_the_factors_of_the_system() -> None:
    run = simulate(chain_job(2, 4), processor(2, None, **UNCERTAIN), 2)
    assert run.throughput is not None
    assert run.summary["interval"] == {
        "level": 0.8,
        "makespan": [run.makespan * 0.5, run.makespan * 1.25],
        "throughput": [run.throughput / 1.25, run.throughput / 0.5],
    }
    check_summary(run.summary, run.tables)


def test_time_to_target_has_one_where_a_target_was_reached() -> None:
    run = Run({"makespan": 2.0, "throughput": None, "time_to_target": 1.0}, empty_tables(), {}, {}, {}, {})
    found = interval(processor(1, None, **UNCERTAIN), run)
    assert found == {"level": 0.8, "makespan": [1.0, 2.5], "time_to_target": [0.5, 1.25]}


def test_without_uncertainty_nothing_is_said() -> None:
    run = simulate(chain_job(1, 2), processor(1, None), 1)
    assert run.summary["interval"] is None
    assert load("fpga_ring_16").uncertainty is None


def test_an_interval_is_saved_and_loaded(tmp_path: Path) -> None:
    run = simulate(chain_job(1, 2), processor(1, None, **UNCERTAIN), 1)
    run.save(tmp_path / "run")
    assert Run.load(tmp_path / "run").summary["interval"] == run.summary["interval"]


@pytest.mark.parametrize("field,value", [("level", 0.0), ("level", 1.0), ("low", 0.0), ("low", 1.5), ("high", 0.5)])
def test_what_cannot_be_an_interval_is_refused(field: str, value: float) -> None:
    with pytest.raises(ConfigError) as caught:
        processor(1, None, uncertainty={**UNCERTAIN["uncertainty"], field: value})
    assert caught.value.where == f"uncertainty.{field}"


@pytest.mark.parametrize("path", ["software.waking", "cores.crowded", "cores.slowdown[0]", "cores.count"])
def test_nothing_is_sped_up_by_sharing_or_waking(path: str) -> None:
    """Factors below one, and no core at all, are refused where they stand."""
    part, _, field = path.partition(".")
    values: dict[str, dict[str, Any]] = {"slowdown[0]": {"slowdown": [0.5]}, "count": {"count": 0}}
    value = values.get(field, {field: 0.5})
    needed = {"count": 1} if part == "cores" else {}
    chip = {part: {**needed, **value}}
    with pytest.raises(ConfigError) as caught:
        processor(1, None, chip=chip)
    assert caught.value.where == f"chips[0].{path}"


def test_the_examples_of_the_page_run() -> None:
    page = Path(__file__).parents[2] / "docs" / "host_model.md"
    failed, tried = doctest.testfile(str(page), module_relative=False)
    assert (failed, tried > 5) == (0, True)


def test_a_whole_processor_runs_its_default_number_of_workers() -> None:
    """All of it at once: the run ends, and says the same twice."""
    system = processor(
        3, {"count": 2, "slowdown": [1.0, 1.1], "crowded": 1.2},
        chip={"software": SOFTWARE, "parcel_overhead": 1e-5, "copy_bandwidth": 1e9},
        host={"latency": 1e-5, "handling": 2e-5, "within": "chip"},
        **UNCERTAIN,
    )  # fmt: skip
    job = chain_job(3, 10, max_active_keys=4, max_batch=2, min_update_frequency=3)
    assert SimBackend.default_workers(job, system) == 3
    one, two = simulate(job, system, 3), simulate(job, system, 3)
    same(one, two)
    assert len(one.tables["instances"]["instance"]) == len(blank(10)[0])
