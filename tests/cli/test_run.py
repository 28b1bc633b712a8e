"""run, simulate, compare and report as a user strings them together."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ampsim.result.run import Run
from ampsim.workloads import workload
from tests.cli.conftest import Ampsim
from tests.cli.jobs import JOB_PY, JOB_YAML, SMALL

TARGET = workload("mlp").training.target or 0.0


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name != "__pycache__")


@pytest.mark.runtime
def test_run_simulate_compare_report(ampsim: Ampsim, folder: Path) -> None:
    measured = ampsim("run", "mlp", *SMALL, "-o", "measured")
    assert (measured.code, measured.err) == (0, "")
    head, rule, *rows = measured.out.splitlines()
    blank = rows.index("")
    rows, (under, _, *workers, _, last) = rows[:blank], rows[blank + 1 :]
    assert head.startswith("mlp on worker processes")
    assert set(rule) == {"-", " "}
    assert [row.rpartition("  ")[0].strip() for row in rows] == [
        "workers",
        "epochs",
        "updates",
        "makespan",
        "throughput",
        "training loss",
        "validation accuracy",
        f"time to {100 * TARGET:.1f} %",
    ]
    assert under.split() == ["worker", "busy", "idle", "mainly"]
    assert [row.split()[0] for row in workers] == ["worker0", "worker1", "mean"]
    assert all("%" in row and "▇" in row for row in workers)
    assert last == "run folder: measured"
    predicted = ampsim("simulate", "mlp", *SMALL, "-s", "host", "-o", "predicted", "--json")
    assert (predicted.code, predicted.err) == (0, "")
    summary = json.loads(predicted.out)
    assert (summary["backend"], summary["folder"], summary["report"]) == ("sim", "predicted", None)
    compared = ampsim("compare", "predicted", "measured", "--report", "both.html")
    assert (compared.code, compared.err) == (0, "")
    lines = compared.out.splitlines()
    assert (lines[0], lines[2]) == ("A: predicted", "B: measured")
    assert ["quantity", "unit", "A", "B", "difference"] in [line.split() for line in lines]
    assert any(line.startswith("messages per edge") and " equal " in line for line in lines)
    assert max(map(len, lines)) <= 100
    assert ampsim("report", "predicted", "-o", "one.html") == (0, "report: one.html\n", "")
    assert files(folder) == ["both.html", "measured", "one.html", "predicted"]


@pytest.mark.runtime
def test_the_folder_has_a_name_of_its_own_and_is_refused_the_second_time(ampsim: Ampsim, folder: Path) -> None:
    done = ampsim("run", "mlp", *SMALL, "-w", "1")
    (name,) = files(folder)
    assert done.out.splitlines()[-1] == f"run folder: {name}"
    assert name == f"mlp-runtime-{Run.load(name).summary['job_hash'][:8]}"
    again = ampsim("run", "mlp", *SMALL, "-w", "1")
    assert (again.code, again.out) == (2, "")
    assert again.err.startswith(f"error: {name} exists already\n")
    assert ampsim("run", "mlp", *SMALL, "-w", "1", "--force").code == 0
    assert files(folder) == [name]


def test_a_report_may_lie_in_the_run_folder_and_is_replaced_with_it(ampsim: Ampsim, folder: Path) -> None:
    for force in ((), ("--force",)):
        words = ("simulate", "mlp", *SMALL, "-s", "host", "-o", "run", "--report", "run/report.html", *force)
        done = ampsim(*words)
        assert done.code == 0
        assert done.out.endswith("run folder: run\nreport: run/report.html\n")
        assert (folder / "run" / "report.html").stat().st_size > 1_000_000
    assert files(folder) == ["run"]


def test_a_run_goes_on_from_another(ampsim: Ampsim, folder: Path) -> None:
    assert ampsim("simulate", "mlp", *SMALL, "-s", "host", "-o", "a").code == 0
    assert ampsim("simulate", "mlp", *SMALL, "-s", "gpu_switch_8", "-o", "b", "--init", "a").code == 0
    first, second = Run.load("a"), Run.load("b")
    assert all((first.final[name] == second.initial[name]).all() for name in first.final)
    done = ampsim("simulate", "mlp", *SMALL, "--set", "options.width=8", "-s", "host", "--init", "a")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("error: the parameters to start from do not fit node L1")
    assert files(folder) == ["a", "b"]


@pytest.mark.parametrize("seed, same", [(7, True), (8, False)])
def test_one_seed_is_the_seed_of_everything(seed: int, same: bool, ampsim: Ampsim, folder: Path) -> None:
    assert ampsim("simulate", "mlp", *SMALL, "-s", "host", "-o", "a", "--seed", 7).code == 0
    assert ampsim("simulate", "mlp", *SMALL, "-s", "host", "-o", "b", "--seed", seed).code == 0
    first, second = Run.load("a"), Run.load("b")
    assert first.config["job"]["training"]["seed"] == first.config["job"]["data"]["options"]["seed"] == 7
    assert all((first.final[name] == second.final[name]).all() for name in first.final) is same


def test_a_place_taken_meanwhile_costs_no_result(ampsim: Ampsim, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two runs of one name at once: the second to finish is saved beside the first, and says so."""
    from ampsim.studies import execute

    simulate = execute.simulate

    def slow(*arguments: Any, **settings: Any) -> Run:
        result = simulate(*arguments, **settings)
        (folder / "run").mkdir()
        return result

    monkeypatch.setattr(execute, "simulate", slow)
    done = ampsim("simulate", "mlp", *SMALL, "-s", "host", "-o", "run")
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("error: the place of the run was taken while it went on: ")
    first, second = files(folder)
    assert (first, second[:4]) == ("run", "run-")
    assert f"  do: find it in {folder / second}\n" in done.err
    assert Run.load(second).job == "mlp"


