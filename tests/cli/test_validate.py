"""``validate`` as a user sees it: the sheet on stdout, progress on stderr, 3 for what is missed, nothing lost."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ampsim.result.text import yaml_text
from ampsim.studies.validate.load import load_suite
from tests.cli.conftest import Ampsim
from tests.studies.made_up import SUITE, Machine


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    """A machine that is itself simulated."""
    machine = Machine()
    monkeypatch.setattr("ampsim.studies.validate.rounds.Means", machine.means)
    return machine


@pytest.fixture
def suite(folder: Path) -> Path:
    path = folder / "mine.yaml"
    path.write_text(yaml_text(SUITE))
    return path


def test_it_prints_the_sheet_and_goes_to_a_folder_of_its_name(ampsim: Ampsim, suite: Path, machine: Machine) -> None:
    done = ampsim("validate", suite)
    assert done.code == 0
    assert done.out.startswith("accuracy sheet of made-up: 2 of 2 rounds")
    assert done.out.endswith("folder: made-up-validation\n")
    assert done.out.removesuffix("folder: made-up-validation\n") == Path("made-up-validation/sheet.txt").read_text()
    assert "round 2 of 2, 1 of 2: cases: small, 1 worker, mak 2: throughput" in done.err
    assert machine.runs == 4


def test_beyond_a_tolerance_it_ends_with_three_and_names_the_rule(
    ampsim: Ampsim, suite: Path, machine: Machine
) -> None:
    suite.write_text(yaml_text({**SUITE, "tolerances": {**SUITE["tolerances"], "worst": 0.0}}))
    done = ampsim("validate", suite, "-q")
    assert done.code == 3
    assert "accuracy sheet" in done.out
    first, *missed = done.err.splitlines()
    assert first == "error: the simulator is not held to this machine by suite made-up"
    assert [line.partition(":")[0] for line in missed] == ["  - throughput, worst error", "  - makespan, worst error"]
    assert missed[0].endswith("asked: at most 0 %")


def test_what_is_finished_needs_force_and_can_be_judged(ampsim: Ampsim, suite: Path, machine: Machine) -> None:
    first = ampsim("validate", suite, "-o", "v")
    again = ampsim("validate", suite, "-o", "v")
    assert (again.code, machine.runs) == (2, 4)
    assert again.err.splitlines()[-1] == (
        "  do: choose another folder, add --force to measure anew, or --judge to look at it"
    )
    looked = ampsim("validate", suite, "-o", "v", "--judge")
    assert (looked.code, looked.out, machine.runs) == (0, first.out, 4)
    assert ampsim("validate", suite, "-o", "v", "--force").code == 0
    assert machine.runs == 8


def test_interrupted_it_says_how_to_go_on(ampsim: Ampsim, suite: Path, machine: Machine) -> None:
    machine.interrupted = 3
    done = ampsim("validate", suite, "-o", "v")
    assert done.code == 130
    assert done.err.endswith("interrupted; the same command goes on from here\ninterrupted\n")
    on = ampsim("validate", suite, "-o", "v")
    assert on.code == 0
    assert on.err.startswith("2 of 4 measurements are done already\n")


def test_some_cases_and_rounds_as_json(ampsim: Ampsim, suite: Path, machine: Machine) -> None:
    done = ampsim("validate", suite, "--only", "mak 2", "--repeats", "1", "--json", "-q")
    assert (done.code, done.err, machine.runs) == (0, "", 1)
    values = json.loads(done.out)
    assert [case["setting"] for case in values["cases"]] == ["1 worker, mak 2"]
    assert (values["repeats"], values["folder"], values["complete"]) == (1, "made-up-part-validation", True)
    assert len(load_suite("made-up-part-validation/suite.yaml").cases) == 1


def test_what_is_wrong_is_told_before_anything_is_measured(ampsim: Ampsim, suite: Path, machine: Machine) -> None:
    none = ampsim("validate", suite, "--only", "mak 3")
    assert none.code == 2
    assert none.err.startswith("error: no case has 'mak 3'")
    suite.write_text(yaml_text({**SUITE, "cases": [{"job": "smal"}]}))
    wrong = ampsim("validate", suite)
    assert wrong.code == 2
    assert f"where: {suite}:" in wrong.err
    assert machine.runs == machine.calibrations == 0
    assert not Path("made-up-validation").exists()


def test_the_page_is_written_also_beyond_a_tolerance(ampsim: Ampsim, suite: Path, machine: Machine) -> None:
    suite.write_text(yaml_text({**SUITE, "tolerances": {**SUITE["tolerances"], "worst": 0.0}}))
    done = ampsim("validate", suite, "-q", "--report", "sheet.html")
    assert (done.code, done.out.splitlines()[-1]) == (3, "report: sheet.html")
    assert "Accuracy of made-up" in Path("sheet.html").read_text()


def test_a_page_that_cannot_be_written_is_refused_before_anything_is_measured(
    ampsim: Ampsim, suite: Path, machine: Machine
) -> None:
    assert ampsim("validate", suite, "--report", "sheet.txt").code == 2
    assert ampsim("validate", suite, "--report", "missing/sheet.html").code == 2
    assert machine.runs == 0
