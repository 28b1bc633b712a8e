r"""Fat trees: chips at the bottom, levels of switches above them, and several ways up.

    level 2    switch2.0  switch2.1              down = (2, 4), up = (1, 2): radix 4, two levels
                  |  \  /  |        ...
    level 1    switch1.0  switch1.1  ...         a switch of level 1 has 2 chips below and 2 switches above it
                /    \     /   \
    level 0   chip0 chip1 chip2 chip3 ...

``down[i]`` is how many vertices of level i a switch of level i + 1 has below it, ``up[i]`` how many switches of level
i + 1 a vertex of level i has above it (the extended generalised fat tree of Ohring et al., 1995). With switches of
``radix`` k in L levels: down = (k/2, ..., k/2, k), up = (1, k/2, ..., k/2), and 2 (k/2)^L chips.

A vertex of level i is a pair (x, y): x says below which place of the levels above it lies, y which of the equivalent
ones it is, of W(i) = up[0] ... up[i-1]. Above (x, y) are (x // down[i], y + W(i) c), c < up[i]. The way to chip d
takes c = d // W(i) mod up[i], so that the ways to different chips spread over the switches; where each chip sends to
the one at the same distance, no two of them meet on a link when no level has fewer links up than down.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate
from math import prod
from operator import mul

from ampsim.hw import schema
from ampsim.strict_yaml import PathError

Sizes = tuple[int, ...]
WHERE = ("topology",)


def sizes(tree: schema.FatTree) -> tuple[Sizes, Sizes]:
    """``down`` and ``up``. Raises PathError when they are given twice, or half, or ``radix`` is odd."""
    if tree.radix is not None:
        if tree.down is not None or tree.up is not None:
            raise PathError("radix already says what down and up say", WHERE, "remove radix, or both down and up")
        if tree.radix % 2:
            what = f"switches of radix {tree.radix} cannot have as many links up as down"
            raise PathError(what, (*WHERE, "radix"), "give an even number, or down and up")
        half, levels = tree.radix // 2, tree.levels or 3
        return (half,) * (levels - 1) + (tree.radix,), (1,) + (half,) * (levels - 1)
    if tree.down is None or tree.up is None:
        raise PathError("a fat tree needs its sizes", WHERE, "give radix, and levels if not 3; or down and up")
    if tree.levels is not None or len(tree.down) != len(tree.up):
        raise PathError("down and up have one number for each level", WHERE, "make them equally long, without levels")
    return tree.down, tree.up


def names(down: Sizes, up: Sizes, most: int) -> tuple[str, ...]:
    """The switches: ``switch1.0``, ``switch1.1``, ..., ``switch2.0``, ...; PathError if links exceed ``most``."""
    counts = _counts(down, up)
    if sum(2 * count * ways for count, ways in zip(counts[1:], up[1:], strict=False)) + counts[-1] > most:
        raise PathError(f"the system has more than {most} links", WHERE, "use a smaller radix or fewer levels")
    return tuple(f"switch{level}.{i}" for level, count in enumerate(counts) if level for i in range(count))


def links(down: Sizes, up: Sizes, chips: int) -> Iterator[tuple[int, int]]:
    """Lower and upper vertex of every link; places behind the last chip are empty."""
    counts = _counts(down, up)
    low = 0
    for level, (below, above) in enumerate(zip(down, up, strict=True)):
        width = prod(up[:level])
        there = counts[level] if level else chips
        high = low + there
        for number in range(there):
            x, y = divmod(number, width)
            for c in range(above):
                yield low + number, high + x // below * (width * above) + y + width * c
        low = high


def strides(down: Sizes, up: Sizes, chips: int) -> list[int]:
    """By vertex, the host included: W of its level."""
    widths = accumulate(up, mul, initial=1)
    counts = [chips, *_counts(down, up)[1:]]
    return [width for width, count in zip(widths, counts, strict=True) for _ in range(count)] + [1]


def _counts(down: Sizes, up: Sizes) -> list[int]:
    """How many vertices each level has; places for chips first."""
    return [prod(down[level:]) * prod(up[:level]) for level in range(len(down) + 1)]
