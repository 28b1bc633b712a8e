r"""Dragonflies: groups of routers, all linked within a group, and one link between any two groups.

    chip --- router ===(all of the group)=== router --- chip
                \
                 \------ one link to each other group, shared out among the routers of the group

Group i has its link to group j on its router number ``((j - i - 1) mod groups) // h`` with h = (groups - 1) / routers,
rounded up (Kim et al., 2008; the links go round as in the palm tree arrangement).
"""

from __future__ import annotations

from collections.abc import Iterator

from ampsim.hw import schema
from ampsim.strict_yaml import PathError


def names(fly: schema.Dragonfly, most: int) -> tuple[str, ...]:
    """The routers, by group: ``router0.0``, ``router0.1``, .... Raises PathError if links exceed ``most``."""
    if fly.groups * (fly.routers * (fly.routers - 1) + fly.groups - 1) + fly.groups * fly.routers > most:
        raise PathError(f"the system has more than {most} links", ("topology",), "use fewer groups or routers")
    return tuple(f"router{group}.{i}" for group in range(fly.groups) for i in range(fly.routers))


def ways(fly: schema.Dragonfly, chips: int) -> Iterator[tuple[int, int, bool]]:
    """Source, target, and whether the link is between groups; places behind the last chip are empty."""
    for group in range(fly.groups):
        for mine in range(fly.routers):
            router = _router(fly, chips, group, mine)
            place = (group * fly.routers + mine) * fly.chips
            for chip in range(place, min(place + fly.chips, chips)):
                yield chip, router, False
                yield router, chip, False
            for other in range(fly.routers):
                if other != mine:
                    yield router, _router(fly, chips, group, other), False
            for far in range(group + 1, group + fly.groups):
                if _gate(fly, group, far) == mine:
                    far %= fly.groups
                    yield router, _router(fly, chips, far, _gate(fly, far, group)), True


def walk(fly: schema.Dragonfly, chips: int, source: int, target: int) -> list[int]:
    """The vertices between two chips: within the group, to the other group, within that one; no third group."""
    if source == target:
        return [source]
    (group, mine), (far, other) = (divmod(chip // fly.chips, fly.routers) for chip in (source, target))
    routers = [(group, mine), (far, other)]
    if group != far:
        routers[1:1] = [(group, _gate(fly, group, far)), (far, _gate(fly, far, group))]
    between = [_router(fly, chips, *router) for router in dict.fromkeys(routers)]
    return [source, *between, target]


def _gate(fly: schema.Dragonfly, group: int, far: int) -> int:
    """The router of ``group`` that has the link to group ``far``."""
    share = -(-(fly.groups - 1) // fly.routers)
    return ((far - group - 1) % fly.groups) // share


def _router(fly: schema.Dragonfly, chips: int, group: int, number: int) -> int:
    """The number of a vertex."""
    return chips + group * fly.routers + number
