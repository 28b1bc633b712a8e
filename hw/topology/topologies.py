"""The shapes that have a name: which vertices they add to the chips, and between which vertices there are links.

What is said of one direction is *forward*: upwards along a dimension of a grid, from a chip towards the switches, and
from the lower number to the higher one elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import NamedTuple

from ampsim.hw import schema
from ampsim.hw.topology import dragonfly, fat_tree, grid
from ampsim.strict_yaml import PathError

MAX_LINKS = 100_000
SWITCH = "switch"


class Way(NamedTuple):
    """A direction of a link; ``remote``: between two groups of a dragonfly."""

    source: int
    target: int
    forward: bool = True
    remote: bool = False


def others(topology: schema.Topology) -> tuple[str, ...]:
    """The names of the vertices that are no chips. Raises PathError for a fat tree of impossible sizes."""
    match topology:
        case schema.Edges():
            return topology.vertices
        case schema.Switch():
            return (SWITCH,)
        case schema.FatTree():
            return fat_tree.names(*fat_tree.sizes(topology), MAX_LINKS)
        case schema.Dragonfly():
            return dragonfly.names(topology, MAX_LINKS)
        case schema.GraphFile():
            raise PathError(
                "the graph has not been read", ("topology", "path"), "use System.from_yaml or from_networkx"
            )
    return ()


def check(topology: schema.Topology, chips: int) -> None:
    """Raises PathError if so many chips have no place, or there would be too many links; before any is built."""
    places = chips
    ways = 2
    match topology:
        case schema.Mesh() | schema.Torus():
            places, ways = prod(topology.dims), 2 * len(topology.dims)
            if places != chips:
                shape = " x ".join(map(str, topology.dims))
                what = f"a grid of {shape} has {places} places, and there are {chips} chips"
                raise PathError(what, ("topology", "dims"), "make the product of dims equal to the number of chips")
        case schema.Full():
            ways = chips - 1
        case schema.FatTree():
            down, up = fat_tree.sizes(topology)
            places, ways = prod(down), 2 * up[0]
        case schema.Dragonfly():
            places = topology.groups * topology.routers * topology.chips
    if places < chips:
        what = f"this {topology.__struct_config__.tag} has {places} places, and there are {chips} chips"
        raise PathError(what, ("topology",), "make it larger, or use fewer chips")
    if chips * (ways + 2) > MAX_LINKS:  # the host adds two a chip
        raise PathError(f"the system has more than {MAX_LINKS} links", ("topology",), "use fewer chips or a switch")


def ways(topology: schema.Topology, chips: int) -> Iterator[Way]:
    """Both directions of every link, in the order in which routes prefer them; none for explicit edges."""
    match topology:
        case schema.Mesh() | schema.Torus():
            yield from _grid(topology.dims, isinstance(topology, schema.Torus))
        case schema.Line() | schema.Ring():
            yield from _grid((chips,), isinstance(topology, schema.Ring))
        case schema.Switch():
            for chip in range(chips):
                yield Way(chip, chips)
                yield Way(chips, chip, False)
        case schema.Full():
            yield from (Way(a, b, a < b) for a in range(chips) for b in range(chips) if a != b)
        case schema.FatTree():
            for low, high in fat_tree.links(*fat_tree.sizes(topology), chips):
                yield Way(low, high)
                yield Way(high, low, False)
        case schema.Dragonfly():
            for source, target, remote in dragonfly.ways(topology, chips):
                yield Way(source, target, source < target, remote)


def strides(topology: schema.Topology, chips: int) -> list[int]:
    """By vertex: of n equally good next links, that to target t is number ``t // stride mod n``; empty: the first."""
    return fat_tree.strides(*fat_tree.sizes(topology), chips) if isinstance(topology, schema.FatTree) else []


def walk(topology: schema.Topology, chips: int, source: int, target: int) -> list[int]:
    """The vertices between two chips, dimension by dimension. Raises PathError where there are no dimensions."""
    match topology:
        case schema.Mesh() | schema.Torus():
            return grid.walk(topology.dims, isinstance(topology, schema.Torus), source, target)
        case schema.Line() | schema.Ring():
            return grid.walk((chips,), isinstance(topology, schema.Ring), source, target)
        case schema.Dragonfly():
            return dragonfly.walk(topology, chips, source, target)
    what = f"a topology of kind {topology.__struct_config__.tag} has no dimensions"
    raise PathError(what, ("routing",), "use routing: shortest")


def _grid(dims: tuple[int, ...], closed: bool) -> Iterator[Way]:
    return (Way(*way) for way in grid.ways(dims, closed))
