"""What a System has to offer, by name, and the same System with some of it faster.

A *resource* is all quantities of one name: ``chip.matmul`` the rate of products of every chip in every format,
``link.bandwidth`` that of all links. The name of a part stands for the whole part: ``chip`` for all that chips do,
``link`` for bandwidth and latency together, ``all`` for everything. The quantities are found by the units in the
schema, so a field that is new there is a resource without a word here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ampsim.errors import ConfigError, UsageError
from ampsim.hw import System
from ampsim.hw.files import quantity
from ampsim.hw.files.units import BANDWIDTH, BYTES, RATE, TIME
from ampsim.strict_yaml import Steps

EVERYTHING = "all"
MOST = 1e9
"""The largest factor, and the inverse of the smallest."""

_PARTS = {"chips": "chip", "links": "link", "topology": "link"}
# Fields that say the same of a part of what the other field says.
_SAME = {
    "chip.formats.matmul": "chip.matmul",
    "chip.formats.vector": "chip.vector",
    "chip.measured.seconds": "chip.measured",
    "chip.measured.message": "chip.measured",
    "chip.measured.cold": "chip.measured",
    "link.back": "link.bandwidth",
    "link.backward": "link.bandwidth",
}


def resources(system: System) -> list[str]:
    """The resources of ``system`` whose speed can matter, in the order of the schema.

    Left out is what is free already (no latency, unlimited bandwidth), and capacity where a full memory ends the run.
    """
    found: dict[str, bool] = {}

    def look(value: Any, dimension: str, steps: Steps) -> Any:
        name = _name(steps)
        counts = dimension != BYTES or system.overflow != "refuse"
        if name and counts and _faster(value, dimension, 2.0) != value:
            found[name] = True
        return value

    quantity.rewrite(system.to_dict(), System, look)
    return list(found)


def speed_up(system: System, factors: Mapping[str, float]) -> System:
    """``system`` with each named resource so many times as fast.

    Rates, bandwidths and capacities are multiplied, times divided; factors of names that overlap are multiplied with
    one another. A part (``chip``, ``link``, ``host``, ``all``) means what takes time in it, not its capacities. Raises
    UsageError for a name that the system does not have, a factor that is not a number between 1e-9 and 1e9, and a
    result outside the bounds of the schema.
    """
    for name, factor in factors.items():
        if not (math.isfinite(factor) and 1 / MOST <= factor <= MOST):
            raise UsageError(f"{factor!r} is no factor", name, "give a number such as 2 or 0.5")
    known: dict[str, bool] = {}

    def change(value: Any, dimension: str, steps: Steps) -> Any:
        name = _name(steps)
        if name is None or dimension not in (BANDWIDTH, BYTES, RATE, TIME):
            return value
        known[name] = True
        factor = 1.0
        for given, amount in factors.items():
            if given == name or (dimension != BYTES and (given == EVERYTHING or name.startswith(f"{given}."))):
                factor *= amount
        return _faster(value, dimension, factor)

    values = quantity.rewrite(system.to_dict(), System, change)
    for name in factors:
        if name != EVERYTHING and name not in known and not any(other.startswith(f"{name}.") for other in known):
            what = f"system {system.name} has no resource {name!r}"
            raise UsageError(what, name, f"one of: {', '.join([*known, EVERYTHING])}, or the first word of some")
    try:
        return System.from_dict(values)
    except ConfigError as error:
        raise UsageError(f"so fast a system is refused: {error.what}", error.where, "take a smaller factor") from error


def _faster(value: Any, dimension: str, factor: float) -> Any:
    if dimension == TIME:
        return value / factor
    if dimension in (RATE, BANDWIDTH):
        return value * factor
    if dimension == BYTES:
        return max(round(value * factor), 1)
    return value


def _name(steps: Steps) -> str | None:
    """``("chips", 0, "formats", "bf16", "matmul")`` as ``chip.matmul``; None for what is no resource."""
    if len(steps) < 2 or not isinstance(steps[0], str):
        return None
    part = _PARTS.get(steps[0], steps[0])
    words = [step for step in steps[1:] if isinstance(step, str)]
    if words[0] in ("edges", "measured", "formats", "kernels") and len(words) > 1:
        # Of edges the last word is the field; of a dictionary the word between is a key.
        words = [words[-1]] if words[0] == "edges" else [words[0], words[-1]]
    name = ".".join([part, *words])
    return _SAME.get(name, name)
