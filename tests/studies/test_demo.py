"""The demo end to end: it writes what it says, whole or not at all."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import ampsim
from ampsim.errors import RunError, UsageError
from ampsim.studies import demo as module
from ampsim.studies.demo import HYPOTHETICAL, demo, demo_job
from tests.packaging.tree import start_python

WRITTEN = ["host.yaml", "hypothetical", "measured", "predicted", "report.html"]


def small() -> ampsim.Job:
    job = ampsim.workload("mlp", data="generated", training=400, validation=100, width=32)
    return job.with_training(epochs=2)


@pytest.mark.slow
@pytest.mark.runtime
def test_a_small_demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    quick = ampsim.calibrate
    monkeypatch.setattr(module, "calibrate", lambda job, seconds: quick(job, seconds=0.2, workers=1))
    said: list[str] = []
    done = demo(tmp_path / "demo", job=small(), say=said.append)
    assert [path.name for path in sorted(done.folder.iterdir())] == WRITTEN
    assert done.folder == tmp_path / "demo"
    assert done.report.read_text().startswith("<!")
    for name, run in (("measured", done.measured), ("predicted", done.predicted), ("hypothetical", done.hypothetical)):
        assert ampsim.load_run(done.folder / name).summary == run.summary
    assert done.predicted.config["run"]["system"] == ampsim.load_system(done.folder / "host.yaml").to_dict()
    assert done.hypothetical.config["run"]["system"]["name"] == HYPOTHETICAL
    facts = {fact.name: fact.equal for fact in ampsim.compare(done.predicted, done.measured).agreement}
    assert facts["initial parameters"]
    assert len(said) == 5
    with pytest.raises(UsageError, match="exists already"):
        demo(tmp_path / "demo", job=small())
    again = demo(tmp_path / "demo", job=small(), force=True)
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["demo"]
    assert ampsim.load_run(again.folder / "measured").provenance != done.measured.provenance


@pytest.mark.runtime
def test_nothing_is_left_of_a_demo_that_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    quick = ampsim.calibrate

    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "calibrate", lambda job, seconds: quick(job, seconds=0.1, workers=1))
    monkeypatch.setattr("ampsim.reports.render", full)
    with pytest.raises(RunError, match="No space left on device"):
        demo(tmp_path / "demo", job=small().with_training(epochs=1))
    assert list(tmp_path.iterdir()) == []


def test_what_is_in_the_way_is_found_before_any_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "calibrate", lambda job, seconds: pytest.fail("work was done"))
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.tex").write_text("x")
    (tmp_path / "file").write_text("x")
    (tmp_path / "link").symlink_to(tmp_path / "other")
    for name, reason in (("other", "not the folder of a demo"), ("file", "not the folder"), ("link", "is a link")):
        with pytest.raises(UsageError, match=reason):
            demo(tmp_path / name, job=small(), force=True)
    with pytest.raises(UsageError, match="is no folder"):
        demo(tmp_path / "no" / "demo", job=small())


def test_generated_digits_stand_in_for_real_ones_that_cannot_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: str) -> None:
        raise RunError("pip cannot be reached", do="ampsim data get mnist5k --from FOLDER")

    monkeypatch.setattr("ampsim.workloads.store.get", refuse)
    said: list[str] = []
    job = demo_job(said.append)
    assert job.data.options["name"] == "generated"
    (text,) = said
    assert text.startswith("real digits cannot be had, generated ones are used instead: pip cannot be reached")
    assert "--from FOLDER" in text


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_demo_as_a_user_starts_it(tmp_path: Path) -> None:
    """From an empty folder, as one command; real digits or, without a network, generated ones."""
    code = "from ampsim.cli.main import main; main()"
    done = start_python("-c", code, "demo", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert sorted(found) == ["hypothetical", "measured", "predicted", "report"]
    assert Path(found["report"]) == tmp_path / "ampsim-demo" / "report.html"
    assert sorted(path.name for path in (tmp_path / "ampsim-demo").iterdir()) == WRITTEN
    for name in ("predicted", "measured", "hypothetical"):
        assert found[name]["time_to_target"] > 0, name
    # As in test_calibrate: no nonsense, whatever else this machine does just now.
    assert 0.1 < found["predicted"]["throughput"] / found["measured"]["throughput"] < 10
