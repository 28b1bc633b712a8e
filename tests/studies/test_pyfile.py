"""A function of a Python file as a job, on all backends, from anywhere."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import ampsim
from ampsim.engine.null import NullBackend
from ampsim.engine.plan import Plan
from ampsim.errors import UsageError
from ampsim.studies.jobs import load_job
from tests.studies.own_job import OWN_JOB


@pytest.mark.runtime
def test_own_functions_and_data_work_in_worker_processes(jobs: Path) -> None:
    (jobs / "own_counting.py").write_text(OWN_JOB)
    job = load_job(f"{jobs}/own_counting.py:build", {"options.instances": 6, "training.epochs": 1}, seed=3)
    assert job.data.function == sys.modules["own_counting"].data
    measured = ampsim.run(job, workers=2)
    predicted = ampsim.simulate(job, "gpu_switch_8", workers=2)
    assert int(measured.tables["instances"]["training"].sum()) == 6
    facts = {fact.name: fact.equal for fact in ampsim.compare(predicted, measured).agreement}
    assert facts["messages per edge"]
    assert facts["updates per node"]
    assert measured.evaluate().rows == 12


def test_a_seed_is_given_to_a_function_that_takes_one(jobs: Path) -> None:
    (jobs / "own_seed.py").write_text(OWN_JOB + "\n\ndef seedless():\n    return build(seed=1)\n")
    assert load_job(f"{jobs}/own_seed.py:build", seed=4).data.options["seed"] == 4
    assert load_job(f"{jobs}/own_seed.py:build", {"options.seed": 2}, seed=4).data.options["seed"] == 2
    seedless = load_job(f"{jobs}/own_seed.py:seedless", seed=4)
    assert (seedless.training.seed, seedless.data.options["seed"]) == (4, 1)


def test_a_relative_path_and_modules_beside_the_file(jobs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (jobs / "own_parts.py").write_text(OWN_JOB)
    (jobs / "own_whole.py").write_text("from own_parts import build\n")
    monkeypatch.chdir(jobs.parent)
    job = load_job("jobs/own_whole.py:build")
    assert NullBackend().execute(Plan(job.with_training(epochs=1))).job == "counting"


def test_every_function_of_a_file_is_a_job_of_its_own(jobs: Path) -> None:
    (jobs / "own_two.py").write_text(OWN_JOB + "\n\ndef short():\n    return build(instances=5)\n")
    assert load_job(f"{jobs}/own_two.py:short").data.options["instances"] == 5
    assert load_job(f"{jobs}/own_two.py:build").data.options["instances"] == 12


def test_a_file_called_like_a_module_of_python_is_refused(jobs: Path) -> None:
    for name in ("json", "sys"):
        (jobs / f"{name}.py").write_text(OWN_JOB)
        with pytest.raises(UsageError, match=f"'{name}' is also the name of another module") as caught:
            load_job(f"{jobs}/{name}.py:build")
        assert caught.value.do == "rename the file"


def test_two_files_of_one_name_in_one_process_are_told(jobs: Path) -> None:
    for folder in ("a", "b"):
        (jobs / folder).mkdir()
        (jobs / folder / "own_twin.py").write_text(OWN_JOB)
    load_job(f"{jobs}/a/own_twin.py:build")
    with pytest.raises(UsageError, match=r"'own_twin' is also the name of another module .*/a/own_twin.py"):
        load_job(f"{jobs}/b/own_twin.py:build")


@pytest.mark.parametrize("name", ["own-job.py", "2nd.py", "own.job.py"])
def test_a_file_that_cannot_be_a_module_is_told_so(name: str, jobs: Path) -> None:
    (jobs / name).write_text(OWN_JOB)
    with pytest.raises(UsageError, match="cannot be the name of a module") as caught:
        load_job(f"{jobs}/{name}:build")
    assert caught.value.do == "rename the file, e.g. my_job.py"


def test_functions_are_offered(jobs: Path) -> None:
    (jobs / "own_offer.py").write_text(OWN_JOB)
    with pytest.raises(UsageError) as caught:
        load_job(f"{jobs}/own_offer.py:job")
    assert caught.value.do == "one of: data, more, onward, back, alone, build"


def test_options_a_function_does_not_take(jobs: Path) -> None:
    (jobs / "own_options.py").write_text(OWN_JOB)
    with pytest.raises(UsageError, match=r"build does not take these options: .*'width'") as caught:
        load_job(f"{jobs}/own_options.py:build", {"options.width": 3})
    assert caught.value.do == "its options: instances, seed"


def test_an_error_of_ampsim_inside_a_function_stays_what_it_is(jobs: Path) -> None:
    (jobs / "own_error.py").write_text("import ampsim\n\ndef build():\n    return ampsim.workload('mlp', width='x')\n")
    with pytest.raises(UsageError, match="width must be of type int") as caught:
        load_job(f"{jobs}/own_error.py:build")
    assert caught.value.where == "options.width"
