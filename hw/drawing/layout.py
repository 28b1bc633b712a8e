"""Where the vertices of a system stand in a drawing: a place on the plane for each, by the shape of the topology."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import ceil, cos, pi, sin, sqrt, tau
from typing import TYPE_CHECKING

import numpy as np

from ampsim.hw import schema

if TYPE_CHECKING:
    from ampsim.hw.system import System

Point = tuple[float, float]
"""Right and down, in units of the distance between neighbours."""

_DEPTH = 0.56  # right and up, from a plane to the one behind it
_ROUNDS = 200  # of stress majorisation; enough for a thousand vertices


def places(system: System, drawn: Sequence[int]) -> dict[int, Point]:
    """A place for each of the ``drawn`` vertices: grids as grids, rings as circles, trees level by level.

    A grid of three dimensions is drawn as planes behind one another, one of four as several of those side by side.
    Explicit edges, and parts of other shapes, stand so that distances on the plane are those in links, as well as can
    be.
    """
    chips = len(system.fabric.chips)
    whole = len(drawn) == len(system.fabric.vertices) - (system.fabric.host not in drawn)
    match system.topology:
        case schema.Mesh(dims=dims) | schema.Torus(dims=dims) if whole and len(dims) > 1:
            return {v: _grid(v, dims) for v in drawn if v < chips} | _host(system, drawn)
        case schema.Line() | schema.Mesh() if whole:
            return {v: _snake(v, ceil(sqrt(chips))) for v in drawn if v < chips} | _host(system, drawn)
        case schema.Ring() | schema.Torus() | schema.Full() if whole:
            return _circle(range(chips)) | _host(system, drawn)
        case schema.Switch() if whole and system.fabric.host not in drawn:
            return _circle(range(chips)) | {chips: (0.0, 0.0)}
        case schema.FatTree() if whole and system.fabric.host not in drawn:
            return _levels(system)
        case schema.Dragonfly(groups=groups) if whole and system.fabric.host not in drawn:
            return _groups(system, groups)
    return _stress(system, drawn)


def _host(system: System, drawn: Iterable[int]) -> dict[int, Point]:
    """The host stands apart, if it is drawn."""
    return {system.fabric.host: (-1.5, -1.5)} if system.fabric.host in drawn else {}


def _grid(place: int, dims: tuple[int, ...]) -> Point:
    """The last dimension to the right, the one before it down, one more behind, and one more far to the right."""
    at = []
    for size in reversed(dims):
        at.append(place % size)
        place //= size
    right, down, behind, far = (*at, 0, 0)[:4]
    if len(dims) == 2:
        return float(right), float(down)
    apart = _DEPTH * dims[-3] + 0.3  # so that nothing behind hides what is in front
    width = apart * dims[-1] + _DEPTH * dims[-3] + 1
    return apart * right + _DEPTH * behind + width * far, apart * down - _DEPTH * behind


def _snake(place: int, width: int) -> Point:
    """Rows that go to and fro, so that the next is always near."""
    row, column = divmod(place, width)
    return float(width - 1 - column if row % 2 else column), float(row)


def _circle(vertices: Sequence[int], centre: Point = (0.0, 0.0), least: float = 1.2) -> dict[int, Point]:
    """Evenly around a circle, clockwise from the top, at least 1 apart."""
    count = len(vertices)
    radius = 0.0 if count == 1 else max(least, 1 / (2 * sin(pi / count)))
    angles = {vertex: tau * number / count - pi / 2 for number, vertex in enumerate(vertices)}
    return {v: (centre[0] + radius * cos(angle), centre[1] + radius * sin(angle)) for v, angle in angles.items()}


def _levels(system: System) -> dict[int, Point]:
    """Chips in a row at the bottom, each level of switches in a row above them."""
    fabric = system.fabric
    rows: dict[int, list[int]] = {0: list(range(len(fabric.chips)))}
    for vertex in range(len(fabric.chips), fabric.host):
        level = int(fabric.vertices[vertex].removeprefix("switch").partition(".")[0])
        rows.setdefault(level, []).append(vertex)
    width = max(len(row) for row in rows.values())
    rise = max(1.6, width / 10)
    return {
        vertex: (width * (number + 0.5) / len(row), -rise * level)
        for level, row in rows.items()
        for number, vertex in enumerate(row)
    }


def _groups(system: System, groups: int) -> dict[int, Point]:
    """Groups around a circle; the routers of a group on an arc of it, and their chips further out."""
    fabric = system.fabric
    routers = list(range(len(fabric.chips), fabric.host))
    each = len(routers) // groups
    below = {router: [arc.target for arc in fabric.out[router] if arc.target < len(fabric.chips)] for router in routers}
    slots = each * max(1, *(len(chips) for chips in below.values())) + 1  # one slot free between groups
    radius = max(1.5, groups * slots / tau)
    found: dict[int, Point] = {}
    for number, router in enumerate(routers):
        group, mine = divmod(number, each)
        wide = (slots - 1) / each
        start = group * slots + mine * wide
        found[router] = _polar(0.75 * radius, (start + wide / 2) / (groups * slots))
        for i, chip in enumerate(below[router]):
            found[chip] = _polar(radius + 0.2, (start + (i + 0.5) * wide / len(below[router])) / (groups * slots))
    return found


def _polar(radius: float, turn: float) -> Point:
    angle = tau * turn - pi / 2
    return radius * cos(angle), radius * sin(angle)


def _stress(system: System, drawn: Sequence[int]) -> dict[int, Point]:
    """Distances as in links, by stress majorisation (SMACOF: de Leeuw, 1977) from classical scaling."""
    import networkx

    fabric, count = system.fabric, len(drawn)
    graph: networkx.Graph[int] = networkx.Graph()
    graph.add_nodes_from(drawn)
    graph.add_edges_from((a.source, a.target) for v in drawn for a in fabric.out[v] if a.target in graph)
    wanted = np.full((count, count), float(count))
    order = {vertex: number for number, vertex in enumerate(drawn)}
    for source, found in networkx.all_pairs_shortest_path_length(graph):
        for target, distance in found.items():
            wanted[order[source], order[target]] = distance
    centred = np.eye(count) - 1 / count
    values, vectors = np.linalg.eigh(-0.5 * centred @ wanted**2 @ centred)
    at = vectors[:, -2:] * np.sqrt(np.maximum(values[-2:], 0.0)) + 0.01 * np.array(list(_circle(drawn).values()))
    for _ in range(_ROUNDS):
        distances = np.linalg.norm(at[:, None] - at[None], axis=2)
        ratio = np.divide(wanted, distances, out=np.zeros_like(wanted), where=distances > 0)
        bend = -ratio
        np.fill_diagonal(bend, ratio.sum(axis=1) - ratio.diagonal())
        at = bend @ at / count
    return {vertex: (float(x), float(y)) for vertex, (x, y) in zip(drawn, 1.4 * at, strict=True)}
