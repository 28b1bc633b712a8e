"""``sweep`` and ``what-if`` as a user sees them: a table, files, errors of three lines and no traceback."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Ampsim
from tests.cli.jobs import SMALL

STUDY = """\
job: mlp
system: fpga_ring_16
settings: {options.data: none, options.training: 400, options.validation: 100, options.width: 16, training.epochs: 1}
grid:
  training.max_active_keys: [1, 4]
  workers: [1, 99]
"""


@pytest.fixture
def study(folder: Path) -> Path:
    path = folder / "small.yaml"
    path.write_text(STUDY)
    return path


def test_a_sweep_prints_its_table_and_goes_on(ampsim: Ampsim, study: Path, folder: Path) -> None:
    done = ampsim("sweep", study, "-j", "1")
    assert done.code == 0
    assert done.err == "4 points, rows in small-sweep\n"
    lines = done.out.splitlines()
    assert lines[0].split()[:2] == ["training.max_active_keys", "workers"]
    assert [line.split()[0] for line in lines if line.endswith("best")] == ["4"]
    assert done.out.count("failed: 99 workers") == 2
    assert lines[-2:] == [
        "table: " + str(folder / "small-sweep/table.csv"),
        "figure: " + str(folder / "small-sweep/pareto.html"),
    ]
    assert sorted(path.name for path in (folder / "small-sweep").iterdir()) == [
        "pareto.html", "rows.jsonl", "study.yaml", "table.csv",
    ]  # fmt: skip
    again = ampsim("sweep", study, "-j", "1", "--json")
    assert "4 of 4 runs are done already" in again.err
    found = json.loads(again.out)
    assert (found["computed"], len(found["rows"])) == (0, 4)
    assert [row["best"] for row in found["rows"]] == [False, False, True, False]
    # What was swept can be swept again from its own record.
    copied = ampsim("sweep", folder / "small-sweep" / "study.yaml", "-o", "small-sweep", "-q")
    assert copied.code == 0


def test_a_sweep_in_which_all_fails_fails(ampsim: Ampsim, folder: Path) -> None:
    (folder / "none.yaml").write_text(STUDY.replace("[1, 99]", "[98, 99]"))
    done = ampsim("sweep", "none.yaml", "-j", "1", "-q")
    assert done.code == 1
    assert "no point could be simulated" in done.err


@pytest.mark.parametrize(
    "old,new,said",
    [
        ("workers:", "worker:", "'worker' cannot be varied\n  where: small.yaml:6: grid.worker\n  do: use job"),
        (
            "[1, 4]",
            "[1, x]",
            "it must be an int from 1 to 10^9 (training.max_active_keys)\n  where: small.yaml:5: grid['",
        ),
        ("system: fpga_ring_16", "system: fpga", "small.yaml:2: system"),
    ],
)
def test_a_wrong_study_is_refused_with_line_and_path(
    ampsim: Ampsim, study: Path, old: str, new: str, said: str
) -> None:
    study.write_text(STUDY.replace(old, new))
    done = ampsim("sweep", study.name)
    assert (done.code, done.out) == (2, "")
    assert said in done.err
    assert [path.name for path in study.parent.iterdir()] == ["small.yaml"]


def test_a_folder_of_something_else_is_refused(ampsim: Ampsim, study: Path, folder: Path) -> None:
    done = ampsim("sweep", study, "-o", folder)
    assert done.code == 2
    assert "not the folder of a sweep" in done.err


def test_what_if_names_the_bottleneck(ampsim: Ampsim, folder: Path) -> None:
    ampsim("simulate", "mlp", *SMALL, "-s", "fpga_ring_16", "--shapes", "-o", "run", "-q")
    done = ampsim("what-if", "run")
    assert done.code == 0
    lines = done.out.splitlines()
    assert lines[0] == "mlp on fpga_ring_16, simulated"
    assert lines[1].split() == ["resource", "times", "rows/s", "gain", "elasticity"]
    assert [line.split()[0] for line in lines[4:12]] == [
        "chip.matmul", "chip.vector", "chip.memory_bandwidth", "chip.task_overhead", "chip.parcel_overhead",
        "link.bandwidth", "link.latency", "all",
    ]  # fmt: skip
    assert lines[11].split()[-1] == "1.000"
    assert lines[12].startswith("bottleneck: ")
    assert lines[13].startswith("busiest: fpga")
    found = json.loads(ampsim("what-if", "run", "--speedup", "link=2,chip.matmul=4", "--json", "-q").out)
    assert [(gain["resource"], gain["factor"]) for gain in found["gains"]] == [("link", 2.0), ("chip.matmul", 4.0)]


@pytest.mark.parametrize(
    "words,said",
    [
        (("--speedup", "link"), "'link' speeds nothing up\n  where: --speedup\n  do: write RESOURCE=FACTOR"),
        (("--speedup", "link=fast"), "speeds nothing up"),
        (("--speedup", "link=2,link=3"), "link is given twice"),
        (("--speedup", "rod=2"), "has no resource 'rod'\n  where: rod\n  do: one of: chip.matmul"),
        (("--speedup", "link=0"), "is no factor"),
        (("--speedup", "link=1"), "a factor of 1 changes nothing"),
        (("--system", "nowhere"), "nowhere"),
    ],
)
def test_a_wrong_question_is_refused(ampsim: Ampsim, words: tuple[str, ...], said: str) -> None:
    ampsim("simulate", "mlp", *SMALL, "-s", "fpga_ring_16", "--shapes", "-o", "run", "-q")
    done = ampsim("what-if", "run", *words)
    assert (done.code, done.out) == (2, "")
    assert said in done.err


@pytest.mark.runtime
def test_a_run_on_processes_is_told_what_it_needs(ampsim: Ampsim) -> None:
    ampsim("run", "mlp", *SMALL, "-w", "1", "-o", "run", "-q")
    done = ampsim("what-if", "run")
    assert done.code == 2
    assert "needs a simulated run" in done.err
    assert "--system" in done.err
    assert ampsim("what-if", "run", "--system", "fpga_ring_16", "--speedup", "link=2", "--shapes", "-q").code == 0


def test_units_are_placed_by_name_or_by_hand_not_both(ampsim: Ampsim) -> None:
    line = ("simulate", "mlp", *SMALL, "-s", "fpga_ring_16", "--shapes", "-w", "2", "-q", "--json")
    found = {
        name: json.loads(ampsim(*line, "--place", name, "-o", name).out)["makespan"]
        for name in ("balanced", "round_robin", "auto")
    }
    assert found["auto"] <= min(found.values())
    done = ampsim(*line, "--place", "auto", "--placement", "0=0,1=0,2=1,3=1")
    assert done.code == 2
    assert "not both" in done.err
    assert ampsim(*line, "--place", "best").code == 2
