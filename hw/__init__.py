"""Hardware that need not exist: systems from YAML, what a task costs on a chip, links that are shared, memory.

    from ampsim.hw import load
    system = load("fpga_ring_16")

The names below are imported when they are first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ampsim.hw.clock import to_fs, to_seconds
    from ampsim.hw.cost import ChipCost, chip_time
    from ampsim.hw.memory import Ledger, Share, check_static
    from ampsim.hw.network import Network, Transfer
    from ampsim.hw.shipped import catalogue, load
    from ampsim.hw.system import System
    from ampsim.hw.transport import Transport

_HOMES = {
    "ChipCost": "cost",
    "Ledger": "memory",
    "Network": "network",
    "Share": "memory",
    "System": "system",
    "Transfer": "network",
    "Transport": "transport",
    "catalogue": "shipped",
    "check_static": "memory",
    "chip_time": "cost",
    "load": "shipped",
    "to_fs": "clock",
    "to_seconds": "clock",
}

__all__ = [
    "ChipCost",
    "Ledger",
    "Network",
    "Share",
    "System",
    "Transfer",
    "Transport",
    "catalogue",
    "check_static",
    "chip_time",
    "load",
    "to_fs",
    "to_seconds",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{home}"), name)
