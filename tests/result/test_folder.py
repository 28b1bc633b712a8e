"""A run comes back from its folder bit for bit, and never stands there by half."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import numpy as np
import pytest

from ampsim import strict_yaml
from ampsim.errors import RunError, UsageError
from ampsim.result import folder as run_folder
from ampsim.result.aside import replace_file
from ampsim.result.run import Run
from ampsim.result.schema import empty_tables
from tests.result.synthetic import make_run


def assert_equal(a: Run, b: Run) -> None:
    assert a.summary == b.summary
    assert a.config == b.config
    assert a.provenance == b.provenance
    for left, right in ((a.initial, b.initial), (a.final, b.final)):
        assert sorted(left) == sorted(right)
        for name, value in left.items():
            assert value.dtype == right[name].dtype
            assert value.shape == right[name].shape
            assert value.tobytes() == right[name].tobytes()
    for name, table in a.tables.items():
        for column, values in table.items():
            assert values.dtype == b.tables[name][column].dtype, (name, column)
            assert values.tobytes() == b.tables[name][column].tobytes(), (name, column)


@pytest.mark.parametrize("workers, epochs", [(2, 3), (1, 1), (16, 1), (2, 0)])
def test_a_run_comes_back_bit_for_bit(tmp_path: Path, workers: int, epochs: int) -> None:
    run = make_run(workers, epochs=epochs)
    run.initial["odd/scalar"] = np.asarray(1.5, np.float32)
    run.initial["odd/empty"] = np.zeros((0, 3), np.float32)
    run.initial["odd/turned"] = np.arange(6, dtype=np.float64).reshape(2, 3).T
    assert_equal(run, Run.load(run.save(tmp_path / "run")))


def test_a_run_without_parameters_and_rows_comes_back(tmp_path: Path) -> None:
    run = make_run()
    run.initial, run.final, run.tables = {}, {}, empty_tables()
    assert_equal(run, Run.load(run.save(tmp_path / "run")))


def test_equal_runs_are_equal_files(tmp_path: Path) -> None:
    first, second = make_run().save(tmp_path / "a"), make_run().save(tmp_path / "b")
    for name in [*run_folder.FILES, run_folder.MANIFEST]:
        assert (first / name).read_bytes() == (second / name).read_bytes(), name


def test_the_configuration_is_yaml_that_reads_back_equal(tmp_path: Path) -> None:
    run = make_run()
    run.config["words"] = [
        "1e12",
        "no",
        "",
        "a: b",
        "'\"\\\n\u202e\U0001f600",
        {"x": [[], {}, None, True, -0.0, 1e-300]},
    ]
    run.config["y"] = {"on": float("-inf")}
    folder = run.save(tmp_path / "run")
    assert strict_yaml.load(folder / "config.yaml").value == run.config


def test_an_existing_folder_is_kept_unless_forced(tmp_path: Path) -> None:
    target = make_run(seed=1).save(tmp_path / "run")
    before = (target / "manifest.json").read_bytes()
    with pytest.raises(UsageError, match="exists already"):
        make_run(seed=2).save(target)
    assert (target / "manifest.json").read_bytes() == before
    make_run(seed=2).save(target, force=True)
    assert_equal(Run.load(target), make_run(seed=2))
    assert os.listdir(tmp_path) == ["run"]


def test_force_replaces_runs_and_empty_folders_only(tmp_path: Path) -> None:
    home, file, empty = tmp_path / "home", tmp_path / "file", tmp_path / "empty"
    home.mkdir()
    (home / "letter").write_text("dear")
    file.write_text("x")
    empty.mkdir()
    for target in (home, file):
        with pytest.raises(UsageError, match="no run folder"):
            make_run().save(target, force=True)
    assert (home / "letter").read_text() == "dear"
    make_run().save(empty, force=True)
    assert Run.load(empty).workers == 2


def test_force_follows_no_link(tmp_path: Path) -> None:
    real = make_run(seed=1).save(tmp_path / "real")
    (tmp_path / "link").symlink_to(real)
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    for name in ("link", "dangling"):
        with pytest.raises(UsageError, match="is a link"):
            make_run(seed=2).save(tmp_path / name, force=True)
    assert_equal(Run.load(real), make_run(seed=1))
    assert not (tmp_path / "nowhere").exists()


def test_replacing_a_run_with_links_inside_deletes_the_links_only(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "letter").write_text("dear")
    target = make_run().save(tmp_path / "run")
    (target / "more").symlink_to(outside)
    make_run().save(target, force=True)
    assert (outside / "letter").read_text() == "dear"


@pytest.mark.parametrize("name", ["", ".", "..", "con", "NUL.run", "a\0b", "x" * 300, "missing/run"])
def test_names_that_cannot_be_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError):
        make_run().save(os.path.join(tmp_path, name) if name else "")
    assert list(tmp_path.iterdir()) == []


def test_what_json_cannot_hold_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    run = make_run()
    run.config["bad"] = {1: object()}
    with pytest.raises(UsageError, match="cannot be a name"):
        run.save(tmp_path / "run")
    run = make_run()
    run.tables["tasks"]["start"] = run.tables["tasks"]["start"].astype(np.float32)
    with pytest.raises(UsageError, match="float32") as error:
        run.save(tmp_path / "run")
    assert error.value.where == "tasks.start"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("step", range(6))
@pytest.mark.parametrize("force", [False, True])
def test_a_failure_at_any_moment_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int, force: bool
) -> None:
    """The disk is full at the n-th file: no folder, or the old one; nothing aside."""
    if force:
        make_run(seed=1).save(tmp_path / "run")
    seen = 0
    sealed = run_folder._sealed

    def full(path: Path) -> object:
        nonlocal seen
        seen += 1
        if seen > 2 * step:
            raise OSError(errno.ENOSPC, "No space left on device")
        return sealed(path)

    monkeypatch.setattr(run_folder, "_sealed", full)
    with pytest.raises(RunError, match="No space left"):
        make_run(seed=2).save(tmp_path / "run", force=force)
    monkeypatch.undo()
    assert os.listdir(tmp_path) == (["run"] if force else [])
    if force:
        assert_equal(Run.load(tmp_path / "run"), make_run(seed=1))


def test_the_old_run_comes_back_if_the_new_one_cannot_take_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = make_run(seed=1).save(tmp_path / "run")
    rename = Path.rename

    def stubborn(self: Path, other: Path) -> Path:
        if self.name.endswith(".tmp"):
            raise PermissionError(errno.EACCES, "Permission denied")
        return rename(self, other)

    monkeypatch.setattr(Path, "rename", stubborn)
    with pytest.raises(UsageError, match="Permission denied"):
        make_run(seed=2).save(target, force=True)
    monkeypatch.undo()
    assert os.listdir(tmp_path) == ["run"]
    assert_equal(Run.load(target), make_run(seed=1))


def test_a_file_is_replaced_whole_and_a_link_is_not_followed(tmp_path: Path) -> None:
    real, link = tmp_path / "real", tmp_path / "link"
    real.write_bytes(b"old")
    link.symlink_to(real)
    replace_file(link, b"new")
    assert (real.read_bytes(), link.read_bytes(), link.is_symlink()) == (b"old", b"new", False)
    with pytest.raises(UsageError, match="is a folder"):
        replace_file(tmp_path, b"")
    assert sorted(os.listdir(tmp_path)) == ["link", "real"]
