"""A line that never falls through scattered points, and how far a further point may lie from it.

Least squares among all that never fall (isotonic regression, by pooling neighbours that fall: Ayer and others, Ann.
Math. Statist. 26, 1955), straight between the points. The interval is that of one more observation, normal about the
line: line +- t s sqrt(1 + 1 / n), with s from the residuals and t of Student's distribution.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

NORMAL_80 = 1.2815515655446004
"""Of a normal variable 80 % lie within so many standard deviations of its mean."""


@dataclass(frozen=True)
class Monotone:
    """``y[i]`` at ``x[i]``, both rising; ``sigma`` is the residual's standard deviation, with ``freedom`` degrees."""

    x: tuple[float, ...]
    y: tuple[float, ...]
    sigma: float
    freedom: int

    def at(self, x: float) -> float:
        """The line at ``x``; beyond its ends the value there."""
        return float(np.interp(x, self.x, self.y))


def fitted(groups: Sequence[tuple[float, Sequence[float]]]) -> Monotone:
    """The line through groups of observations, each at one x. ``groups`` and none of its groups may be empty."""
    ordered = sorted(groups, key=lambda group: group[0])
    blocks: list[tuple[float, int, int]] = []  # mean, observations, groups
    for _, values in ordered:
        mean, count, width = sum(values) / len(values), len(values), 1
        while blocks and blocks[-1][0] >= mean:
            other, more, wider = blocks.pop()
            mean = (mean * count + other * more) / (count + more)
            count, width = count + more, width + wider
        blocks.append((mean, count, width))
    line = [mean for mean, _, width in blocks for _ in range(width)]
    squares = sum((v - at) ** 2 for at, (_, values) in zip(line, ordered, strict=True) for v in values)
    freedom = sum(len(values) for _, values in ordered) - len(blocks)
    sigma = math.sqrt(squares / freedom) if freedom else math.inf
    return Monotone(tuple(x for x, _ in ordered), tuple(line), sigma, freedom)


def student(freedom: int) -> float:
    """80 % of Student's t with ``freedom`` >= 1 degrees lie within so much of 0.

    Within 0.1 % from 2 degrees on, 2 % low for one (Cornish-Fisher; Abramowitz and Stegun 26.7.5).
    """
    z = NORMAL_80
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return z + sum(term / float(freedom) ** power for power, term in enumerate(terms, 1))
