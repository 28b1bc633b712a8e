"""Columns on disk are what they are in memory, are read when asked for and no sooner, and a change of them is found."""

from __future__ import annotations

import copy
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ampsim.errors import RunError, UsageError
from ampsim.result import loading
from ampsim.result.analysis.idle import breakdown
from ampsim.result.analysis.links import link_totals
from ampsim.result.run import Run
from ampsim.result.schema import TABLES, Array
from ampsim.result.table import RunTable, Stored, chunks, part, rows
from tests.result.synthetic import make_run
from tests.result.test_folder import assert_equal


@pytest.fixture
def on_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every table stays on disk, however small."""
    monkeypatch.setattr(loading, "IN_MEMORY", 0)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_run(3).save(tmp_path / "run")


@pytest.mark.usefixtures("on_disk")
def test_columns_on_disk_are_those_in_memory(folder: Path) -> None:
    wanted, found = make_run(3), Run.load(folder)
    assert all(table.on_disk for table in found.tables.values())
    assert not any(table.on_disk for table in wanted.tables.values())
    assert_equal(wanted, found)
    for name, table in found.tables.items():
        assert rows(table) == table.rows == len(next(iter(wanted.tables[name].values())))
        for column, values in table.items():
            assert not values.flags.writeable
            for start, stop in ((0, 5), (3, 3), (2, 10**9), (10**9, 10**9 + 1)):
                assert np.array_equal(part(table, column, start, stop), wanted.tables[name][column][start:stop])


@pytest.mark.usefixtures("on_disk")
def test_a_loaded_run_is_saved_again_byte_by_byte(folder: Path, tmp_path: Path) -> None:
    again = Run.load(folder).save(tmp_path / "again")
    for path in sorted(folder.rglob("*.*")):
        assert path.read_bytes() == (again / path.relative_to(folder)).read_bytes()


@pytest.mark.usefixtures("on_disk")
def test_a_folder_that_is_replaced_or_deleted_takes_nothing_from_who_has_loaded_it(folder: Path) -> None:
    first = Run.load(folder)
    make_run(2, seed=5).save(folder, force=True)
    second = Run.load(folder)
    for path in sorted(folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    assert_equal(make_run(3), first)
    assert_equal(make_run(2, seed=5), second)


@pytest.mark.usefixtures("on_disk")
@pytest.mark.parametrize("change", [b"\xff", b""])
def test_a_file_that_changes_after_it_was_checked_is_refused(folder: Path, change: bytes) -> None:
    run, path = Run.load(folder), folder / "tables" / "tasks.npz"
    assert len(run.tables["tasks"]["start"])
    with path.open("r+b") as file:
        file.seek(2000)
        file.write(change)
        if not change:
            file.truncate()
    with pytest.raises(UsageError, match="has changed") as error:
        run.tables["tasks"]["end"]
    assert error.value.where == str(path)


@pytest.mark.usefixtures("on_disk")
def test_an_array_is_the_same_while_somebody_has_it_and_is_let_go_with_the_last(folder: Path) -> None:
    table = Run.load(folder).tables["tasks"]
    held = table["start"]
    assert table["start"] is held
    column = table.column("start")
    assert isinstance(column, Stored)
    del held
    assert column._held[0]() is None


@pytest.mark.usefixtures("on_disk")
def test_an_analysis_reads_the_columns_it_needs_and_no_other(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run.load(folder)
    places: dict[tuple[str, str], Any] = {}
    for name, table in run.tables.items():
        places |= {(name, column): table.column(column) for column in table}
    read: set[tuple[str, str]] = set()
    plain = Stored.part

    def watched(self: Stored, start: int, stop: int) -> Array:
        read.update(key for key, value in places.items() if value is self)
        return plain(self, start, stop)

    monkeypatch.setattr(Stored, "part", watched)
    link_totals(run.tables, len(run.summary["links"]))
    assert read == {("links", column) for column in ("link", "start", "end", "bytes")}
    read.clear()
    assert breakdown(run.tables, run.workers, run.makespan).shares.any()
    assert not {table for table, _ in read} & {"memory", "links", "metrics", "edges"}
    assert ("tasks", "matmul") not in read


def test_parts_put_together_are_the_whole() -> None:
    table = make_run(3).tables["messages"]
    for size in (1, 7, 10**6):
        found = list(zip(*chunks(table, "task", "state", size=size), strict=True))
        assert all(np.array_equal(np.concatenate(a), table[n]) for a, n in zip(found, ("task", "state"), strict=True))
    assert list(chunks(RunTable({"x": np.zeros(0)}), "x")) == []


@pytest.mark.usefixtures("on_disk")
def test_tables_are_mappings_that_can_be_changed_and_copied(folder: Path) -> None:
    run = Run.load(folder)
    found = copy.deepcopy(run.tables)
    assert list(found) == list(TABLES)
    assert np.array_equal(found["tasks"]["end"], run.tables["tasks"]["end"])
    assert not found["tasks"].on_disk
    table = run.tables["tasks"]
    table["kind"] = np.zeros(table.rows, np.int8)
    assert not table["kind"].any()
    del table["kind"]
    assert "kind" not in table
    assert len(table) == len(TABLES["tasks"]) - 1
    run.tables["tasks"] = {"kind": np.ones(3, np.int8)}
    assert run.tables["tasks"].rows == 3
    assert "3 rows of kind" in repr(run.tables["tasks"])


# -- pandas and Parquet ------------------------------------------------------------------------------------------------


def test_a_data_frame_has_the_columns_of_the_table() -> None:
    pytest.importorskip("pandas", reason="pandas is not installed; pip install 'ampsim[arrow]'")
    table = make_run(2).tables["tasks"]
    frame = table.to_dataframe()
    assert list(frame.columns) == list(table)
    assert all(np.array_equal(frame[name].to_numpy(), values) for name, values in table.items())
    assert len(table.to_dataframe(3, 8)) == 5
    messages = make_run(2).tables["messages"]
    assert np.array_equal(messages.to_dataframe()["state_0"].to_numpy(), messages["state"][:, 0])


def test_names_may_stand_in_the_place_of_numbers() -> None:
    pytest.importorskip("pandas", reason="pandas is not installed; pip install 'ampsim[arrow]'")
    run = make_run(2, names=lambda name: "same" if name.startswith("chip") else name)
    frame = run.tables["tasks"].to_dataframe(decode=True)
    assert set(frame["kind"]) == {"forward", "backward", "update"}
    assert set(frame["node"]) == {"L1", "L2"}
    assert set(frame["worker"].cat.codes) == {0, 1}
    assert sorted(set(frame["worker"])) == ["same", "same (1)"]
    messages = run.tables["messages"].to_dataframe(decode=True)
    assert "(admission)" in set(messages["edge"])
    assert "(controller)" in set(messages["source"])


@pytest.mark.parametrize("name, says", [("pandas", "pip install pandas"), ("pyarrow", "ampsim[arrow]")])
def test_what_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, says: str) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    run = make_run(2)
    with pytest.raises(UsageError, match=f"{name} is not installed") as error:
        run.tables["tasks"].to_dataframe() if name == "pandas" else run.to_parquet(tmp_path / "x")
    assert says in str(error.value.do)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("on_disk")
def test_parquet_files_hold_every_value(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pyarrow", reason="pyarrow is not installed; pip install 'ampsim[arrow]'")
    from pyarrow import parquet

    monkeypatch.setattr("ampsim.result.frames.CHUNK", 50)
    run = Run.load(folder)
    target = run.to_parquet(tmp_path / "parquet")
    assert sorted(path.stem for path in target.iterdir()) == sorted(TABLES)
    for name, table in run.tables.items():
        found = parquet.read_table(target / f"{name}.parquet")
        for column, values in table.items():
            read = found[column if values.ndim == 1 else f"{column}_0"].to_numpy()
            assert np.array_equal(read, values if values.ndim == 1 else values[:, 0]), (name, column)
            assert read.dtype == values.dtype
    with pytest.raises(UsageError, match="exists already"):
        run.to_parquet(target)


def test_parquet_files_are_written_all_or_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pyarrow", reason="pyarrow is not installed; pip install 'ampsim[arrow]'")
    from pyarrow import parquet

    left, plain = [3], parquet.ParquetWriter.write_table

    def full(self: Any, *arguments: Any, **options: Any) -> None:
        left[0] -= 1
        if not left[0]:
            raise OSError(28, "No space left on device")
        plain(self, *arguments, **options)

    monkeypatch.setattr(parquet.ParquetWriter, "write_table", full)
    with pytest.raises(RunError, match="No space left"):
        make_run(2).to_parquet(tmp_path / "x")
    assert list(tmp_path.iterdir()) == []
