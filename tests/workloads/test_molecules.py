"""Columns of the molecule table, from a small made-up one."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from ampsim.errors import UsageError
from ampsim.workloads import molecules
from ampsim.workloads.molecules import columns
from ampsim.workloads.published import PUBLISHED

HEADER = "Index,SMILES,XYZ_Ang,Dipole_debye\n"


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three files of two molecules each; one field longer than the csv module would read by itself."""
    files = []
    (tmp_path / "qm9").mkdir()
    for number, file in enumerate(PUBLISHED["qm9"].files):
        rows = [f'{i},"C{i}","[{"0," * 70_000}]",{i}.5\n' for i in (2 * number, 2 * number + 1)]
        contents = "".join([HEADER, *rows]).encode()
        (tmp_path / "qm9" / file.name).write_bytes(contents)
        files.append(replace(file, size=len(contents), sha256=hashlib.sha256(contents).hexdigest()))
    monkeypatch.setitem(PUBLISHED, "qm9", replace(PUBLISHED["qm9"], files=tuple(files)))
    monkeypatch.setattr(molecules, "MOLECULES", 6)
    return tmp_path


def test_columns_come_in_the_order_of_the_files(table: Path) -> None:
    found = columns("Dipole_debye", "SMILES", folder=table)
    assert found == {
        "Dipole_debye": ["0.5", "1.5", "2.5", "3.5", "4.5", "5.5"],
        "SMILES": ["C0", "C1", "C2", "C3", "C4", "C5"],
    }


def test_an_unknown_column_gets_a_hint(table: Path) -> None:
    with pytest.raises(UsageError, match=r"(?s)no column 'Dipole'.*did you mean Dipole_debye\?"):
        columns("Dipole", folder=table)
    with pytest.raises(UsageError, match="one of: Index, SMILES"):
        columns("?", folder=table)


def test_molecules_are_counted(table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(molecules, "MOLECULES", 7)
    with pytest.raises(UsageError, match="qm9 holds 6 molecules instead of 7"):
        columns("SMILES", folder=table)


def test_a_table_that_is_not_there_says_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"(?s)qm9 is not here.*ampsim data get qm9"):
        columns("SMILES", folder=tmp_path)
