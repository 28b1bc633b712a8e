"""``reach`` as a user sees it: a table, a file that is used again, and refusals of three lines."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Ampsim

JOB = (
    "mlp", "-s", "fpga_ring_16",
    "--set", "options.data=generated", "--set", "options.training=1000", "--set", "options.validation=100",
    "--set", "options.batch=50", "--set", "training.epochs=9", "--set", "training.target=0.8",
)  # fmt: skip
SMALL = (*JOB, "--set", "options.width=16")
QUICK = ("--maks", "1,2", "--seeds", "2")


@pytest.fixture
def curve(ampsim: Ampsim, folder: Path) -> Path:
    assert ampsim("reach", *SMALL, *QUICK, "-o", "curve.json", "-q").code == 0
    return folder / "curve.json"


def test_it_says_what_it_put_together(ampsim: Ampsim, folder: Path) -> None:
    done = ampsim("reach", *SMALL, *QUICK, "-o", "curve.json")
    assert done.code == 0
    lines = done.out.splitlines()
    assert lines[0] == "mlp on fpga_ring_16, simulated: not trained there, put together"
    assert lines[1].split() == ["80", "%", "of", "runs"]
    assert lines[3].startswith("time to 80.0 %")
    assert [line.split("  ")[0] for line in lines[4:8]] == ["epochs", "time of an epoch", "throughput", "staleness"]
    assert lines[8:] == [
        "epochs: from 8 trainings of mlp, by the mean staleness of their gradients", "curve: curve.json",
    ]  # fmt: skip
    said = done.err.splitlines()
    assert said[0].startswith("fpga_ring_16: staleness 0.")
    assert len(said) == 1 + 8
    assert [path.name for path in folder.iterdir()] == ["curve.json"]


def test_a_curve_answers_for_other_systems_without_training(ampsim: Ampsim, curve: Path) -> None:
    again = ampsim("reach", *SMALL, "--curve", curve, "--json")
    assert (again.code, len(again.err.splitlines())) == (0, 1)
    found = json.loads(again.out)
    assert found["time_to_target"]["value"] == pytest.approx(found["epochs_to_target"]["value"] * found["epoch_time"])
    assert found["curve"] == json.loads(curve.read_text())
    assert (found["system"], found["same_job"]) == ("fpga_ring_16", True)
    other = json.loads(ampsim("reach", *SMALL, "-s", "edge_switch_4", "--curve", curve, "--json", "-q").out)
    assert other["time_to_target"]["value"] > found["time_to_target"]["value"]


def test_what_a_smaller_job_took_is_said_to_be_assumed(ampsim: Ampsim) -> None:
    line = ("reach", *JOB, "--set", "options.width=4096", "--small", "options.width=16", *QUICK, "-q")
    done = ampsim(*line, "-s", "gpu_switch_8")
    assert done.code == 0
    assert done.out.splitlines()[-1].startswith("warning: they were of another graph or other data")
    refused = ampsim(*line, "--small", "training.target=0.7")
    assert (refused.code, refused.out) == (2, "")
    assert "trained otherwise: target is 0.8 here, 0.7 there" in refused.err


@pytest.mark.parametrize(
    "words,said",
    [
        (("--maks", "1,x"), "'1,x' is no list of instances in flight\n  where: --maks\n  do: write N,N,..."),
        (("--maks", "0"), "'0' is no list"),
        (("--seeds", "1"), "--seeds"),
        (("--set", "training.target=null"), "the job has no target to reach\n  where: training.target"),
        (("--curve", "none.json"), "the curve cannot be read: No such file"),
        (("--curve", "none.json", "--maks", "1"), "a curve of a file is not measured again"),
        (("--place", "auto", "--placement", "0=0,1=0,2=0,3=0"), "not both"),
        (("-o", "nowhere/curve.json"), "is no folder"),
        (("-s", "nowhere"), "nowhere"),
    ],
)
def test_a_wrong_question_is_refused_before_anything_is_trained(
    ampsim: Ampsim, words: tuple[str, ...], said: str
) -> None:
    done = ampsim("reach", *SMALL, *words)
    assert (done.code, done.out) == (2, "")
    assert said in done.err
    assert "mak 1" not in done.err


def test_a_staleness_beyond_the_curve_is_refused(ampsim: Ampsim) -> None:
    done = ampsim("reach", *SMALL, "--maks", "1", "--seeds", "2", "-q")
    assert done.code == 2
    assert "is outside 0 to 0, which is all that was tried" in done.err
    assert "do: try more instances in flight (maks)" in done.err


def test_a_file_that_is_there_is_kept(ampsim: Ampsim, curve: Path) -> None:
    before = curve.read_bytes()
    assert ampsim("reach", *SMALL, *QUICK, "-o", curve, "-q").code == 2
    assert curve.read_bytes() == before
    assert ampsim("reach", *SMALL, *QUICK, "-o", curve, "-q", "--force").code == 0
