"""The table of QM9: 130,831 molecules, one a row, in three files; read only as far as it is asked for.

Columns of numbers are ``N_atoms``, ``Dipole_debye``, ``HOMO_au``, ``LUMO_au``, ``ZPVE_au`` and more; of text ``SMILES``
and ``InChi``. Long columns (coordinates, frequencies) are skipped over, never kept.
"""

from __future__ import annotations

import csv
import difflib
import io
from pathlib import Path

from ampsim.errors import UsageError
from ampsim.workloads.published import PUBLISHED
from ampsim.workloads.store import read

MOLECULES = 130_831
LONGEST_FIELD = 10**6  # characters; frequencies and coordinates exceed the csv module's default


def columns(*names: str, folder: Path | str | None = None) -> dict[str, list[str]]:
    """The named columns as text, in the order of the files; every one has 130,831 entries.

    Raises UsageError if a column does not exist, the data are not there, or the number of molecules is wrong.
    """
    found: dict[str, list[str]] = {name: [] for name in names}
    csv.field_size_limit(LONGEST_FIELD)
    for file in PUBLISHED["qm9"].files:
        rows = csv.reader(io.StringIO(read("qm9", file.name, folder).decode("utf-8"), newline=""))
        header = next(rows)
        wanted = [(found[name], _position(name, header)) for name in names]
        for row in rows:
            for values, position in wanted:
                values.append(row[position])
    for name, values in found.items():
        if len(values) != MOLECULES:
            raise UsageError(f"qm9 holds {len(values)} molecules instead of {MOLECULES}", name)
    return found


def _position(name: str, header: list[str]) -> int:
    if name not in header:
        close = difflib.get_close_matches(name, header, 1)
        hint = f"did you mean {close[0]}?" if close else f"one of: {', '.join(header)}"
        raise UsageError(f"qm9 has no column {name!r}", do=hint)
    return header.index(name)
