"""How much a piece of arithmetic asks of a chip, independent of any chip."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class Work(NamedTuple):
    """Matrix products ``(m, k, n)`` (2mkn FLOP each), elementwise FLOP, bytes read and bytes written.

    Products keep their shapes because the rate a chip reaches depends on them, not only on their FLOP count.
    """

    products: tuple[tuple[int, int, int], ...] = ()
    vector: float = 0.0
    read: int = 0
    written: int = 0

    @property
    def matmul(self) -> float:
        """FLOP in matrix products."""
        return float(sum(2 * m * k * n for m, k, n in self.products))


def total(parts: Iterable[Work]) -> Work:
    """The sum of several pieces of work done one after the other."""
    products: list[tuple[int, int, int]] = []
    vector, read, written = 0.0, 0, 0
    for part in parts:
        products.extend(part.products)
        vector += part.vector
        read += part.read
        written += part.written
    return Work(tuple(products), vector, read, written)
