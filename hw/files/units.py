"""Numbers with units, converted once at the file boundary: ``"300 GB/s"``, ``"1.5 us"``, ``"64 GiB"``.

A plain number is in base units (s, bytes, bytes/s, FLOP/s, J/FLOP, J/B, W). GB is 10^9 bytes and GiB is 2^30; a bit is
written out (``Gbit/s``), so that nothing hangs on the case of one letter. Parsing is exact: the decimal number is
scaled as a fraction and rounded once, so that ``parse(format(x)) == x``.
"""

from __future__ import annotations

import math
import re
from fractions import Fraction

from ampsim.errors import ConfigError
from ampsim.strict_yaml import short

TIME, BYTES, BANDWIDTH, RATE = "time", "bytes", "bandwidth", "rate"
FLOP_ENERGY, BYTE_ENERGY, POWER = "energy of a FLOP", "energy of a byte", "power"

_DECIMAL = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "P": 10**15, "E": 10**18}
_BINARY = {f"{prefix}i": 1024**power for power, prefix in enumerate("KMGTPE", start=1)}
_SIZES = {f"{prefix}B": Fraction(scale) for prefix, scale in (_DECIMAL | _BINARY).items()}
_SMALL = {"s": 0, "ms": 3, "us": 6, "ns": 9, "ps": 12, "fs": 15}
_JOULES = {f"{prefix}J": Fraction(1, 10**power) for prefix, power in zip(["", *"munpf"], range(0, 18, 3), strict=True)}

UNITS: dict[str, dict[str, Fraction]] = {
    TIME: {name: Fraction(1, 10**power) for name, power in _SMALL.items()} | {"µs": Fraction(1, 10**6)},
    BYTES: _SIZES,
    BANDWIDTH: {f"{name}/s": scale for name, scale in _SIZES.items()}
    | {f"{prefix}bit/s": Fraction(scale, 8) for prefix, scale in _DECIMAL.items()},
    RATE: {f"{prefix}FLOP/s": Fraction(scale) for prefix, scale in _DECIMAL.items()},
    FLOP_ENERGY: {f"{name}/FLOP": scale for name, scale in _JOULES.items()},
    BYTE_ENERGY: {f"{name}/B": scale for name, scale in _JOULES.items()}
    | {f"{name}/bit": 8 * scale for name, scale in _JOULES.items()},
    POWER: {"W": Fraction(1), "mW": Fraction(1, 1000), "kW": Fraction(1000), "MW": Fraction(10**6)},
}
"""Every unit of every dimension, and its size in the dimension's base unit (s, B, B/s, FLOP/s, J/FLOP, J/B, W)."""

_NUMBER = r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d{1,3})?"
_QUANTITY = re.compile(rf"({_NUMBER})\s*(\S*)")


def parse(value: str | int | float, dimension: str) -> float | int:
    """``value`` in the base unit of ``dimension`` (one of the keys of :data:`UNITS`).

    A number is taken as it is; a string needs a number and a unit. Bytes come back as int, the others as
    float. Raises ConfigError for an unknown unit, NaN, an infinite or a negative number, or a fraction of a
    byte.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ConfigError(f"this is no quantity but {type(value).__name__}", do=_example(dimension))
    if isinstance(value, str):
        exact = _exact(value, dimension)
    elif isinstance(value, float) and not math.isfinite(value):
        raise ConfigError(f"{value} is not a finite number", do=_example(dimension))
    else:
        exact = Fraction(value)
    if exact < 0:
        raise ConfigError(f"{short(value)} is negative", do=_example(dimension))
    if dimension == BYTES:
        if exact.denominator != 1:
            raise ConfigError(f"{short(value)} is not a whole number of bytes", do=_example(dimension))
        return int(exact)
    try:
        return float(exact)
    except OverflowError:
        raise ConfigError(f"{short(value)} is out of range", do=_example(dimension)) from None


def format(value: float | int, dimension: str) -> str:  # noqa: A001 - units.format reads well
    """``value`` (base unit) with the unit that makes the shortest text from which ``parse`` gives it back."""
    if value == 0:
        return f"0 {next(iter(UNITS[dimension]))}"
    exact = Fraction(value)
    best = ""
    for unit, scale in UNITS[dimension].items():
        scaled = exact / scale
        if "bit" in unit or unit == "µs" or not 1 <= scaled < 10000:
            continue
        text = f"{_digits(scaled)} {unit}"
        read = _exact(text, dimension)
        if (not best or len(text) < len(best)) and (read if dimension == BYTES else float(read)) == value:
            best = text
    return best or f"{value!r} {next(iter(UNITS[dimension]))}"


def _digits(scaled: Fraction) -> str:
    return str(scaled.numerator) if scaled.denominator == 1 else repr(float(scaled)).removesuffix(".0")


def _exact(text: str, dimension: str) -> Fraction:
    found = _QUANTITY.fullmatch(text.strip()) if len(text) <= 60 else None
    if found is None:
        raise ConfigError(f"{short(text)} is no number with a unit", do=_example(dimension))
    number, unit = found.groups()
    units = UNITS[dimension]
    if unit in units:
        return Fraction(number) * units[unit]
    if not unit:
        raise ConfigError(f"{short(text)} has no unit", do=f"{_example(dimension)}, or no quotes")
    alike = [name for name in units if name.casefold() == unit.casefold()]
    if unit.endswith("b/s") and f"{unit[:-3]}bit/s" in units:
        alike = [f"{unit[:-3]}bit/s", f"{unit[:-3]}B/s"]
    do = f"did you mean {' or '.join(alike)}?" if alike else f"one of: {', '.join(units)}"
    raise ConfigError(f"{short(unit)} is no unit of {dimension}", do=do)


def _example(dimension: str) -> str:
    examples = {TIME: "1.5 us", BYTES: "64 GiB", BANDWIDTH: "300 GB/s", RATE: "1 TFLOP/s"}
    examples |= {FLOP_ENERGY: "0.5 pJ/FLOP", BYTE_ENERGY: "4 pJ/bit", POWER: "75 W"}
    return f'write for example "{examples[dimension]}"'
