"""A row is on disk when it is written; a file cut off anywhere reads back as its whole lines, and goes on."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ampsim.errors import UsageError
from ampsim.studies.rows import NAME, Row, Rows


def filled(folder: Path, count: int) -> bytes:
    with Rows(folder) as rows:
        for number in range(count):
            rows.append(Row(key=f"k{number}", varied={"n": number, "text": "ä\n"}, scalars={"makespan": 0.5 * number}))
    return (folder / NAME).read_bytes()


def test_rows_come_back_as_they_were(tmp_path: Path) -> None:
    filled(tmp_path, 3)
    with Rows(tmp_path) as rows:
        assert [row.varied["n"] for row in rows.done.values()] == [0, 1, 2]
        assert rows.done["k2"].scalars == {"makespan": 1.0}


def test_a_row_is_there_before_the_next_is_asked_for(tmp_path: Path) -> None:
    with Rows(tmp_path) as rows:
        for number in range(3):
            rows.append(Row(key=f"k{number}", varied={}))
            assert (tmp_path / NAME).read_bytes().count(b"\n") == 2 + number


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(st.data())
def test_cut_off_anywhere_whole_lines_stay_and_the_file_goes_on(tmp_path: Path, data: st.DataObject) -> None:
    (tmp_path / NAME).unlink(missing_ok=True)
    whole = filled(tmp_path, 4)
    cut = data.draw(st.integers(0, len(whole)))
    (tmp_path / NAME).write_bytes(whole[:cut])
    lines = max(whole[:cut].count(b"\n") - 1, 0)
    with Rows(tmp_path) as rows:
        assert len(rows.done) == lines
        rows.append(Row(key="new", varied={}))
    with Rows(tmp_path) as rows:
        assert list(rows.done)[-1] == "new"
        assert len(rows.done) == lines + 1
    kept = whole[:cut].rpartition(b"\n")[0]
    assert (tmp_path / NAME).read_bytes().startswith(kept)


def test_of_rows_with_one_key_the_last_counts(tmp_path: Path) -> None:
    with Rows(tmp_path) as rows:
        rows.append(Row(key="k", varied={}, error="it failed"))
        rows.append(Row(key="k", varied={}, scalars={"tasks": 1.0}))
    with Rows(tmp_path) as rows:
        assert rows.done["k"].error is None


def test_two_sweeps_do_not_write_to_one_folder(tmp_path: Path) -> None:
    with Rows(tmp_path), pytest.raises(UsageError, match="another sweep"), Rows(tmp_path):
        pass
    with Rows(tmp_path):
        pass


@pytest.mark.parametrize(
    "text,said",
    [
        ('{"kind": "something"}\n', "not the rows of a sweep"),
        ("not JSON\n", "not the rows of a sweep"),
        ('{"kind": "ampsim sweep", "version": 99}\n', "version 99"),
        ('{"kind": "ampsim sweep", "version": 1}\n{"key": 1}\n{"key": "a", "varied": {}}\n', "cannot be read"),
    ],
)
def test_a_file_of_something_else_is_left_alone(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / NAME).write_text(text)
    with pytest.raises(UsageError, match=said) as error, Rows(tmp_path):
        pass
    assert error.value.where
    assert error.value.do
    assert (tmp_path / NAME).read_text() == text


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "target").write_text("precious")
    (tmp_path / NAME).symlink_to(tmp_path / "target")
    with pytest.raises(UsageError, match="no link"), Rows(tmp_path):
        pass
    assert (tmp_path / "target").read_text() == "precious"
