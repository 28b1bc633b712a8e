"""A file of results can be begun anew, and looked at while another process writes to it."""

from __future__ import annotations

from pathlib import Path

import pytest

from ampsim.errors import UsageError
from ampsim.studies.lines import Line, Lines


class Said(Line, frozen=True, kw_only=True):
    word: str


def lines(folder: Path) -> Lines[Said]:
    return Lines(folder / "lines.jsonl", Said, "conversation", "word")


def test_begun_anew_nothing_is_left(tmp_path: Path) -> None:
    with lines(tmp_path) as file:
        file.append(Said(key="a", word="old"))
        file.clear()
        assert file.done == {}
        file.append(Said(key="b", word="new"))
    with lines(tmp_path) as file:
        assert file.done == {"b": Said(key="b", word="new")}


def test_it_can_be_looked_at_while_it_is_written(tmp_path: Path) -> None:
    with lines(tmp_path) as file:
        file.append(Said(key="a", word="whole"))
        with (tmp_path / "lines.jsonl").open("ab") as other:
            other.write(b'{"key": "b", "wo')
        watching = lines(tmp_path)
        watching.look()
        assert list(watching.done) == ["a"]
    assert (tmp_path / "lines.jsonl").read_bytes().endswith(b'"wo'), "looking changes nothing"


@pytest.mark.parametrize("text", [None, "", '{"kind": "ampsim sweep", "version": 1}\n'])
def test_there_is_nothing_to_look_at(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "lines.jsonl").write_text(text)
    with pytest.raises(UsageError) as error:
        lines(tmp_path).look()
    assert error.value.where == str(tmp_path / "lines.jsonl")
    assert error.value.do
