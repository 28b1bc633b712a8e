"""The simulated clock: a Python integer of femtoseconds, so that order and sums are exact.

Times are rounded to the nearest femtosecond (half up) where a cost is made, and nowhere else.
"""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np

from ampsim.errors import RunError
from ampsim.ir.message import Array

FS = 10**15
"""Femtoseconds in a second."""
_EXACT = 1 << 53  # up to here float64 holds every integer, so that one division rounds once


def to_fs(seconds: float) -> int:
    """``seconds`` as integer femtoseconds. Raises RunError for NaN, an infinite or a negative duration."""
    if not 0 <= seconds < math.inf:
        raise RunError(f"a duration of {seconds} s is impossible", do="check the costs of this system")
    numerator, denominator = float(seconds).as_integer_ratio()
    return (2 * numerator * FS + denominator) // (2 * denominator)


def to_seconds(fs: int) -> float:
    """Integer femtoseconds as the nearest float64 of seconds."""
    return fs / FS


def all_seconds(fs: Array) -> Array:
    """:func:`to_seconds` of every element of an int64 array, to the bit."""
    if len(fs) and max(-int(fs.min()), int(fs.max())) > _EXACT:
        return np.array([time / FS for time in fs.tolist()])
    return fs / float(FS)


class Pace:
    """How long an amount takes at a constant rate (bytes at bytes/s), exact to half a femtosecond.

    ``rate`` is a float per second, or None for no limit. Durations are remembered: few sizes, many uses.
    """

    __slots__ = ("_denominator", "_half", "_known", "_numerator")

    def __init__(self, rate: float | None) -> None:
        if rate is not None and not 0 < rate < math.inf:
            raise RunError(f"a rate of {rate} per second is impossible", do="check the rates of this system")
        factor = Fraction(0) if rate is None else FS / Fraction(rate)
        self._numerator, self._denominator = factor.numerator, factor.denominator
        self._half = self._denominator // 2
        self._known: dict[int, int] = {}

    @property
    def exact(self) -> tuple[int, int]:
        """Femtoseconds for one as a fraction: the same for the same rate."""
        return self._numerator, self._denominator

    def ticks(self, amount: int) -> int:
        """Femtoseconds that ``amount`` takes. Raises RunError when it is negative."""
        known = self._known.get(amount)
        if known is not None:
            return known
        if amount < 0:
            raise RunError(f"an amount of {amount} is impossible", do="check the sizes that are sent")
        if len(self._known) >= 1 << 16:
            self._known.clear()
        result = self._known[amount] = (amount * self._numerator + self._half) // self._denominator
        return result
