"""``ampsim calibrate``, and what commands say of a system that was measured on something else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from ampsim.cli import calibrate as command
from ampsim.hw import System, load
from ampsim.hw.schema import Machine, Source, Uncertainty
from ampsim.job import Job
from ampsim.studies.calibrate.machine import machine
from tests.cli.conftest import Ampsim
from tests.cli.jobs import JOB_YAML, SMALL

STUDY = """\
job: job.yaml
system: old.yaml
grid: {training.max_active_keys: [1, 2]}
"""


def measured(**changes: Any) -> System:
    """A system that says it was measured here and now, but for this."""
    known = msgspec.convert(machine() | changes, Machine)
    return msgspec.structs.replace(load("host"), machine=known)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What ``calibrate`` was asked for; nothing is measured."""
    found: list[dict[str, Any]] = []

    def fake(jobs: list[Job] | None, **more: Any) -> System:
        more.pop("say")("measuring")
        found.append({"jobs": jobs, **more})
        return measured()

    monkeypatch.setattr("ampsim.studies.calibrate.calibrate", fake)
    return found


def test_without_a_job_every_workload_is_measured(ampsim: Ampsim, asked: list[dict[str, Any]]) -> None:
    done = ampsim("calibrate")
    assert (done.code, done.err) == (0, "measuring\n")
    assert asked == [{"jobs": None, "workers": None, "seconds": None}]
    assert done.out.splitlines()[-1] == "system: host.yaml"
    assert System.from_yaml("host.yaml").machine == measured().machine


def test_several_jobs_with_settings(ampsim: Ampsim, folder: Path, asked: list[dict[str, Any]]) -> None:
    (folder / "job.yaml").write_text(JOB_YAML)
    done = ampsim("-q", "calibrate", "mlp", "job.yaml", "-o", "x.yaml", "-w", 2, "--seconds", 3, *SMALL, "--json")
    assert (done.code, done.err) == (0, "")
    (call,) = asked
    assert (call["workers"], call["seconds"]) == (2, 3.0)
    assert [job.data.options["training"] for job in call["jobs"]] == [200, 200]
    assert json.loads(done.out) == System.from_yaml("x.yaml").to_dict()


def test_what_cannot_be_is_refused_before_anything_is_measured(
    ampsim: Ampsim, folder: Path, asked: list[dict[str, Any]]
) -> None:
    (folder / "there.yaml").write_text("x")
    for words, reason in (
        (("--set", "options.width=3"), "there is no job to change"),
        (("-o", "there.yaml"), "there.yaml exists already"),
        (("mlp", "mpl"), "there is no workload 'mpl'"),
        (("-w", "0"), "invalid value for '-w'"),
    ):
        done = ampsim("calibrate", *words)
        assert (done.code, done.out) == (2, "")
        assert reason in done.err
    assert asked == []
    assert ampsim("calibrate", "-o", "there.yaml", "--force").code == 0


def test_the_table_has_every_figure_with_its_spread() -> None:
    sources = {"links": Source(status="measured", note="x", spread=0.125)}
    rows = {what: (value, spread) for what, value, spread in command.rows(
        msgspec.structs.replace(measured(), sources=sources)
    )}  # fmt: skip
    assert rows["its way to another worker"] == (f"{1e6 * load('host').links.latency:.4g} us", "12.5 %")
    assert rows["choosing a task"] == ("0 us", "-")
    assert rows["a square product"][0].endswith(" GFLOP/s")


@pytest.mark.runtime
def test_calibrate_writes_a_system_that_simulate_takes(ampsim: Ampsim, folder: Path) -> None:
    (folder / "job.yaml").write_text(JOB_YAML)
    done = ampsim("calibrate", "job.yaml", "-w", 1, "--seconds", "0.2", "-o", "here.yaml")
    assert done.code == 0
    assert done.err.splitlines()[0] == "round 1 of 2: mlp"
    assert done.out.splitlines()[0].split() == ["measured", "value", "spread"]
    after = ampsim("simulate", "job.yaml", "-s", "here.yaml", "-o", "run", "-w", 2)
    assert (after.code, after.err) == (0, "")
    assert ampsim("hw", "check", "here.yaml").out.count("\nmeasured ") == 1


# Systems measured elsewhere ------------------------------------------------------------------------------------------


@pytest.fixture
def old(folder: Path) -> str:
    """What is said of ``old.yaml``, which was measured with an older numpy on an abacus."""
    versions = machine()["versions"]
    system = measured(cpu="an\x1b[31m abacus", versions=versions | {"numpy": "0.9"})
    (folder / "old.yaml").write_text(system.to_yaml())
    (folder / "job.yaml").write_text(JOB_YAML)
    (folder / "study.yaml").write_text(STUDY)
    cpu, numpy = machine()["cpu"], versions["numpy"]
    return f"cpu was an?[31m abacus and is {cpu}; numpy was 0.9 and is {numpy}"


def said(old: str, name: str = "old.yaml") -> str:
    return f"{name} is stale: {old}; 'ampsim calibrate' measures anew\n"


def test_simulate_says_that_a_system_is_stale(ampsim: Ampsim, old: str) -> None:
    done = ampsim("simulate", "job.yaml", "-s", "old.yaml", "-o", "run")
    assert (done.code, done.err) == (0, said(old))
    assert ampsim("-q", "simulate", "job.yaml", "-s", "old.yaml", "-o", "quiet").err == ""


def test_what_if_says_so(ampsim: Ampsim, old: str) -> None:
    assert ampsim("simulate", "job.yaml", "-s", "host", "-o", "run", "--shapes").err == ""
    done = ampsim("what-if", "run", "-s", "old.yaml", "--speedup", "chip.vector=2")
    assert (done.code, done.err.splitlines(keepends=True)[0]) == (0, said(old))


def test_sweep_says_so_once(ampsim: Ampsim, folder: Path, old: str) -> None:
    done = ampsim("sweep", "study.yaml", "-j", 1)
    assert done.code == 0
    assert done.err.splitlines(keepends=True)[0] == said(old, str(folder / "old.yaml"))
    assert done.err.count(" is stale") == 1


def test_hw_check_says_so(ampsim: Ampsim, old: str) -> None:
    done = ampsim("hw", "check", "old.yaml")
    assert (done.code, done.err) == (0, "")
    told = " ".join(done.out.split())
    assert " measured 20" in told
    assert f" stale {old}" in told
    assert len(json.loads(ampsim("hw", "check", "old.yaml", "--json").out)["stale"]) == 2


def test_simulate_prints_the_interval_of_a_system_that_has_one(ampsim: Ampsim, folder: Path) -> None:
    (folder / "job.yaml").write_text(JOB_YAML)
    known = msgspec.structs.replace(load("host"), uncertainty=Uncertainty(level=0.8, low=0.5, high=2.0))
    (folder / "known.yaml").write_text(known.to_yaml(), encoding="utf-8")
    printed = ampsim("simulate", "job.yaml", "-s", "known.yaml", "-o", "out").out
    (line,) = [line for line in printed.splitlines() if "80 % of runs between" in line]
    low, high = (float(part.split()[-1].replace(",", "")) for part in line.removesuffix(" rows/s").split(" and "))
    assert high / low == pytest.approx(4, rel=0.01)
    assert "of runs between" not in ampsim("simulate", "job.yaml", "-s", "host", "-o", "plain").out
