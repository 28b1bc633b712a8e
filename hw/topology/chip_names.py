"""What chips are called."""

from __future__ import annotations

from collections.abc import Iterable


def chip_names(groups: Iterable[tuple[str, int]]) -> tuple[str, ...]:
    """``prefix0``, ``prefix1``, ... over groups of (prefix, count); groups of equal prefix share one numbering."""
    names: list[str] = []
    used: dict[str, int] = {}
    for prefix, count in groups:
        first = used.get(prefix, 0)
        names.extend(f"{prefix}{first + i}" for i in range(count))
        used[prefix] = first + count
    return tuple(names)
