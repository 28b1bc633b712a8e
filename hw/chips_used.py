"""The chips of a run as its summary tells of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ampsim.hw.memory.store import Store
from ampsim.hw.system import System


def workers_of(chips: Sequence[int]) -> dict[int, list[int]]:
    """The workers of each chip in use, chips in order; ``chips[w]`` is the chip of worker w."""
    found: dict[int, list[int]] = {chip: [] for chip in sorted(set(chips))}
    for worker, chip in enumerate(chips):
        found[chip].append(worker)
    return found


def chips_used(system: System, chips: Sequence[int], stores: Mapping[int, Store]) -> list[dict[str, Any]]:
    """One entry a chip with a worker, in order: name, workers, format, and capacity and peak of its memory (bytes).

    Capacities are None where there is no limit; ``off_chip`` is 0 where there is
    no such level, or nothing may spill.
    """
    return [
        {
            "name": system.chip_names[chip],
            "workers": here,
            "format": system.chip_kinds[chip].format,
            "capacity": store.ledger.capacity,
            "peak": store.ledger.peak,
            "off_chip": store.ledger.off_chip,
            "off_chip_peak": store.ledger.off_peak,
        }
        for (chip, here), store in zip(workers_of(chips).items(), stores.values(), strict=True)
    ]
