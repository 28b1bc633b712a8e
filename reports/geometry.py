"""Boxes, places inside them, and lines between them, as coordinates: to the right and up, a unit being a pixel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, sqrt

import numpy as np

from ampsim.result.schema import Array

WIDTH = 1060.0
"""Of a drawing, in pixels: that of a figure on a wide screen. On others it is stretched."""
HEAD = 30.0
"""Above the nodes in a box: its name and load."""
BELOW, BESIDE, BARE = (78.0, 36.0), (78.0, 22.0), (15.0, 15.0)
"""Width and height of the place of a node with its name below it, beside it (one a row), and of one without."""
CORNER = 7.0
EDGE = 18.0
"""Free around the boxes, for lines that pass beside them."""
WIDEST_GAP = 240.0


@dataclass(frozen=True)
class Boxes:
    """Middles (boxes, 2) and half sizes (boxes, 2); the ``place`` of a node; ``height`` of it all."""

    middle: Array
    half: Array
    place: tuple[float, float]
    height: float

    @property
    def named(self) -> bool:
        """Whether nodes have names."""
        return self.place != BARE

    @property
    def narrow(self) -> bool:
        """Whether there is no room for more than a name in the head of a box."""
        return bool(2 * self.half[:, 0].max(initial=0.0) < 120)


def boxes(cells: Array, held: Sequence[int], gap: float) -> Boxes:
    """Boxes in ``cells``, each wide and high enough for the nodes that it has to hold.

    Boxes that hold some are all of one size; others are as high as their name. ``gap`` is left between rows.
    """
    most = max(held, default=0)
    columns = float(np.ptp(cells[:, 0])) + 1
    widest = 0.78 * WIDTH / columns if columns > 1 else 0.9 * WIDTH
    place = BARE
    if most and widest >= BELOW[0] + 8 and sum(held) <= 120:
        place = BELOW if most == 1 or widest >= 2 * BELOW[0] + 12 else BESIDE
    across = max(1, min(int((widest - 12) // place[0]), ceil(sqrt(3 * most)))) if most else 1
    wide = min(widest, max(across * place[0] + 12, 150.0))
    deep = ceil(most / across)
    high = HEAD + deep * place[1] + 8 if most else HEAD
    half = np.asarray([(wide / 2, (high if count else HEAD) / 2) for count in held]).reshape(-1, 2)
    pitch = min((WIDTH - wide - 2 * EDGE) / max(columns - 1, 1), wide + WIDEST_GAP)
    left = (WIDTH - pitch * (columns - 1)) / 2
    middle = np.column_stack((cells[:, 0] * pitch + left, -(cells[:, 1] * (high + gap) + high / 2 + EDGE)))
    half[np.asarray(held) == 0, 0] = max(wide / 2, min(0.46 * pitch, 40.0))
    return Boxes(middle, half, place, float(np.ptp(cells[:, 1])) * (high + gap) + high + 2 * EDGE)


def inside(found: Boxes, box: int, count: int) -> Array:
    """Places of ``count`` nodes in a box, in rows that go to and fro: float64 (count, 2)."""
    if not count:
        return np.zeros((0, 2))
    width, height = found.place
    wide = 2 * found.half[box, 0] - 12
    across = max(1, min(int(wide // width), count))
    if found.named:
        across = min(across, ceil(sqrt(3 * count)))
    top = found.middle[box, 1] + found.half[box, 1] - HEAD - (10 if found.named else 6)
    if found.place == BESIDE:
        row = np.arange(count)
        return np.column_stack((np.full(count, found.middle[box, 0] - wide / 2 + 8), top - row * height))
    row, column = np.divmod(np.arange(count), across)
    column = np.where(row % 2, across - 1 - column, column)
    step = wide / across if found.named else width
    left = found.middle[box, 0] - step * (across - 1) / 2
    return np.column_stack((left + column * step, top - row * height))


def outlines(middle: Array, half: Array, corner: float = CORNER) -> tuple[Array, Array]:
    """Boxes with round corners as closed lines, with a break behind each."""
    turn = np.linspace(0, np.pi / 2, 5)
    bend = np.column_stack((np.cos(turn), np.sin(turn)))
    corners = [(1, 1), (-1, 1), (-1, -1), (1, -1)]
    shape = []
    for number, (right, up) in enumerate(corners):
        quarter = bend if number % 2 == 0 else bend[::-1]
        shape.append(np.column_stack((quarter * (right, up), np.full((5, 2), (right, up)))))
    points = np.vstack([*shape, shape[0][:1]])
    r = np.minimum(corner, half.min(axis=1, initial=np.inf))[:, None]
    x = middle[:, :1] + points[:, 2] * (half[:, :1] - r) + points[:, 0] * r
    y = middle[:, 1:] + points[:, 3] * (half[:, 1:] - r) + points[:, 1] * r
    return broken(x), broken(y)


def curves(start: Array, end: Array, bend: Array, points: int = 16) -> Array:
    """From ``start`` to ``end`` (n, 2) to the left of the straight line by ``bend`` pixels: (n, points, 2)."""
    way = end - start
    length = np.maximum(np.linalg.norm(way, axis=1, keepdims=True), 1e-9)
    side = np.column_stack((-way[:, 1], way[:, 0])) / length
    middle = (start + end) / 2 + 2 * np.asarray(bend)[:, None] * side
    t = np.linspace(0, 1, points)[None, :, None]
    found: Array = (1 - t) ** 2 * start[:, None] + 2 * t * (1 - t) * middle[:, None] + t**2 * end[:, None]
    return found


def broken(lines: Array) -> Array:
    """Lines (n, points) behind one another in one row, with a break (NaN) behind each."""
    found: Array = np.column_stack((lines, np.full(len(lines), np.nan))).ravel()
    return found


def headings(lines: Array) -> tuple[Array, Array]:
    """Point a little beyond the middle of each of the curves, and its heading: degrees clockwise from up."""
    at = round(0.56 * (lines.shape[1] - 1))
    way = lines[:, at + 1] - lines[:, at - 1]
    return lines[:, at], np.degrees(np.arctan2(way[:, 0], way[:, 1]))


def crossing(found: Boxes, source: Array, target: Array, cells: Array) -> Array:
    """How far (pixels) a line between two boxes of one row or column bends to pass those in between; else 0."""
    gap = np.abs(cells[target] - cells[source])
    far = (gap.max(axis=1) > 1.5) & (gap.min(axis=1) < 0.5)
    along_row = gap[:, 1] < 0.5
    away = np.where(along_row, found.half[:, 1].max(initial=0.0), found.half[:, 0].max(initial=0.0)) + 10
    bend: Array = np.where(far, away, 0.0)
    return bend
