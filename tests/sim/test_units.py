"""Quantities: exact, never confused, refused when they mean nothing."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ampsim.errors import ConfigError, RunError
from ampsim.hw import to_fs, to_seconds
from ampsim.hw.clock import FS, Pace
from ampsim.hw.files import units
from ampsim.hw.files.units import BANDWIDTH, BYTES, RATE, TIME

POSITIVE = st.floats(min_value=0, max_value=1e21, allow_nan=False, allow_subnormal=False)


@pytest.mark.parametrize(
    "text,dimension,expected",
    [
        ("300 GB/s", BANDWIDTH, 3e11),
        ("300GB/s", BANDWIDTH, 3e11),
        ("50 GiB/s", BANDWIDTH, 50 * 2.0**30),
        ("10 Gbit/s", BANDWIDTH, 1.25e9),
        ("1e12 B/s", BANDWIDTH, 1e12),
        ("1.5 us", TIME, 1.5e-6),
        ("1.5 µs", TIME, 1.5e-6),
        (" +2 ms ", TIME, 2e-3),
        ("7 fs", TIME, 7e-15),
        ("64 GiB", BYTES, 64 * 2**30),
        ("64 GB", BYTES, 64 * 10**9),
        ("1.5 KiB", BYTES, 1536),
        ("1 TFLOP/s", RATE, 1e12),
        (".5 PFLOP/s", RATE, 5e14),
        (4096, BYTES, 4096),
        (4096.0, BYTES, 4096),
        (0.25, TIME, 0.25),
        (3, RATE, 3.0),
    ],
)
def test_parse(text: Any, dimension: str, expected: float) -> None:
    value = units.parse(text, dimension)
    assert value == expected
    assert type(value) is (int if dimension == BYTES else float)


@pytest.mark.parametrize(
    "value,dimension,hint",
    [
        ("3", TIME, "no unit"),
        ("3 GB", BANDWIDTH, "no unit of bandwidth"),
        ("3 GB/s", BYTES, "no unit of bytes"),
        ("3 Gb/s", BANDWIDTH, "Gbit/s or GB/s"),
        ("3 gb/s", BANDWIDTH, "did you mean GB/s"),
        ("3 KB", BYTES, "did you mean kB"),
        ("3 tflop/s", RATE, "did you mean TFLOP/s"),
        ("3 min", TIME, "no unit of time"),
        ("1.3 B", BYTES, "whole number"),
        (1.5, BYTES, "whole number"),
        ("-1 s", TIME, "negative"),
        (-1, TIME, "negative"),
        (math.nan, TIME, "not a finite"),
        (math.inf, BANDWIDTH, "not a finite"),
        (-math.inf, BANDWIDTH, "not a finite"),
        ("nan s", TIME, "no number"),
        ("inf s", TIME, "no number"),
        ("1e999 s", TIME, "out of range"),
        ("1e9999 s", TIME, "no number"),
        ("fast", BANDWIDTH, "no number"),
        ("", TIME, "no number"),
        ("1" * 100 + " s", TIME, "no number"),
        (True, TIME, "bool"),
        (None, TIME, "NoneType"),
        ([1], TIME, "list"),
    ],
)
def test_refuse(value: Any, dimension: str, hint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        units.parse(value, dimension)
    assert hint in str(caught.value)
    assert caught.value.do


@given(POSITIVE, st.sampled_from([TIME, BANDWIDTH, RATE]))
def test_parse_format_is_the_identity(value: float, dimension: str) -> None:
    assert units.parse(units.format(value, dimension), dimension) == value


@given(st.integers(0, 10**18))
def test_parse_format_is_the_identity_for_bytes(value: int) -> None:
    assert units.parse(units.format(value, BYTES), BYTES) == value


@given(st.integers(1, 9999), st.sampled_from([(d, u) for d, names in units.UNITS.items() for u in names]))
def test_format_parse_keeps_the_value(number: int, unit: tuple[str, str]) -> None:
    dimension, name = unit
    if dimension == BYTES or number % 8 == 0 or "bit" not in name:
        value = units.parse(f"{number} {name}", dimension)
        assert units.parse(units.format(value, dimension), dimension) == value


@pytest.mark.parametrize(
    "value,dimension,text",
    [
        (3e11, BANDWIDTH, "300 GB/s"),
        (53687091200.0, BANDWIDTH, "50 GiB/s"),
        (0.95e-6, TIME, "950 ns"),
        (64 * 2**30, BYTES, "64 GiB"),
        (64 * 10**9, BYTES, "64 GB"),
        (1e12, RATE, "1 TFLOP/s"),
        (0.0, TIME, "0 s"),
    ],
)
def test_format_is_short(value: float, dimension: str, text: str) -> None:
    assert units.format(value, dimension) == text


@given(st.integers(0, 10**22))
def test_femtoseconds_survive_seconds_up_to_the_precision_of_a_float(fs: int) -> None:
    assert abs(to_fs(to_seconds(fs)) - fs) <= max(1, fs * 2**-52)


@pytest.mark.parametrize("seconds,fs", [(0.0, 0), (1e-15, 1), (1.5e-6, 1_500_000_000), (9300.0, 9300 * FS)])
def test_to_fs(seconds: float, fs: int) -> None:
    assert to_fs(seconds) == fs


@pytest.mark.parametrize("seconds", [math.nan, math.inf, -math.inf, -1e-30])
def test_impossible_durations_are_refused(seconds: float) -> None:
    with pytest.raises(RunError, match="impossible"):
        to_fs(seconds)


@pytest.mark.parametrize("rate", [math.nan, math.inf, 0.0, -1.0])
def test_impossible_rates_are_refused(rate: float) -> None:
    with pytest.raises(RunError, match="impossible"):
        Pace(rate)


@given(st.floats(min_value=1, max_value=1e18), st.integers(0, 10**15))
def test_pace_is_exact_to_half_a_femtosecond(rate: float, amount: int) -> None:
    numerator, denominator = rate.as_integer_ratio()
    ticks = Pace(rate).ticks(amount)
    assert abs(2 * (ticks * numerator - amount * FS * denominator)) <= numerator


def test_pace_without_limit_and_with_many_sizes() -> None:
    assert Pace(None).ticks(10**18) == 0
    pace = Pace(1e15)
    assert all(pace.ticks(n) == n for n in range(70_000))
    with pytest.raises(RunError):
        pace.ticks(-1)