# Shapes -------------------------------------------------------------------------------------------------------------

SHAPES = ("simulate", "mlp", *SMALL, "--set", "options.data=none", "-s", "wafer_mesh", "--shapes", "-o", "run")
DROPPED = f"--shapes computes no accuracy: the job's target of {TARGET} is left out, and all epochs are run\n"


def test_shapes_leaves_out_the_target_that_a_workload_brings_and_says_so(ampsim: Ampsim, folder: Path) -> None:
    done = ampsim(*SHAPES)
    assert (done.code, done.err) == (0, DROPPED)
    assert "loss" not in done.out
    assert "accuracy" not in done.out
    run = Run.load("run")
    assert (run.mode, run.summary["target"], run.config["job"]["training"]["target"]) == ("shapes", None, None)


def test_shapes_leaves_out_a_target_loss_too(ampsim: Ampsim, folder: Path) -> None:
    Path("job.yaml").write_text("workload: mlp\ntraining:\n  target: null\n  target_loss: 0.25\n")
    done = ampsim("simulate", "job.yaml", *SHAPES[2:])
    dropped = "--shapes computes no loss: the job's target_loss of 0.25 is left out, and all epochs are run\n"
    assert (done.code, done.err) == (0, dropped)
    assert Run.load("run").summary["target_loss"] is None
    asked = ampsim("simulate", "job.yaml", *SHAPES[2:], "--force", "--set", "training.target_loss=0.5")
    assert (asked.code, "where: training.target_loss" in asked.err) == (2, True)


@pytest.mark.parametrize(
    "settings, named",
    [
        (("training.target=null", "training.target_loss=1.5"), "time to loss 1.5"),
        (("training.target=0.5", "training.target_loss=1.5"), "time to 50.0 % or loss 1.5"),
    ],
)
def test_a_target_loss_is_named_and_the_loss_told(ampsim: Ampsim, settings: tuple[str, ...], named: str) -> None:
    words = [word for setting in settings for word in ("--set", setting)]
    done = ampsim("simulate", "mlp", *SMALL, *words, "-s", "host", "-o", "run")
    names = [line.rpartition("  ")[0].strip() for line in done.out.splitlines()]
    assert (done.code, done.err) == (0, "")
    assert {"validation loss", named} <= set(names)
    assert Run.load("run").summary["target_loss"] == 1.5


def test_settings_of_a_node_on_the_command_line(ampsim: Ampsim) -> None:
    own = ("training.nodes.L1.min_update_frequency=10", "training.nodes.L2.optimizer=momentum")
    words = [word for setting in own for word in ("--set", setting)]
    done = ampsim("simulate", "mlp", *SMALL, *words, "-s", "host", "-o", "run")
    assert (done.code, done.err) == (0, "")
    training = Run.load("run").config["job"]["training"]
    assert training["nodes"]["L1"] == {"min_update_frequency": 10}
    assert training["nodes"]["L2"]["optimizer"]["name"] == "momentum"


def test_shapes_says_nothing_when_told_to_be_quiet_or_when_there_is_no_target(ampsim: Ampsim) -> None:
    assert ampsim(*SHAPES, "-q").err == ""
    assert ampsim(*SHAPES, "--force", "--set", "training.target=null").err == ""


