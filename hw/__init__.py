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
    from ampsim.hw.collectives.exchange import all_to_all
    from ampsim.hw.collectives.flow import Start
    from ampsim.hw.collectives.halving import halving_doubling_all_reduce
    from ampsim.hw.collectives.ring import ring_all_gather, ring_all_reduce, ring_reduce_scatter
    from ampsim.hw.collectives.run import run_collectives
    from ampsim.hw.collectives.schedule import Collective
    from ampsim.hw.collectives.tree import tree_all_reduce
    from ampsim.hw.cost import ChipCost, chip_time
    from ampsim.hw.files.shipped import catalogue, load
    from ampsim.hw.lists import Step, Timed, run_lists
    from ampsim.hw.memory.account import Ledger
    from ampsim.hw.memory.pre_flight import preflight, preflight_table
    from ampsim.hw.memory.residents import Share, check_static
    from ampsim.hw.network.messages import Network, Transfer
    from ampsim.hw.network.transport import Transport
    from ampsim.hw.system import System

_HOMES = {
    "ChipCost": "cost",
    "Collective": "collectives",
    "Ledger": "memory.account",
    "Network": "network.messages",
    "Share": "memory.residents",
    "Start": "collectives",
    "Step": "lists",
    "System": "system",
    "Timed": "lists",
    "Transfer": "network.messages",
    "Transport": "network.transport",
    "all_to_all": "collectives",
    "catalogue": "files.shipped",
    "check_static": "memory.residents",
    "chip_time": "cost",
    "halving_doubling_all_reduce": "collectives",
    "load": "files.shipped",
    "ring_all_gather": "collectives",
    "ring_all_reduce": "collectives",
    "ring_reduce_scatter": "collectives",
    "run_collectives": "collectives",
    "run_lists": "lists",
    "preflight": "memory.pre_flight",
    "preflight_table": "memory.pre_flight",
    "to_fs": "clock",
    "to_seconds": "clock",
    "tree_all_reduce": "collectives",
}

__all__ = [
    "ChipCost",
    "Collective",
    "Ledger",
    "Network",
    "Share",
    "Start",
    "Step",
    "System",
    "Timed",
    "Transfer",
    "Transport",
    "all_to_all",
    "catalogue",
    "check_static",
    "chip_time",
    "halving_doubling_all_reduce",
    "load",
    "preflight",
    "preflight_table",
    "ring_all_gather",
    "ring_all_reduce",
    "ring_reduce_scatter",
    "run_collectives",
    "run_lists",
    "to_fs",
    "to_seconds",
    "tree_all_reduce",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{home}"), name)
