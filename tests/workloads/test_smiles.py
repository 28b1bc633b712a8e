"""SMILES by hand: formulas, bonds, rings and aromatic bonds that anyone can check, and texts that are no SMILES."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise, permutations
from typing import Any

import networkx as nx
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ampsim.errors import UsageError
from ampsim.workloads.random_molecules import molecule
from ampsim.workloads.smiles import (
    AROMATIC,
    DOUBLE,
    HYDROGEN,
    LONGEST,
    NITROGEN,
    OXYGEN,
    SINGLE,
    TRIPLE,
    VALENCE,
    Molecule,
    parse,
)

# Name, SMILES, atoms of H C N O F, and bonds by type: single (those to hydrogen too), double, triple, aromatic.
MOLECULES = [
    ("methane", "C", (4, 1, 0, 0, 0), (4, 0, 0, 0)),
    ("ammonia", "N", (3, 0, 1, 0, 0), (3, 0, 0, 0)),
    ("water", "O", (2, 0, 0, 1, 0), (2, 0, 0, 0)),
    ("hydrogen fluoride", "F", (1, 0, 0, 0, 1), (1, 0, 0, 0)),
    ("hydrogen", "[H][H]", (2, 0, 0, 0, 0), (1, 0, 0, 0)),
    ("a proton", "[H+]", (1, 0, 0, 0, 0), (0, 0, 0, 0)),
    ("ethane", "CC", (6, 2, 0, 0, 0), (7, 0, 0, 0)),
    ("ethane, its bond named", "C-C", (6, 2, 0, 0, 0), (7, 0, 0, 0)),
    ("ethene", "C=C", (4, 2, 0, 0, 0), (4, 1, 0, 0)),
    ("hydrogen cyanide", "C#N", (1, 1, 1, 0, 0), (1, 0, 1, 0)),
    ("carbon dioxide", "O=C=O", (0, 1, 0, 2, 0), (0, 2, 0, 0)),
    ("tetrafluoromethane", "FC(F)(F)F", (0, 1, 0, 0, 4), (4, 0, 0, 0)),
    ("acetic acid", "CC(=O)O", (4, 2, 0, 2, 0), (6, 1, 0, 0)),
    ("isobutane", "CC(C)C", (10, 4, 0, 0, 0), (13, 0, 0, 0)),
    ("branches in branches", "CC(C(C)C)(C(C)C)C", (20, 9, 0, 0, 0), (28, 0, 0, 0)),
    ("cyclopropane", "C1CC1", (6, 3, 0, 0, 0), (9, 0, 0, 0)),
    ("cyclopropene, order at the opening", "C=1CC1", (4, 3, 0, 0, 0), (6, 1, 0, 0)),
    ("cyclopropene, order at the close", "C1CC=1", (4, 3, 0, 0, 0), (6, 1, 0, 0)),
    ("the larger order counts", "C=1CC-1", (4, 3, 0, 0, 0), (6, 1, 0, 0)),
    ("ring of number 10", "C%10CC%10", (6, 3, 0, 0, 0), (9, 0, 0, 0)),
    ("ring 1 opened as %01", "C%01CC1", (6, 3, 0, 0, 0), (9, 0, 0, 0)),
    ("a number used again", "C1CC1C1CC1", (10, 6, 0, 0, 0), (17, 0, 0, 0)),
    ("spiropentane", "C12(CC1)CC2", (8, 5, 0, 0, 0), (14, 0, 0, 0)),
    ("cubane", "C12C3C4C1C5C4C3C25", (8, 8, 0, 0, 0), (20, 0, 0, 0)),
    ("benzene", "C1=CC=CC=C1", (6, 6, 0, 0, 0), (6, 0, 0, 6)),
    ("benzene, the other way", "C=1C=CC=CC=1", (6, 6, 0, 0, 0), (6, 0, 0, 6)),
    ("cyclohexadiene", "C1C=CC=CC1", (8, 6, 0, 0, 0), (12, 2, 0, 0)),
    ("hexatriene", "C=CC=CC=C", (8, 6, 0, 0, 0), (10, 3, 0, 0)),
    ("pyridine", "C1=CC=NC=C1", (5, 5, 1, 0, 0), (5, 0, 0, 6)),
    ("toluene", "CC1=CC=CC=C1", (8, 7, 0, 0, 0), (9, 0, 0, 6)),
    ("pyrrole", "N1C=CC=C1", (5, 4, 1, 0, 0), (5, 0, 0, 5)),
    ("furan", "O1C=CC=C1", (4, 4, 0, 1, 0), (4, 0, 0, 5)),
    ("imidazole", "N1C=CN=C1", (4, 3, 2, 0, 0), (4, 0, 0, 5)),
    ("tetrazole", "N1N=NN=C1", (2, 1, 4, 0, 0), (2, 0, 0, 5)),
    ("cyclopentadiene", "C1C=CC=C1", (6, 5, 0, 0, 0), (9, 2, 0, 0)),
    ("cyclobutadiene", "C1=CC=C1", (4, 4, 0, 0, 0), (6, 2, 0, 0)),
    ("cyclooctatetraene", "C1=CC=CC=CC=C1", (8, 8, 0, 0, 0), (12, 4, 0, 0)),
    ("para-quinone", "O=C1C=CC(=O)C=C1", (4, 6, 0, 2, 0), (8, 4, 0, 0)),
    ("naphthalene, both rings alternate", "C1=CC2=C(C=C1)C=CC=C2", (8, 10, 0, 0, 0), (8, 0, 0, 11)),
    ("naphthalene, one ring alternates", "C1=CC2=CC=CC=C2C=C1", (8, 10, 0, 0, 0), (11, 2, 0, 6)),
    ("indole, both rings alternate", "C1=CC2=C(C=C1)NC=C2", (7, 8, 1, 0, 0), (7, 0, 0, 10)),
    ("indole, one ring alternates", "C1=CC=C2C(=C1)NC=C2", (7, 8, 1, 0, 0), (10, 1, 0, 6)),
    ("caffeine", "CN1C=NC2=C1C(=O)N(C)C(=O)N2C", (10, 8, 4, 2, 0), (18, 2, 0, 5)),
    ("ammonium", "[NH4+]", (4, 0, 1, 0, 0), (4, 0, 0, 0)),
    ("hydroxide", "[OH-]", (1, 0, 0, 1, 0), (1, 0, 0, 0)),
    ("glycine as a zwitterion", "[NH3+]CC([O-])=O", (5, 2, 1, 2, 0), (8, 1, 0, 0)),
    ("nitromethane", "C[N+](=O)[O-]", (3, 1, 1, 2, 0), (5, 1, 0, 0)),
    ("nitromethane without charges", "CN(=O)=O", (3, 1, 1, 2, 0), (4, 2, 0, 0)),
    ("isotope, chirality, class", "[13CH3][C@@H](F)[C@H:2]", (5, 3, 0, 0, 1), (8, 0, 0, 0)),
    ("charges of two kinds", "[C-2][N++]", (0, 1, 1, 0, 0), (1, 0, 0, 0)),
    ("deuterium", "[2H]O[2H]", (2, 0, 0, 1, 0), (2, 0, 0, 0)),
]


@pytest.mark.parametrize("smiles, atoms, bonds", [row[1:] for row in MOLECULES], ids=[row[0] for row in MOLECULES])
def test_molecules(smiles: str, atoms: tuple[int, ...], bonds: tuple[int, ...]) -> None:
    found = parse(smiles)
    assert found.formula() == atoms
    assert tuple(sum(kind == k for _, _, kind in found.bonds) for k in range(4)) == bonds
    assert len({frozenset(bond[:2]) for bond in found.bonds}) == len(found.bonds)


def test_atoms_are_in_the_order_of_the_text_and_hydrogens_follow_them() -> None:
    assert parse("OC=N") == Molecule([3, 1, 2, 0, 0, 0], [(0, 1, 0), (1, 2, 1), (0, 3, 0), (1, 4, 0), (2, 5, 0)])


def test_a_branch_goes_on_from_where_it_left() -> None:
    heavy = [(a, b) for a, b, _ in parse("C(N(O)F)(O)C").bonds if b < 6]
    assert heavy == [(0, 1), (1, 2), (1, 3), (0, 4), (0, 5)]


HOSTILE = [
    ("", "an atom is expected: character 0"),
    ("C=", "an atom is expected: character 2"),
    ("=C", "a bond stands between two atoms, and once: character 0"),
    ("C==C", "a bond stands between two atoms, and once: character 2"),
    ("C1CC", "ring 1 is not closed: character 1"),
    ("C%12CC%1", "this cannot be read: character 6"),
    ("C11", "joins an atom with itself"),
    ("C1C1", "or two that are joined"),
    ("C12CC12", "or two that are joined: character 6"),
    ("1CC1", "a ring begins and ends at an atom: character 0"),
    ("C(C", "this branch is not closed: character 1"),
    ("C)C", "no branch that could end here: character 1"),
    ("(C)C", "a branch begins after an atom"),
    ("C=(C)C", "a branch begins after an atom, its bond inside: character 2"),
    ("C()C", "a branch holds at least one atom: character 2"),
    ("C(=)C", "no branch that could end here: character 3"),
    ("c1ccccc1", "this cannot be read: character 0"),
    ("CCl", "this cannot be read: character 2"),
    ("C.C", "this cannot be read: character 1"),
    ("C/C=C/C", "this cannot be read: character 1"),
    ("C C", "this cannot be read: character 1"),
    ("C\n", "this cannot be read: character 1"),
    ("[Fe]", r"\[Fe\] is no atom: character 0"),
    ("[CH", "this cannot be read: character 0"),
    ("[]", "this cannot be read: character 0"),
    ("[[C]]", "this cannot be read: character 0"),
    ("C[CH4+++-]", r"\[CH4\+\+\+-\] is no atom: character 1"),
    ("[nH]", r"\[nH\] is no atom"),
    ("C(=C)(=C)=C", "atom 0 of .* has bonds of order 6"),
    ("C\N{ARABIC-INDIC DIGIT ONE}CC\N{ARABIC-INDIC DIGIT ONE}", "this cannot be read: character 1"),
    ("C" * (LONGEST + 1), "is too long"),
]


@pytest.mark.parametrize("smiles, message", HOSTILE, ids=[row[0][:12] for row in HOSTILE])
def test_what_cannot_be_read_is_told_with_its_place(smiles: str, message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        parse(smiles)
    assert len(str(caught.value)) < 500


@given(st.text(alphabet="CNOF()[]=#-123%H+0@", max_size=30))
@example("C(" * 2000 + "C" + ")" * 2000)
@example("C" * LONGEST)
@example("C%99CC%99" * 500)
def test_any_text_is_a_molecule_or_an_error(smiles: str) -> None:
    try:
        found = parse(smiles)
    except UsageError:
        return
    atoms = len(found.elements)
    assert all(0 <= a < atoms and 0 <= b < atoms and a != b and 0 <= kind < 4 for a, b, kind in found.bonds)
    assert len({frozenset(bond[:2]) for bond in found.bonds}) == len(found.bonds)
    assert nx.is_connected(graph_of(found))


# Molecules drawn at random, written as SMILES in Kekule form and read again -----------------------------------------


def graph_of(read: Molecule) -> Any:
    """Atoms by element, bonds by type."""
    graph: Any = nx.Graph()
    graph.add_nodes_from((atom, {"element": element}) for atom, element in enumerate(read.elements))
    graph.add_edges_from((a, b, {"kind": kind}) for a, b, kind in read.bonds)
    return graph


def kekule(drawn: Molecule) -> dict[tuple[int, int], int]:
    """Orders of the bonds between heavy atoms: those of the first ring of aromatic bonds alternate."""
    heavy = {(a, b): kind for a, b, kind in drawn.bonds if HYDROGEN not in (drawn.elements[a], drawn.elements[b])}
    size = sum(kind == AROMATIC for kind in heavy.values())
    ring = [(n, n + 1) for n in range(size - 1)] + ([(0, size - 1)] if size else [])
    # Of five atoms the first has no double bond: 1-2 and 3-4. Of six: 0-1, 2-3, 4-5.
    doubled = {(1, 2), (3, 4)} if size == 5 else {(0, 1), (2, 3), (4, 5)}
    assert all(heavy[bond] == AROMATIC for bond in ring)
    return {bond: (2 if bond in doubled else 1) if kind == AROMATIC else kind + 1 for bond, kind in heavy.items()}


def write(elements: list[int], orders: dict[tuple[int, int], int]) -> str:
    """A SMILES: a depth-first walk whose other bonds close rings."""
    graph = nx.Graph(list(orders)) if orders else nx.empty_graph(1)
    tree = nx.dfs_tree(graph, 0)
    back = [bond for bond in orders if not (tree.has_edge(*bond) or tree.has_edge(*reversed(bond)))]
    sign = {1: "", 2: "=", 3: "#"}

    def text(atom: int) -> str:
        written = "HCNOF"[elements[atom]]
        for number, bond in enumerate(back, start=7):
            if atom in bond:
                written += sign[orders[bond]] + (f"%{number}" if number > 9 else str(number))
        parts = [sign[orders[min(atom, child), max(atom, child)]] + text(child) for child in tree.successors(atom)]
        return written + "".join(f"({part})" for part in parts[:-1]) + "".join(parts[-1:])

    return text(0)


@given(st.integers(0, 2**32))
def test_what_is_written_is_read_again(seed: int) -> None:
    drawn = molecule(np.random.default_rng(seed))
    read = parse(write(drawn.elements, kekule(drawn)))
    assert read.formula() == drawn.formula()
    # The rule for aromatic bonds may find more than was drawn (single and double bonds that happen to alternate).
    kinds: list[Counter[int]] = [Counter(kind for _, _, kind in m.bonds) for m in (read, drawn)]
    assert kinds[0][TRIPLE] == kinds[1][TRIPLE]
    assert kinds[0][AROMATIC] >= kinds[1][AROMATIC]
    assert nx.is_isomorphic(graph_of(read), graph_of(drawn), node_match=lambda a, b: a == b)
    if kinds[0] == kinds[1]:
        same = nx.is_isomorphic(
            graph_of(read), graph_of(drawn), node_match=lambda a, b: a == b, edge_match=lambda a, b: a == b
        )
        assert same


def aromatic_by_definition(elements: list[int], orders: dict[tuple[int, int], int]) -> set[tuple[int, int]]:
    """Every simple ring of five or six, judged bond by bond."""
    graph = nx.Graph(list(orders))
    found: set[tuple[int, int]] = set()
    for ring in nx.simple_cycles(graph, length_bound=6):
        bonds = [(min(a, b), max(a, b)) for a, b in [*pairwise(ring), (ring[-1], ring[0])]]
        kinds = [orders[bond] for bond in bonds]
        if len(ring) == 6 and kinds in ([1, 2] * 3, [2, 1] * 3):
            found.update(bonds)
        doubled = Counter(atom for bond, kind in zip(bonds, kinds, strict=True) if kind == 2 for atom in bond)
        if len(ring) == 5 and sorted(kinds) == [1, 1, 1, 2, 2] and max(doubled.values()) == 1:
            double = {atom for bond, order in orders.items() if order == 2 for atom in bond}
            lone = [atom for atom in ring if atom not in double]
            if len(lone) == 1 and elements[lone[0]] in (NITROGEN, OXYGEN):
                found.update(bonds)
    return found


@given(st.integers(0, 2**32), st.integers(5, 9), st.lists(st.integers(0, 10**6), min_size=1, max_size=4))
@example(5, 6, [20743, 54182, 325987])  # a ring of five whose two double bonds share an atom
def test_aromatic_bonds_are_those_of_the_definition(seed: int, size: int, extra: list[int]) -> None:
    """On rings with chords and random orders, far more often aromatic than molecules are."""
    random = np.random.default_rng(seed)
    elements = random.choice([1, 2, 3], size, p=[0.6, 0.3, 0.1]).tolist()
    orders = {(n, n + 1): int(random.integers(1, 3)) if n % 2 else 1 for n in range(size - 1)}
    pairs = list(permutations(range(size), 2))
    for pick in extra:
        a, b = sorted(pairs[pick % len(pairs)])
        orders.setdefault((a, b), 1 + pick % 2)
    used = [sum(order for bond, order in orders.items() if atom in bond) for atom in range(size)]
    if max(used) > 5:
        return
    read = parse(write(elements, orders))
    # Atoms are numbered in the order of writing: compare by that order.
    walk = list(nx.dfs_preorder_nodes(nx.Graph(list(orders)), 0))
    place = {atom: number for number, atom in enumerate(walk)}
    expected = {tuple(sorted((place[a], place[b]))) for a, b in aromatic_by_definition(elements, orders)}
    assert {tuple(sorted((a, b))) for a, b, kind in read.bonds if kind == AROMATIC} == expected
    plain = {tuple(sorted((place[a], place[b]))): order for (a, b), order in orders.items()}
    for a, b, kind in read.bonds:
        if kind != AROMATIC and max(a, b) < size:
            assert (SINGLE, DOUBLE)[plain[min(a, b), max(a, b)] - 1] == kind
    free = [max(0, VALENCE[element] - count) for element, count in zip(elements, used, strict=True)]
    assert read.formula()[HYDROGEN] == sum(free)
    assert OXYGEN == 3
