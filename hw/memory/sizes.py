"""Bytes and tables of them as text."""

from __future__ import annotations

from collections.abc import Sequence

from ampsim.hw.files import units


def show(nbytes: int) -> str:
    """Bytes for a reader: exact if that is short, else with four digits."""
    exact = f"{nbytes} B" if nbytes < 10_000 else units.format(nbytes, units.BYTES)
    if len(exact) <= 10:
        return exact
    size, unit = float(nbytes), 0
    while size >= 1024 and unit < 6:
        size, unit = size / 1024, unit + 1
    return f"{size:.4g} {['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'][unit]}"


def lines(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A table as lines of text: the first column to the left, the others to the right."""
    widths = [max(len(row[i]) for row in (heads, *rows)) for i in range(len(heads))]
    found = []
    for row in (heads, *rows):
        cells = (
            cell.ljust(w) if i == 0 else cell.rjust(w) for i, (cell, w) in enumerate(zip(row, widths, strict=True))
        )
        found.append("  " + "  ".join(cells))
    return found
