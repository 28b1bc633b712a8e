"""What the objectives of a sweep come to at a point of its grid."""

from __future__ import annotations

from collections.abc import Mapping


def objectives(
    names: Mapping[str, str], scalars: Mapping[str, float | None], varied: Mapping[str, object]
) -> list[float | None]:
    """The objectives of one point, from its scalars or from what the grid says of it (``"10 GB/s"`` is 1e10)."""
    return [scalars[name] if name in scalars else number(varied.get(name)) for name in names]


def number(value: object) -> float | None:
    """A value of the grid as a number in base units; None for what is none."""
    from ampsim.errors import ConfigError
    from ampsim.hw.files.units import UNITS, parse

    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    for dimension in UNITS if isinstance(value, str) else ():
        try:
            return float(parse(str(value), dimension))
        except ConfigError:
            continue
    return None