def test_shapes_refuses_a_target_that_was_asked_for(ampsim: Ampsim, folder: Path) -> None:
    done = ampsim(*SHAPES, "--set", "training.target=0.5")
    assert (done.code, done.out) == (2, "")
    assert done.err == (
        "error: shapes mode computes no accuracy, so it cannot train to a target\n  where: training.target\n"
        "  do: set training.target to null, or use numeric mode\n"
    )
    assert files(folder) == []


# Tolerance ----------------------------------------------------------------------------------------------------------


def test_a_comparison_outside_its_tolerance_ends_with_3(ampsim: Ampsim, folder: Path) -> None:
    for system in ("host", "gpu_switch_8"):
        assert ampsim("simulate", "mlp", *SMALL, "-s", system, "-w", "2", "-o", system).code == 0
    assert ampsim("compare", "host", "host", "--tolerance", "0").code == 0
    done = ampsim("compare", "host", "gpu_switch_8", "--tolerance", "1")
    assert done.code == 3
    assert done.err.startswith("error: host and gpu_switch_8 differ by more than 1 %\n  - makespan: +")
    assert "quantity" in done.out
    found = ampsim("compare", "host", "gpu_switch_8", "--tolerance", "1", "--json")
    assert found.code == 3
    assert {row["quantity"] for row in json.loads(found.out)["rows"]} >= {"makespan", "throughput"}


def test_what_only_one_of_two_has_is_outside_any_tolerance(ampsim: Ampsim, folder: Path) -> None:
    """One reaches its target, and the other never would: no number says how far they are apart."""
    reached, missed = ("--set", "training.target=0.01"), ("--set", "training.target=0.9999999")
    assert ampsim("simulate", "mlp", *SMALL, "-s", "host", "-o", "a", *reached).code == 0
    assert ampsim("simulate", "mlp", *SMALL, "-s", "host", "-o", "b", *missed).code == 0
    done = ampsim("compare", "a", "b", "--tolerance", "1000000")
    assert done.code == 3
    assert "  - time to target: only A has one" in done.err


def test_counts_that_differ_are_outside_any_tolerance(ampsim: Ampsim, folder: Path) -> None:
    assert ampsim("simulate", "mlp", *SMALL, "-s", "host", "-o", "a").code == 0
    assert ampsim("simulate", "mlp", *SMALL, "-s", "host", "-o", "b", "--set", "training.epochs=2").code == 0
    done = ampsim("compare", "a", "b", "--tolerance", "1000000")
    assert done.code == 3
    assert "  - messages per edge: " in done.err


# Jobs of files ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["{jobs}/job.yaml", "../jobs/job.yaml"])
def test_a_job_yaml_of_another_folder(where: str, ampsim: Ampsim, folder: Path) -> None:
    jobs = folder.parent / "jobs"
    jobs.mkdir()
    (jobs / "job.yaml").write_text(JOB_YAML)
    words = ("simulate", where.format(jobs=jobs), "-s", "host", "-o", "run", "--set", "options.width=8")
    assert ampsim(*words).code == 0
    run = Run.load("run")
    assert run.final["L2/W"].shape == (8, 8)
    assert len(run.epochs) == 1
    assert files(jobs) == ["job.yaml"]


@pytest.mark.runtime
def test_a_job_yaml_names_a_function_beside_it(ampsim: Ampsim, folder: Path) -> None:
    jobs = folder.parent / "jobs"
    jobs.mkdir()
    (jobs / "own_job.py").write_text(JOB_PY)
    (jobs / "job.yaml").write_text(
        "workload: own_job.py:build\noptions:\n  width: 8\ntraining:\n  max_active_keys: 2\n"
    )
    assert ampsim("run", jobs / "job.yaml", "-o", "run", "--seed", 5).code == 0
    run = Run.load("run")
    assert run.job == "own"
    assert run.final["L1/W"].shape == (784, 8)
    assert run.config["job"]["data"]["options"]["seed"] == 5
    assert run.config["job"]["training"]["max_active_keys"] == 2


def test_the_configuration_of_a_run_is_a_job(ampsim: Ampsim, folder: Path) -> None:
    """What a run was is run again from its own folder, bit for bit."""
    assert ampsim("simulate", "mlp", *SMALL, "-s", "host", "-o", "a").code == 0
    assert ampsim("simulate", "a/config.yaml", "-s", "host", "-o", "b").code == 0
    assert ampsim("compare", "a", "b", "--tolerance", "0").code == 0
    assert Run.load("a").summary["job_hash"] == Run.load("b").summary["job_hash"]
    done = ampsim("simulate", "a/config.yaml", "-s", "host", "-o", "c", "--set", "options.width=8")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("error: a whole job has no option 'width': its graph is written out\n")
