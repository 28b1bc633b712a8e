"""Numbers with units as people read them; names as text on one line."""

from __future__ import annotations

import pytest

from ampsim.reports import text


@pytest.mark.parametrize(
    "value, shown",
    [
        (0.0, "0 s"), (1.0, "1.00 s"), (0.0123, "12.3 ms"), (1.234e-6, "1.23 µs"), (5e-10, "0.50 ns"),
        (12345.6, "12,346 s"), (None, "–"), (float("nan"), "–"),
    ],
)  # fmt: skip
def test_seconds(value: float | None, shown: str) -> None:
    assert text.seconds(value).replace(text.SPACE, " ") == shown


@pytest.mark.parametrize(
    "value, shown",
    [(0, "0 B"), (999, "999 B"), (1000, "1.00 kB"), (1_230_000, "1.23 MB"), (4.2e13, "42.0 TB"), (None, "–")],
)
def test_bytes_are_decimal(value: float | None, shown: str) -> None:
    assert text.si(value, "B").replace(text.SPACE, " ") == shown


@pytest.mark.parametrize(
    "value, shown",
    [(1234, "1,234"), (1234.5, "1,234"), (12.345, "12.3"), (0.012345, "0.0123"), (-5.5, "-5.50"), (1e300, "1e+300")],
)
def test_numbers(value: float, shown: str) -> None:
    assert text.number(value) == shown


def test_shares_and_rates() -> None:
    assert text.percent(0.1234) == f"12.3{text.SPACE}%"
    assert text.percent(-0.5, signed=True) == f"-50.0{text.SPACE}%"
    assert text.percent(None) == "–"
    assert text.rate(2_979_922, "rows/s").replace(text.SPACE, " ") == "2.98 million rows/s"
    assert text.rate(5625.4, "rows/s").replace(text.SPACE, " ") == "5,625 rows/s"


def test_names_lose_what_cannot_be_seen() -> None:
    assert text.name("a\u202eb\x00c\n") == "a\ufffdb\ufffdc\ufffd"
    assert text.name("x" * 100, 10) == "x" * 9 + "…"
    assert text.label("<b>$x$&") == "&lt;b&gt;&#36;x&#36;&amp;"
