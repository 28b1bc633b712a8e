"""Molecules drawn at random, with the sizes, elements, bonds and rings of QM9, and a made-up dipole norm.

    grow     a ring of 5 or 6 aromatic atoms, or one atom; then atom after atom by a single bond to an open one
    raise    some bonds to triple, some to double, where both ends have free valences
    close    0 to 5 rings by a bond between two open atoms that have none
    fill     with hydrogens; more than 29 atoms: drawn again

The target follows from charges and distances along bonds: q(u) = sum over bonds of order * difference of
electronegativity, and sqrt(-1/2 sum of q(u) q(v) d(u, v)), the dipole norm of a Gaussian chain. It belongs to the
molecule as a whole, so it takes several steps to be read off. Geometry is lost: its errors say nothing about chemistry.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ampsim.workloads.graphs import Drawn, starts
from ampsim.workloads.qm9 import as_graphs
from ampsim.workloads.smiles import AROMATIC, CARBON, HYDROGEN, NITROGEN, SINGLE, VALENCE, Molecule

MOST_ATOMS = 29
HEAVY = np.cumsum([0.0004, 0.001, 0.0046, 0.024, 0.137, 0.833])  # 4 to 9 heavy atoms
AROMATIC_START = 0.17  # from six heavy atoms on
FIRST = (0.8, 0.1, 0.1, 0.0)  # C N O F
GROWN = (0.722, 0.116, 0.159, 0.003)
ONLY_OPEN = (0.85, 0.08, 0.07, 0.0)  # growth must go on
IN_RING = (0.75, 0.25, 0.0, 0.0)
TRIPLE, DOUBLE = 0.20, 0.33
RINGS = np.cumsum([0.10, 0.38, 0.28, 0.16, 0.05, 0.03])  # 0 to 5 bonds that close a ring
ELECTRONEGATIVITY = np.array([2.20, 2.55, 3.04, 3.44, 3.98])  # Pauling: H C N O F
ORDER = np.array([1.0, 2.0, 3.0, 1.5])  # of each type of bond
MEAN, SD = 2.0, 0.46  # of the made-up norm before it is scaled
AT_ONCE = 1024  # molecules whose distances are worked out together


def draw(molecules: int, generator: np.random.Generator) -> Drawn:
    """``molecules`` graphs as :func:`ampsim.workloads.qm9.read` gives them; answers as :func:`norms` gives them."""
    found = [molecule(generator) for _ in range(molecules)]
    graphs = as_graphs(found, np.zeros(molecules))
    norm = [norms(graphs.take(np.arange(n, min(n + AT_ONCE, molecules)))) for n in range(0, molecules, AT_ONCE)]
    graphs.answers[:] = np.concatenate(norm)
    return graphs


def molecule(generator: np.random.Generator) -> Molecule:
    """One molecule with hydrogens, 29 atoms at most."""
    while True:
        growing = _Growing(generator)
        if growing.grow():
            growing.raise_bonds()
            growing.close_rings()
            if len(growing.elements) + sum(growing.free) <= MOST_ATOMS:
                return growing.filled()


class _Growing:
    """A molecule without its hydrogens; ``free`` valences of each atom."""

    def __init__(self, generator: np.random.Generator) -> None:
        self.random = generator.random
        self.elements: list[int] = []
        self.free: list[int] = []
        self.bonds: dict[tuple[int, int], int] = {}  # type of the bond between two atoms, the smaller first

    def one_of(self, things: list[int]) -> int:
        return things[int(self.random() * len(things))]

    def element(self, shares: tuple[float, ...]) -> int:
        at = self.random()
        for number, share in enumerate(shares):
            at -= share
            if at < 0:
                return CARBON + number
        return CARBON

    def atom(self, element: int, used: int) -> None:
        self.elements.append(element)
        self.free.append(VALENCE[element] - used)

    def open(self) -> list[int]:
        return [atom for atom, free in enumerate(self.free) if free > 0]

    def grow(self) -> bool:
        """All heavy atoms; False if a ring came out that nothing can be attached to."""
        heavy = 4 + int(np.searchsorted(HEAVY, self.random() * HEAVY[-1], side="right"))
        if heavy >= 6 and self.random() < AROMATIC_START:
            self.ring(6 if self.random() < 0.5 else 5)
        else:
            self.atom(self.element(FIRST), 0)
        while len(self.elements) < heavy:
            choices = self.open()
            if not choices:
                return False
            other, number = self.one_of(choices), len(self.elements)
            only = len(choices) == 1 and self.free[other] == 1 and number + 1 < heavy
            self.atom(self.element(ONLY_OPEN if only else GROWN), 1)
            self.free[other] -= 1
            self.bonds[other, number] = SINGLE
        return True

    def ring(self, size: int) -> None:
        """Aromatic: each atom has a double bond, but the first of five, an N with two single ones."""
        for number in range(size):
            lone = size == 5 and number == 0
            self.atom(NITROGEN if lone else self.element(IN_RING), 2 if lone else 3)
            self.bonds[number, number + 1] = AROMATIC
        del self.bonds[size - 1, size]
        self.bonds[0, size - 1] = AROMATIC

    def raise_bonds(self) -> None:
        for (a, b), kind in self.bonds.items():
            room = 0 if kind == AROMATIC else min(self.free[a], self.free[b])
            at = self.random()
            more = 2 if room >= 2 and at < TRIPLE else int(room >= 1 and at < DOUBLE)
            self.bonds[a, b] += more
            self.free[a] -= more
            self.free[b] -= more

    def close_rings(self) -> None:
        for _ in range(int(np.searchsorted(RINGS, self.random() * RINGS[-1], side="right"))):
            choices = self.open()
            pairs = [(a, b) for a in choices for b in choices if a < b and (a, b) not in self.bonds]
            if not pairs:
                return
            a, b = pairs[int(self.random() * len(pairs))]
            self.bonds[a, b] = SINGLE
            self.free[a] -= 1
            self.free[b] -= 1

    def filled(self) -> Molecule:
        elements, bonds = list(self.elements), [(a, b, kind) for (a, b), kind in self.bonds.items()]
        for atom, free in enumerate(self.free):
            for _ in range(free):
                bonds.append((atom, len(elements), SINGLE))
                elements.append(HYDROGEN)
        return Molecule(elements, bonds)


def norms(graphs: Drawn) -> NDArray[np.float64]:
    """The made-up dipole norm of each molecule, (n,), before scaling."""
    count, width = len(graphs), int(graphs.sizes.max())
    graph = np.repeat(np.arange(count), graphs.sizes)
    place = np.arange(len(graph)) - starts(graphs.sizes)[graph]
    edge = np.repeat(np.arange(count), graphs.degrees)
    pull = np.zeros((count, width))
    pull[graph, place] = ELECTRONEGATIVITY[graphs.nodes]
    # Each bond is two edges, so every atom gets its side of the difference.
    charge = np.zeros((count, width))
    difference = pull[edge, graphs.target] - pull[edge, graphs.source]
    np.add.at(charge, (edge, graphs.target), ORDER[graphs.kinds] * difference)
    away = distances(count, width, edge, graphs.source, graphs.target)
    found: NDArray[np.float64] = np.sqrt(np.maximum(0.0, -0.5 * np.einsum("gu,guv,gv->g", charge, away, charge)))
    return found


def distances(
    count: int, width: int, edge: NDArray[np.int64], source: NDArray[np.int64], target: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Bonds between any two atoms of each molecule, (count, width, width); ``width`` where there is no way."""
    away = np.full((count, width, width), width, np.float32)
    away[:, np.arange(width), np.arange(width)] = 0
    away[edge, source, target] = 1
    for through in range(width):  # Floyd and Warshall
        np.minimum(away, away[:, :, through, None] + away[:, None, through, :], out=away)
    return away
