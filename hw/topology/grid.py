"""Grids of any number of dimensions, open or closed to rings: their links, and ways dimension by dimension.

Places are numbered with the last dimension varying fastest.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod


def ways(dims: tuple[int, ...], closed: bool) -> Iterator[tuple[int, int, bool]]:
    """Place, neighbour, and whether it lies upwards: first dimension first, upwards before downwards.

    With the rule that a route takes the first arc that brings it nearer, this gives dimension-ordered
    routes that go upwards when both ways around a ring are equally long.
    """
    strides = _strides(dims)
    for place in range(prod(dims)):
        for size, stride in zip(dims, strides, strict=True):
            at = place // stride % size
            base = place - at * stride
            up, down = at + 1, at - 1
            if closed and size > 2:
                up, down = up % size, down % size
            for other in (up, down):
                if 0 <= other < size:
                    yield place, base + other * stride, other == up


def walk(dims: tuple[int, ...], closed: bool, source: int, target: int) -> list[int]:
    """The places from one to another, both included: all of the first dimension, then of the next.

    In a ring the shorter way round; upwards when both are equally long.
    """
    places = [source]
    for size, stride in zip(dims, _strides(dims), strict=True):
        at, to = source // stride % size, target // stride % size
        up = (to - at) % size
        rises = 2 * up <= size if closed else to > at
        steps = min(up, size - up) if closed else abs(to - at)
        for _ in range(steps):
            after = (at + (1 if rises else -1)) % size
            places.append(places[-1] + (after - at) * stride)
            at = after
    return places


def _strides(dims: tuple[int, ...]) -> list[int]:
    return [prod(dims[axis + 1 :]) for axis in range(len(dims))]
