"""Real runs of both backends: what their traces share, and that the trace processor has no complaint."""

from __future__ import annotations

from pathlib import Path

import pytest

import ampsim
from ampsim.reports.trace import write
from ampsim.reports.trace.chakra_schema import messages
from ampsim.result.run import Run
from tests.reports.trace.processor import Processor, missing
from tests.reports.trace.reading import check, read
from tests.reports.trace.test_chakra import judge
from tests.reports.trace.test_chakra import read as read_chakra

SYSTEM = """
name: pair
chips:
  - {prefix: worker, count: 2, matmul: 1 TFLOP/s, vector: 100 GFLOP/s, memory_bandwidth: 1 TB/s, memory_capacity: 1 GB,
     task_overhead: 1 us}
links: {bandwidth: 1 GB/s, latency: 1 us, duplex: full}
topology: {kind: ring}
"""


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, Run]:
    """The same job on two workers, and on two chips that are called like them."""
    path = tmp_path_factory.mktemp("system") / "pair.yaml"
    path.write_text(SYSTEM)
    job = ampsim.workload("mlp", data="generated", training=600, validation=200, width=16)
    job = job.with_training(epochs=1, target=None)
    return ampsim.run(job, workers=2), ampsim.simulate(job, ampsim.load_system(path), workers=2)


@pytest.mark.alone
@pytest.mark.parametrize("suffix", ["json", "perfetto-trace"])
def test_a_measured_and_a_simulated_run_have_the_same_tracks(
    runs: tuple[Run, Run], tmp_path: Path, suffix: str
) -> None:
    names = []
    for run in runs:
        path = write(run, tmp_path / f"{run.backend}.{suffix}").path
        trace = read(path)
        check(trace)
        names.append(trace.names)
        tasks = trace.of(" tasks")
        assert len(tasks) == len(run.tables["tasks"]["kind"])
        assert sum(found.end - found.begin for found in tasks) * 1e-9 == pytest.approx(
            sum(run.utilization) * run.makespan, abs=1e-9 * len(tasks)  # type: ignore[arg-type]  # there is a clock
        )  # fmt: skip
        links = {track[1] for ends in trace.flows.values() for _, _, track, _ in ends if track[0] == "links"}
        assert links == {"worker0->worker1", "worker1->worker0"}
        if not missing():
            with Processor(path) as theirs:
                assert theirs.query("select name from stats where value > 0 and severity != 'info'") == []
                assert theirs.query("select count(*) as n from slice where depth > 2") == [{"n": 0}]
    assert names[0] == names[1]


@pytest.mark.alone
def test_chakra_traces_of_both_are_whole(runs: tuple[Run, Run], tmp_path: Path) -> None:
    for run in runs:
        write(run, tmp_path / f"{run.backend}.chakra")
        judge(run, read_chakra(tmp_path / f"{run.backend}.chakra", messages()))


def test_chips_of_several_units_and_replicas_are_traced(tmp_path: Path) -> None:
    path = tmp_path / "pair.yaml"
    path.write_text(SYSTEM.replace("count: 2", "count: 2, units: 2"))
    job = ampsim.workload("mlp", data="none", training=600, validation=200, width=16, replicas=2)
    run = ampsim.simulate(job.with_training(epochs=2, target=None), ampsim.load_system(path), mode="shapes")
    for name in ("x.json", "x.perfetto-trace"):
        trace = read(write(run, tmp_path / name).path)
        check(trace)
        assert len(trace.of(" tasks")) == len(run.tables["tasks"]["kind"])
        assert any("sync" in found.name for found in trace.of(" tasks"))
        assert {group for group, track in trace.names if track.endswith(" tasks")} == {"worker0", "worker1"}
        assert len({track for _, track in trace.names if track.endswith(" tasks")}) == run.workers == 4
    write(run, tmp_path / "x.chakra")
    judge(run, read_chakra(tmp_path / "x.chakra", messages()))
