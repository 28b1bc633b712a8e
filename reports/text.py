"""Numbers and names as people read them."""

from __future__ import annotations

import math
import unicodedata
from html import escape

_SI = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, ""))
_FINE = ((1e-3, "m"), (1e-6, "µ"), (1e-9, "n"), (1e-12, "p"))
_TIME = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))
_HIDDEN = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")  # controls, marks that turn the writing direction, line ends
NONE = "–"
SPACE = "\u00a0"  # keeps a number and its unit on one line


def name(text: object, limit: int = 40) -> str:
    """A name on one line: what cannot be seen or turns the writing direction becomes U+FFFD, long ones are cut."""
    raw = str(text)
    cut = raw if len(raw) <= limit else raw[: limit - 1] + "…"
    return "".join("\ufffd" if unicodedata.category(c) in _HIDDEN else c for c in cut)


def label(text: object, limit: int = 24) -> str:
    """A name inside a figure, where plotly reads tags, entities and, around dollar signs, formulas."""
    # Of quotes plotly knows no entities, and they mean nothing to it.
    return escape(name(text, limit), quote=False).replace("$", "&#36;")


def number(value: float | None, digits: int = 3) -> str:
    """So many significant digits, thousands apart; whole numbers whole."""
    if value is None or math.isnan(value):
        return NONE
    if float(value).is_integer() and abs(value) < 1e15:
        return f"{int(value):,}"
    if not 1 <= abs(value) < 1e15:
        return f"{value:.{digits}g}"
    return f"{value:,.{max(0, digits - 1 - math.floor(math.log10(abs(value))))}f}"


def si(value: float | None, unit: str) -> str:
    """With a decimal prefix: 1.23 MB is 1,230,000 bytes."""
    if value is None or math.isnan(value):
        return NONE
    for factor, prefix in _SI:
        if abs(value) >= factor:
            return f"{_three(value / factor)}{SPACE}{prefix}{unit}"
    return f"{number(value)}{SPACE}{unit}"


def fine(value: float | None, unit: str) -> str:
    """As :func:`si`, and small amounts with a prefix too: 4.37 µJ."""
    if value is None or math.isnan(value) or value == 0 or abs(value) >= 1:
        return si(value, unit)
    factor, prefix = next((found for found in _FINE if abs(value) >= found[0]), _FINE[-1])
    return f"{_three(value / factor)}{SPACE}{prefix}{unit}"


def rate(value: float | None, unit: str) -> str:
    """A count a second: in full up to a million, then in millions."""
    if value is None or math.isnan(value):
        return NONE
    amount = number(value) if abs(value) < 1e6 else f"{_three(value / 1e6)}{SPACE}million"
    return f"{amount}{SPACE}{unit}" if unit else amount


def seconds(value: float | None) -> str:
    """In the unit that leaves one to three digits before the point."""
    if value is None or math.isnan(value):
        return NONE
    factor, unit = time_unit(abs(value))
    return f"{_three(value / factor)}{SPACE}{unit}"


def _three(value: float) -> str:
    """Three significant digits, with the zeros that are known."""
    if value == 0:
        return "0"
    size = abs(value)
    places = 0 if size >= 99.95 else 1 if size >= 9.995 else 2
    return f"{value:,.{places}f}" if size >= 0.1 else f"{value:.3g}"


def time_unit(largest: float) -> tuple[float, str]:
    """Seconds in a unit in which ``largest`` seconds is a handy number, and its name."""
    for factor, unit in _TIME:
        if largest >= factor:
            return factor, unit
    return (1.0, "s") if largest == 0 else _TIME[-1]


def percent(share: float | None, signed: bool = False) -> str:
    """A share of one as a percentage."""
    if share is None or math.isnan(share):
        return NONE
    value = 100 * share
    places = 0 if abs(value) >= 1000 else 1
    return f"{value:+,.{places}f}{SPACE}%" if signed else f"{value:,.{places}f}{SPACE}%"
