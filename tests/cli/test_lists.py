"""What the lists and descriptions look like: tidy in 100 columns, one JSON object on request."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ampsim.engine.optimizer import Adam
from ampsim.hw import catalogue
from ampsim.job import Job
from ampsim.studies.jobs import load_job
from ampsim.workloads import WORKLOADS, workload
from ampsim.workloads.published import PUBLISHED
from tests.cli.conftest import Ampsim

LISTS = {"hw list": catalogue(), "workload list": tuple(WORKLOADS), "data list": tuple(PUBLISHED)}


@pytest.mark.parametrize("columns", [80, 100])
@pytest.mark.parametrize("line", LISTS)
def test_a_list_names_everything_and_fits(
    line: str, columns: int, ampsim: Ampsim, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    done = ampsim(*line.split())
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    assert [row.split()[0] for row in lines[2:] if not row.startswith(" ")] == list(LISTS[line])
    assert max(map(len, lines)) <= columns


@pytest.mark.parametrize("line", LISTS)
def test_a_list_is_one_json_object(line: str, ampsim: Ampsim) -> None:
    done = ampsim(*line.split(), "--json")
    assert (done.code, done.err) == (0, "")
    assert list(json.loads(done.out)) == list(LISTS[line])


def test_the_data_sets_at_hand_are_told_apart(ampsim: Ampsim) -> None:
    assert ampsim("data", "list").out == (
        "data set       here    size  from  what it is\n"
        "-------------  ----  ------  ----  -----------------------------------------------------\n"
        "mnist5k        no      1 MB  pip   5,000 handwritten digits of MNIST, 500 a class\n"
        "mnist          no     55 MB  npm   MNIST: 70,000 handwritten digits\n"
        "fashion_mnist  no     55 MB  apt   Fashion-MNIST: 70,000 pictures of clothing\n"
        "qm9            no    226 MB  pip   QM9: 130,831 small molecules with computed properties\n"
        "vader          no      3 MB  pip   10,605 rated film sentences and 7,502 rated words\n"
    )


@pytest.mark.parametrize("name", catalogue())
def test_a_system_is_shown_as_the_file_it_could_be(name: str, ampsim: Ampsim, folder: Path) -> None:
    done = ampsim("hw", "show", name)
    assert (done.code, done.err) == (0, "")
    (folder / "copy.yaml").write_text(done.out)
    shown, copied = (ampsim("hw", "show", which, "--json").out for which in (name, "copy.yaml"))
    assert json.loads(shown) == json.loads(copied)


@pytest.mark.parametrize("columns", [80, 100])
@pytest.mark.parametrize("name", WORKLOADS)
def test_a_workload_is_shown_with_all_that_can_be_set(
    name: str, columns: int, ampsim: Ampsim, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    done = ampsim("workload", "show", name)
    assert (done.code, done.err) == (0, "")
    assert max(map(len, done.out.splitlines())) <= columns
    assert "``" not in done.out
    settings = [line.split(None, 1) for line in done.out.splitlines() if line.startswith(("options.", "training."))]
    assert [option for option, _ in settings if option.startswith("options.")]
    # Every default, written as shown, may be given to --set, and changes nothing.
    words = [word for option, value in settings for word in ("--set", f"{option}={value}")]
    from ampsim.cli.options import parse_settings

    assert load_job(name, parse_settings(tuple(words[1::2]))).hash == workload(name).hash
    assert all(node.name in done.out for node in workload(name).graph.nodes)


def test_a_workload_is_a_json_object_that_is_the_job(ampsim: Ampsim) -> None:
    job = Job.from_dict(json.loads(ampsim("workload", "show", "list_reduction", "--json").out))
    assert job.hash == workload("list_reduction").hash
    assert isinstance(job.training.optimizer, Adam)


def test_what_is_shown_as_json_is_a_job_file(ampsim: Ampsim, folder: Path) -> None:
    (folder / "job.yaml").write_text(ampsim("workload", "show", "mlp", "--json").out)
    assert load_job("job.yaml").hash == workload("mlp").hash
    done = ampsim("workload", "show", "job.yaml")
    assert (done.code, done.err) == (0, "")
    assert "training.epochs" in done.out
    assert "options.width" not in done.out


def test_a_workload_draws_itself(ampsim: Ampsim) -> None:
    assert ampsim("workload", "show", "mlp", "--mermaid").out.startswith("flowchart LR\n")


def test_data_come_from_a_folder(ampsim: Ampsim, folder: Path) -> None:
    wrong = folder / "wrong"
    wrong.mkdir()
    (wrong / "mnist_5k.csv.gz").write_bytes(b"no")
    done = ampsim("data", "get", "mnist5k", "--from", "wrong")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("getting mnist5k ...\nerror: ")
    assert not (folder / "data").exists()
