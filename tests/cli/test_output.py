"""The small laws of what is printed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ampsim.cli.output import difference, line_width, percent, print_prose, print_table, printable, show


@pytest.mark.parametrize(
    "value, text",
    [(None, "-"), ("gpu", "gpu"), (3, "3"), (12345, "12,345"), (12345.6, "12,346"), (0.123456, "0.1235"), (0.0, "0")],
)
def test_a_number_is_short(value: object, text: str) -> None:
    assert show(value) == text


def test_a_unit_follows_a_number_only() -> None:
    assert (show(1.5, " s"), show(None, " s")) == ("1.5 s", "-")


@pytest.mark.parametrize(
    "a, b, text",
    [
        (1.1, 1.0, "+10.0 %"),
        (0.9, 1.0, "-10.0 %"),
        (1.0, 1.0, "0.0 %"),
        (1.00001, 1.0, "0.0 %"),
        (0.99999, 1.0, "0.0 %"),
        (21.0, 1.0, "+2,000 %"),
        (-1.0, -2.0, "+50.0 %"),
        (0.0, 0.0, "0.0 %"),
        (1.0, 0.0, "-"),
        (None, 1.0, "-"),
        (1.0, None, "-"),
    ],
)
def test_a_difference_is_a_share_of_the_second(a: float | None, b: float | None, text: str) -> None:
    assert difference(a, b) == text


def test_a_share() -> None:
    assert (percent(0.12345), percent(None)) == ("12.3 %", "-")


def test_a_table_aligns_its_columns(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("what", "n"), [("a", "1"), ("long one", "1,000")])
    assert capsys.readouterr().out == "what          n\n--------  -----\na             1\nlong one  1,000\n"


def test_words_in_the_last_column_are_wrapped(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    print_table(("n", "what"), [("1", "word " * 20), ("2", "")], align="rl")
    lines = capsys.readouterr().out.splitlines()
    assert lines[2].startswith("1  word")
    assert lines[3].startswith("   word")
    assert lines[-1] == "2"
    assert max(map(len, lines)) <= 60


@given(st.integers(0, 500))
def test_the_line_is_neither_very_short_nor_very_long(columns: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", str(columns))
        assert 60 <= line_width() <= 120


def test_prose_loses_its_marks(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    print_prose("The ``width`` of\na layer, see :func:`ampsim.run`.\n\nMore.")
    assert capsys.readouterr().out == "The width of a layer, see ampsim.run.\n\nMore.\n"


def test_names_do_not_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("name", "n"), [("\x1b[31mred\u202e\r", "1")])
    assert capsys.readouterr().out == "name        n\n----------  -\n?[31mred??  1\n"
    assert printable("a\nb\tc\0") == "a\nb?c?"
