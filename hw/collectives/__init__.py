"""Collectives over the network of a system: schedules of messages, and the time they take.

    from ampsim.hw import Network, load
    from ampsim.hw.collectives import Start, ring_all_reduce, run_collectives
    network = Network(load("fpga_ring_16"))
    run_collectives(network, [Start(0, ring_all_reduce(16, 2**20))]).times

A *schedule* (Collective) knows ranks and bytes and nothing of chips; ``run_collectives`` lets it meet a network. The
names below are imported when they are first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ampsim.hw.collectives.exchange import all_to_all
    from ampsim.hw.collectives.flow import Start
    from ampsim.hw.collectives.halving import (
        doubling_all_gather,
        halving_doubling_all_reduce,
        halving_reduce_scatter,
    )
    from ampsim.hw.collectives.ring import ring_all_gather, ring_all_reduce, ring_reduce_scatter
    from ampsim.hw.collectives.run import Finished, run_collectives
    from ampsim.hw.collectives.schedule import Collective, Round
    from ampsim.hw.collectives.tree import (
        star_all_reduce,
        star_broadcast,
        star_reduce,
        tree_all_reduce,
        tree_broadcast,
        tree_reduce,
    )

_HOMES = {
    "Collective": "schedule",
    "Finished": "run",
    "Round": "schedule",
    "Start": "flow",
    "all_to_all": "exchange",
    "doubling_all_gather": "halving",
    "halving_doubling_all_reduce": "halving",
    "halving_reduce_scatter": "halving",
    "ring_all_gather": "ring",
    "ring_all_reduce": "ring",
    "ring_reduce_scatter": "ring",
    "run_collectives": "run",
    "star_all_reduce": "tree",
    "star_broadcast": "tree",
    "star_reduce": "tree",
    "tree_all_reduce": "tree",
    "tree_broadcast": "tree",
    "tree_reduce": "tree",
}

__all__ = [
    "Collective",
    "Finished",
    "Round",
    "Start",
    "all_to_all",
    "doubling_all_gather",
    "halving_doubling_all_reduce",
    "halving_reduce_scatter",
    "ring_all_gather",
    "ring_all_reduce",
    "ring_reduce_scatter",
    "run_collectives",
    "star_all_reduce",
    "star_broadcast",
    "star_reduce",
    "tree_all_reduce",
    "tree_broadcast",
    "tree_reduce",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{home}"), name)
