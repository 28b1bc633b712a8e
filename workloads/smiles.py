"""A reader of SMILES, as far as small organic molecules need it: H, C, N, O and F in Kekule form.

    C=CC(=O)[NH3+]      atoms in order; a bond to the atom before; ( ) a branch; [ ] an atom with its own hydrogens
    C1CC1               equal digits (or %nn) close a ring; if both ends name an order, the larger one counts

Atoms outside of brackets are filled up with hydrogens to valence 4 (C), 3 (N), 2 (O), 1 (F). Aromatic are the bonds of
rings of six with three alternating double bonds, and of rings of five with two that share no atom and an N or O that
has none. The rule looks at the form as written: of two rings that share a bond, one may alternate, the other not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from ampsim.errors import UsageError

ELEMENTS = ("H", "C", "N", "O", "F")
HYDROGEN, CARBON, NITROGEN, OXYGEN, FLUORINE = range(5)
VALENCE = (1, 4, 3, 2, 1)
SINGLE, DOUBLE, TRIPLE, AROMATIC = range(4)
BONDS = ("single", "double", "triple", "aromatic")
LONGEST = 10_000  # characters
MOST_BONDS = 5  # counted by order: N(=O)=O has so many

_TOKEN = re.compile(r"\[[^\[\]]+\]|%\d\d|[CNOF]|[-=#()]|\d", re.ASCII)
_BRACKET = re.compile(r"\[\d{0,3}([HCNOF])@{0,2}(?:(H)(\d?))?(\++|-+|[+-]\d)?(?::\d+)?\]", re.ASCII)
_ORDER = {"-": 1, "=": 2, "#": 3}


class Molecule(NamedTuple):
    """``elements`` of all atoms by number, those that were filled in last; ``bonds`` (atom, atom, type), each once."""

    elements: list[int]
    bonds: list[tuple[int, int, int]]

    def formula(self) -> tuple[int, ...]:
        """Atoms of each element, in the order of ELEMENTS."""
        return tuple(self.elements.count(element) for element in range(len(ELEMENTS)))


def parse(smiles: str) -> Molecule:
    """The molecule that ``smiles`` describes. Raises UsageError that says where it cannot be read."""
    if len(smiles) > LONGEST:
        raise UsageError(f"a SMILES of {len(smiles)} characters is too long; at most {LONGEST}")
    reader = _Reader(smiles)
    for part, position in _parts(smiles):
        reader.take(part, position)
    elements, own, order = reader.end()
    bonds = [(a, b, count) for (a, b), count in order.items()]
    used = [0] * len(elements)
    for a, b, count in bonds:
        used[a] += count
        used[b] += count
    if max(used) > MOST_BONDS:
        atom = used.index(max(used))
        raise UsageError(
            f"atom {atom} of {smiles[:40]!r} has bonds of order {used[atom]} together; {MOST_BONDS} at most"
        )
    aromatic = rings(elements, order) if sum(count == DOUBLE + 1 for _, _, count in bonds) > 1 else set()
    typed = [(a, b, AROMATIC if (a, b) in aromatic else count - 1) for a, b, count in bonds]
    for atom in range(len(elements)):
        given = own[atom]
        free = max(0, VALENCE[elements[atom]] - used[atom]) if given is None else given
        for _ in range(free):
            typed.append((atom, len(elements), SINGLE))
            elements.append(HYDROGEN)
    return Molecule(elements, typed)


def _parts(smiles: str) -> Iterator[tuple[str, int]]:
    position = 0
    while position < len(smiles):
        found = _TOKEN.match(smiles, position)
        if found is None:
            raise _unreadable(
                smiles, position, "this cannot be read", "use C N O F, brackets, - = # ( ) and ring digits"
            )
        yield found.group(), position
        position = found.end()


class _Reader:
    """What is known between two tokens."""

    def __init__(self, smiles: str) -> None:
        self.smiles = smiles
        self.elements: list[int] = []
        self.own: list[int | None] = []  # hydrogens given in brackets
        self.orders: dict[tuple[int, int], int] = {}  # (smaller, larger) atom: 1, 2 or 3
        self.before: int | None = None
        self.order = 0  # of the next bond; 0: none was named
        self.branches: list[tuple[int, int]] = []  # atom, position of the bracket
        self.open: dict[str, tuple[int, int, int]] = {}  # ring: atom, order, position

    def take(self, part: str, position: int) -> None:
        if part in _ORDER:
            if self.order or self.before is None:
                raise self.unreadable(position, "a bond stands between two atoms, and once")
            self.order = _ORDER[part]
        elif part == "(":
            if self.before is None or self.order:
                raise self.unreadable(position, "a branch begins after an atom, its bond inside")
            self.branches.append((self.before, position))
        elif part == ")":
            if not self.branches or self.order:
                raise self.unreadable(position, "there is no branch that could end here")
            self.before, opened = self.branches.pop()
            if opened == position - 1:
                raise self.unreadable(position, "a branch holds at least one atom")
        elif part[0] == "%" or part.isdigit():
            self.ring(str(int(part.lstrip("%"))), position)
        else:
            self.atom(part, position)

    def atom(self, part: str, position: int) -> None:
        own: int | None = None
        if part[0] == "[":
            found = _BRACKET.fullmatch(part)
            if found is None:
                do = "an atom in brackets is [isotope? symbol @? hydrogens? charge?] with H, C, N, O or F"
                raise _unreadable(self.smiles, position, f"{part} is no atom", do)
            part, hydrogen, digits = found.group(1), found.group(2), found.group(3)
            own = int(digits or 1) if hydrogen else 0
        number = len(self.elements)
        self.elements.append(ELEMENTS.index(part))
        self.own.append(own)
        if self.before is not None:
            self.orders[self.before, number] = self.order or 1
        self.before, self.order = number, 0

    def ring(self, name: str, position: int) -> None:
        if self.before is None:
            raise self.unreadable(position, "a ring begins and ends at an atom")
        if name not in self.open:
            self.open[name] = (self.before, self.order, position)
        else:
            other, order, _ = self.open.pop(name)
            ends = (min(other, self.before), max(other, self.before))
            if other == self.before or ends in self.orders:
                raise self.unreadable(position, "this ring bond joins an atom with itself, or two that are joined")
            self.orders[ends] = max(order, self.order, 1)
        self.order = 0

    def end(self) -> tuple[list[int], list[int | None], dict[tuple[int, int], int]]:
        """Elements, hydrogens that were given, orders of the bonds."""
        if self.branches:
            raise self.unreadable(self.branches[-1][1], "this branch is not closed")
        for name, (_, _, position) in self.open.items():
            raise self.unreadable(position, f"ring {name} is not closed")
        if not self.elements or self.order:
            raise self.unreadable(len(self.smiles), "an atom is expected")
        return self.elements, self.own, self.orders

    def unreadable(self, position: int, what: str) -> UsageError:
        return _unreadable(self.smiles, position, what)


def _unreadable(smiles: str, position: int, what: str, do: str | None = None) -> UsageError:
    around = smiles[max(0, position - 20) : position + 20]
    return UsageError(f"{what}: character {position} of the SMILES, in {around!r}", f"character {position}", do)


def rings(elements: list[int], orders: dict[tuple[int, int], int]) -> set[tuple[int, int]]:
    """The aromatic bonds, as keys of ``orders``: found by walking along double and single bonds in turn."""
    single: dict[int, list[int]] = {}
    double: dict[int, list[int]] = {}
    for (a, b), order in orders.items():
        if order <= 2:
            links = single if order == 1 else double
            links.setdefault(a, []).append(b)
            links.setdefault(b, []).append(a)
    found: set[tuple[int, int]] = set()
    for first, seconds in double.items():
        for second in seconds:
            for path in _walk([first, second], single, double):
                for closing in single.get(path[-1], ()):
                    if closing == first and len(path) == 6:
                        found.update(_bonds(path))
                    elif len(path) == 4 and first in single[closing] and _lone(elements[closing], closing, double):
                        found.update(_bonds([*path, closing]))
    return found


def _lone(element: int, atom: int, double: dict[int, list[int]]) -> bool:
    """Whether an atom gives its free pair to a ring of five: an N or O without a double bond."""
    return element in (NITROGEN, OXYGEN) and atom not in double


def _walk(path: list[int], single: dict[int, list[int]], double: dict[int, list[int]]) -> Iterator[list[int]]:
    """Paths of two and of three double bonds with single bonds between that go on from ``path``."""
    for third in single.get(path[-1], ()):
        for fourth in double.get(third, ()):
            if third not in path and fourth not in path:
                longer = [*path, third, fourth]
                yield longer
                if len(longer) == 4:
                    yield from _walk(longer, single, double)


def _bonds(ring: list[int]) -> Iterator[tuple[int, int]]:
    for a, b in zip(ring, [*ring[1:], ring[0]], strict=True):
        yield min(a, b), max(a, b)
