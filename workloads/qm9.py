"""QM9 as graphs: 130,831 molecules with the norm of their dipole moment.

The table is text; reading its SMILES takes seconds, so what was read is kept beside it in ``graphs-<key>.npz``. The key
is made of the checksums of the table's files and the number of this reader: another table or reader, another file.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from ampsim.errors import UsageError
from ampsim.ir.message import Array
from ampsim.workloads.graphs import Drawn
from ampsim.workloads.molecules import columns
from ampsim.workloads.published import PUBLISHED
from ampsim.workloads.smiles import Molecule, parse
from ampsim.workloads.store import data_folder

READER = 1  # of the file that is kept; counts up when other arrays would be read


def read(folder: Path | str | None = None) -> Drawn:
    """All molecules in the order of the table; answers are dipole norms in debye, float32.

    Nodes are atoms with hydrogens, by element (H C N O F: 0 to 4); each bond is two edges of its type (single, double,
    triple, aromatic: 0 to 3). Raises UsageError if the table is not there, or holds a molecule that does not come out
    with the atoms that it should have.
    """
    kept = data_folder(folder) / "qm9" / f"graphs-{key()}.npz"
    # The table itself must be there: what was read from one that is gone is no data set.
    found = _restore(kept) if all((kept.parent / file.name).is_file() for file in PUBLISHED["qm9"].files) else None
    if found is None:
        found = from_table(**columns("SMILES", "Stoichiometry", "Dipole_debye", folder=folder))
        with contextlib.suppress(OSError):  # a folder that may not be written to only costs time
            _keep(kept, found)
    return found


def key() -> str:
    """Of the file that is kept: 16 hexadecimal digits."""
    text = " ".join([str(READER), *(file.sha256 for file in PUBLISHED["qm9"].files)])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def from_table(SMILES: list[str], Stoichiometry: list[str], Dipole_debye: list[str]) -> Drawn:  # noqa: N803
    """The columns of the table as graphs. Raises UsageError, naming the molecule."""
    molecules = []
    for number, (smiles, atoms) in enumerate(zip(SMILES, Stoichiometry, strict=True)):
        molecule = parse(smiles)
        if list(molecule.formula()) != json.loads(atoms):
            what = f"molecule {number}, {smiles}, has {list(molecule.formula())} atoms of H, C, N, O and F, not {atoms}"
            raise UsageError(what, f"SMILES[{number}]")
        molecules.append(molecule)
    return as_graphs(molecules, np.array(Dipole_debye, np.float64))


def as_graphs(molecules: Iterable[Molecule], answers: Iterable[float]) -> Drawn:
    """Molecules as graphs with an edge either way for each bond."""
    atoms, bonds, sizes, degrees = [], [], [], []
    for molecule in molecules:
        atoms.append(np.array(molecule.elements, np.int64))
        bonds.append(np.array(molecule.bonds, np.int64).reshape(-1, 3))
        sizes.append(len(molecule.elements))
        degrees.append(2 * len(molecule.bonds))
    both = np.repeat(np.concatenate(bonds), 2, axis=0)
    both[1::2, :2] = both[1::2, 1::-1]
    source, target, kinds = np.ascontiguousarray(both.T)
    answer = np.array(answers, np.float32)
    return Drawn(np.array(sizes), np.concatenate(atoms), np.array(degrees), source, target, kinds, answer)


def _keep(path: Path, drawn: Drawn) -> None:
    """Write aside and rename, so that a half file is never seen."""
    handle, aside = tempfile.mkstemp(prefix=".graphs-", suffix=".npz", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            arrays: dict[str, Any] = {name: _small(array) for name, array in vars(drawn).items()}
            np.savez(file, **arrays)
        Path(aside).chmod(0o644)
        Path(aside).replace(path)
    except BaseException:
        Path(aside).unlink(missing_ok=True)
        raise


def _small(array: Array) -> Array:
    """Numbers of atoms, bonds and types are far below 128."""
    return array.astype(np.int8) if array.dtype == np.int64 and array.max(initial=0) < 128 else array


def _restore(path: Path) -> Drawn | None:
    """What was kept, or None if nothing was or it is damaged; an archive checks its own contents (CRC-32)."""
    try:
        # Opened here, since numpy leaves a file open that turns out to be no archive.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            kept = {name: arrays[name] for name in Drawn.__dataclass_fields__}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    return Drawn(
        **{name: array if array.dtype == np.float32 else array.astype(np.int64) for name, array in kept.items()}
    )
