"""A sweep does every point once, whatever happens: failures are rows, and after a kill it goes on."""

from __future__ import annotations

import csv
import os
import random
import signal
import subprocess
import sys
import time
from concurrent.futures import BrokenExecutor, Executor, Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest

import ampsim
from ampsim.errors import RunError, UsageError
from ampsim.result.metrics import scalars
from ampsim.studies.rows import NAME
from ampsim.studies.study import Study, load_study, study_of
from ampsim.studies.sweep import Progress, Sweep, sweep
from tests.packaging.tree import ROOT
from tests.studies.grids import JOB_PY, SETTINGS, STUDY, written

SCRIPT = "from ampsim.cli.main import main\nif __name__ == '__main__':\n    main()\n"


class Counting(ThreadPoolExecutor):
    """One thread; counts what it is given."""

    def __init__(self) -> None:
        super().__init__(1)
        self.given = 0

    def submit(self, *arguments: Any, **settings: Any) -> Future[Any]:
        self.given += 1
        return super().submit(*arguments, **settings)


def swept(study: Study, folder: Path, **settings: Any) -> Sweep:
    with Counting() as executor:
        return sweep(study, folder, executor=executor, **settings)


def rows_of(folder: Path) -> list[bytes]:
    return (folder / NAME).read_bytes().splitlines()[1:]


def test_every_point_is_the_simulation_it_names(tmp_path: Path) -> None:
    found = swept(study_of(STUDY), tmp_path / "s")
    assert found.computed == len(found.rows) == 8
    assert found.failed == ()
    row = found.rows[5]
    assert row.varied == {"training.max_active_keys": 4, "workers": 1, "system.links.bandwidth": 1e9}
    job = ampsim.load_job("mlp", {**SETTINGS, "training.max_active_keys": 4})
    values = ampsim.load_system("fpga_ring_16").to_dict()
    values["links"]["bandwidth"] = 1e9
    run = ampsim.simulate(job, ampsim.System.from_dict(values), workers=1, mode="shapes")
    assert row.scalars == scalars(run)


def test_a_row_is_on_disk_as_soon_as_it_is_known(tmp_path: Path) -> None:
    seen: list[tuple[Progress, int]] = []
    swept(study_of(STUDY), tmp_path / "s", progress=lambda p: seen.append((p, len(rows_of(tmp_path / "s")))))
    assert [(p.done, p.total, p.failed, count) for p, count in seen] == [(n, 8, 0, n) for n in range(1, 9)]


def test_started_again_it_does_nothing_twice(tmp_path: Path) -> None:
    first = swept(study_of(STUDY), tmp_path / "s")
    before = rows_of(tmp_path / "s")
    with Counting() as executor:
        again = sweep(study_of(STUDY), tmp_path / "s", executor=executor)
        assert executor.given == 0
    assert again.computed == 0
    assert again.rows == first.rows
    assert rows_of(tmp_path / "s") == before


def test_a_grid_may_grow_and_keeps_what_is_done(tmp_path: Path) -> None:
    swept(study_of(STUDY), tmp_path / "s")
    grown = study_of({**STUDY, "grid": {**STUDY["grid"], "workers": [1, 2, 3]}})
    found = swept(grown, tmp_path / "s")
    assert (found.computed, len(found.rows)) == (4, 12)


def test_a_point_that_fails_is_a_row_with_its_error(tmp_path: Path) -> None:
    study = study_of({**STUDY, "grid": {"system.chips[*].memory_capacity": ["8 MiB", "1 KiB"], "workers": [2, 99]}})
    found = swept(study, tmp_path / "s")
    assert [row.error is None for row in found.rows] == [True, False, False, False]
    assert "do not fit on the 16 chips" in str(found.rows[1].error)
    assert "does not fit the memory" in str(found.rows[2].error)
    assert found.rows[2].do
    assert swept(study, tmp_path / "s").computed == 0
    assert swept(study, tmp_path / "s", retry=True).computed == 3


def test_points_that_come_to_the_same_are_one_run(tmp_path: Path) -> None:
    grid = {"speedup.link": [1, 2], "system.links.bandwidth": ["10 Gbit/s", 1.25e9]}
    found = swept(study_of({**STUDY, "grid": grid}), tmp_path / "s")
    assert (found.computed, len(rows_of(tmp_path / "s"))) == (2, 2)
    assert [row.varied["speedup.link"] for row in found.rows] == [1, 1, 2, 2]
    assert found.rows[0].scalars == found.rows[1].scalars != found.rows[2].scalars


def test_the_table_and_the_figure_say_what_is_best(tmp_path: Path) -> None:
    found = swept(
        study_of({**STUDY, "objectives": {"throughput": "max", "system.links.bandwidth": "min"}}), tmp_path / "s"
    )
    with (tmp_path / "s" / "table.csv").open() as file:
        lines = list(csv.DictReader(file))
    assert [n for n, line in enumerate(lines) if line["best"] == "1"] == sorted(found.best)
    assert [float(line["throughput"]) for line in lines] == [row.scalars["throughput"] for row in found.rows]
    page = (tmp_path / "s" / "pareto.html").read_text()
    assert "Pareto front" in page
    assert 'http-equiv="Content-Security-Policy"' in page


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("precious")
    with pytest.raises(UsageError, match="not the folder of a sweep"):
        swept(study_of(STUDY), tmp_path)
    with pytest.raises(UsageError, match="no folder"):
        swept(study_of(STUDY), tmp_path / "letter.txt")
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


class Broken(Executor):
    """Breaks after so many answers."""

    def __init__(self, after: int) -> None:
        self.left = after

    def submit(self, function: Any, /, *arguments: Any, **settings: Any) -> Future[Any]:
        future: Future[Any] = Future()
        if self.left <= 0:
            future.set_exception(BrokenExecutor("it is gone"))
        else:
            self.left -= 1
            future.set_result(function(*arguments))
        return future


def test_a_foreign_executor_that_breaks_leaves_its_rows(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="executor broke") as error:
        sweep(study_of(STUDY), tmp_path / "s", executor=Broken(3))
    assert "start the sweep again" in (error.value.do or "")
    done = len(rows_of(tmp_path / "s"))
    assert done <= 3
    assert swept(study_of(STUDY), tmp_path / "s").computed == 8 - done


# -- processes --------------------------------------------------------------------------------------------------------


def test_a_point_that_ends_its_process_is_a_row_and_the_others_are_done(
    tmp_path: Path, jobs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (jobs / "ending_job.py").write_text(JOB_PY)
    grid = {"options.ends": [0, 1], "training.max_active_keys": [1, 2]}
    study = study_of({"job": f"{jobs}/ending_job.py:build", "system": "fpga_ring_16", "grid": grid})
    monkeypatch.setenv("AMPSIM_TEST_ENDS", "1")  # heard by the processes; this one has read the study already
    monkeypatch.setattr("ampsim.studies.sweep.key_of", lambda point: str(sorted(point.settings.items())))
    found = sweep(study, tmp_path / "s", jobs=1)
    assert [row.error is None for row in found.rows] == [True, True, False, False]
    assert "died" in str(found.rows[2].error)
    assert psutil.Process().children(recursive=True) == [] or all(
        "resource_tracker" in " ".join(child.cmdline()) or "forkserver" in " ".join(child.cmdline())
        for child in psutil.Process().children(recursive=True)
    )


def started(folder: Path, output: Path) -> subprocess.Popen[bytes]:
    """The command line in a process and a session of its own."""
    script = folder / "start.py"
    script.write_text(SCRIPT)
    command = [sys.executable, str(script), "sweep", str(folder / "study.yaml"), "-j", "2", "-o", str(output), "-q"]
    return subprocess.Popen(
        command, cwd=ROOT, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )


LONG = """\
job: mlp
system: fpga_ring_16
settings: {options.data: none, options.training: 1000, options.validation: 100, options.width: 16, training.epochs: 1}
grid:
  training.max_active_keys: [1, 2, 3, 4]
  workers: [1, 2, 3, 4]
  system.links.bandwidth: [1 Gbit/s, 10 Gbit/s]
"""


def lines(output: Path) -> int:
    path = output / NAME
    return path.read_bytes().count(b"\n") if path.exists() else 0


def alone(process: subprocess.Popen[bytes], deadline: float = 30) -> None:
    """Wait until nobody of the session of ``process`` is left."""
    end = time.monotonic() + deadline
    while time.monotonic() < end:
        left = [p for p in psutil.process_iter(["pid", "status"]) if _session(p.pid) == process.pid]
        if not [p for p in left if p.info["status"] != psutil.STATUS_ZOMBIE]:
            return
        time.sleep(0.01)
    raise AssertionError("processes are left behind")


def _session(pid: int) -> int:
    try:
        return os.getsid(pid)
    except OSError:
        return -1


@pytest.mark.parametrize(
    "seed,most", [(1, 1), pytest.param(2, 8, marks=pytest.mark.slow), pytest.param(3, 30, marks=pytest.mark.slow)]
)
def test_killed_so_often_every_point_is_done_once(tmp_path: Path, seed: int, most: int) -> None:
    written(tmp_path, LONG)
    output, random_ = tmp_path / "s", random.Random(seed)
    kills = 0
    while True:
        before = lines(output)
        process = started(tmp_path, output)
        until = max(before, 1) + random_.randint(1, 16)
        while process.poll() is None and lines(output) < until:
            time.sleep(0.001)
        if process.poll() is None and kills < most:
            process.send_signal(signal.SIGKILL)
            kills += 1
        _, said = process.communicate(timeout=60)
        alone(process)
        if process.returncode == 0:
            break
        assert process.returncode == -signal.SIGKILL, said
    assert kills >= 1
    keys = [line.partition(b'"key":"')[2][:64] for line in rows_of(output)]
    assert len(keys) == len(set(keys)) == 32
    assert swept(load_study(tmp_path / "study.yaml"), output).computed == 0


def test_interrupted_it_ends_at_once_and_leaves_nobody(tmp_path: Path) -> None:
    written(tmp_path, LONG)
    process = started(tmp_path, tmp_path / "s")
    while process.poll() is None and lines(tmp_path / "s") < 4:
        time.sleep(0.001)
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert said == b"interrupted\n"
    alone(process)
