"""The reader of the molecule table and the file it keeps, from a small made-up table; all of QM9 if it is there."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ampsim.errors import UsageError
from ampsim.workloads import molecules, qm9
from ampsim.workloads.dipoles import CENTER, SCALE, load
from ampsim.workloads.published import PUBLISHED
from ampsim.workloads.store import present

ROWS = [
    ("C", "[4, 1, 0, 0, 0]", "0."),
    ("N", "[3,0,1,0,0]", "1.6256"),
    ("O", "[2,0,0,1,0]", "1.8511"),
    ("C#N", "[1,1,1,0,0]", "2.8937"),
    ("C=O", "[2,1,0,1,0]", "2.1089"),
    ("C1=CC=CO1", "[4,4,0,1,0]", "0.6"),
]
Write = Callable[[list[tuple[str, str, str]]], Path]


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Writes a table of three files into a data folder."""

    def write(rows: list[tuple[str, str, str]]) -> Path:
        files = []
        (tmp_path / "qm9").mkdir(exist_ok=True)
        size = len(rows) // 3
        for number, file in enumerate(PUBLISHED["qm9"].files):
            part = rows[number * size : (number + 1) * size]
            lines = ["SMILES,Stoichiometry,Dipole_debye", *(f'{s},"{atoms}",{dipole}' for s, atoms, dipole in part)]
            contents = "\n".join([*lines, ""]).encode()
            (tmp_path / "qm9" / file.name).write_bytes(contents)
            files.append(replace(file, size=len(contents), sha256=hashlib.sha256(contents).hexdigest()))
        monkeypatch.setitem(PUBLISHED, "qm9", replace(PUBLISHED["qm9"], files=tuple(files)))
        monkeypatch.setattr(molecules, "MOLECULES", len(rows))
        return tmp_path

    return write


def test_the_table_as_graphs(table: Write) -> None:
    drawn = qm9.read(table(ROWS))
    assert drawn.sizes.tolist() == [5, 4, 3, 3, 4, 9]
    assert drawn.degrees.tolist() == [8, 6, 4, 4, 6, 18]
    assert drawn.answers == pytest.approx([0, 1.6256, 1.8511, 2.8937, 2.1089, 0.6])
    assert np.bincount(drawn.kinds).tolist() == [2 * (4 + 3 + 2 + 1 + 2 + 4), 2, 2, 10]


def test_what_was_read_is_kept_and_read_again(table: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = table(ROWS)
    first = qm9.read(folder)
    (kept,) = (folder / "qm9").glob("*.npz")
    assert kept.name == f"graphs-{qm9.key()}.npz"
    assert present("qm9", folder)

    def fail(*names: str, **options: Any) -> None:
        raise AssertionError("the table was read again")

    monkeypatch.setattr(qm9, "columns", fail)
    second = qm9.read(folder)
    for name, array in vars(first).items():
        np.testing.assert_array_equal(getattr(second, name), array)
        assert getattr(second, name).dtype == array.dtype


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "another archive", "a folder"])
def test_a_damaged_file_is_read_anew(table: Write, damage: str) -> None:
    folder = table(ROWS)
    first = qm9.read(folder)
    kept = folder / "qm9" / f"graphs-{qm9.key()}.npz"
    contents = bytearray(kept.read_bytes())
    if damage == "cut":
        kept.write_bytes(contents[:-30])
    elif damage == "flipped":
        contents[contents.index(b"NUMPY") + 130] ^= 255
        kept.write_bytes(contents)
    elif damage == "empty":
        kept.write_bytes(b"")
    elif damage == "another archive":
        np.savez(kept, sizes=np.zeros(3))
    else:
        kept.unlink()
        kept.mkdir()
    again = qm9.read(folder)
    for name, array in vars(first).items():
        np.testing.assert_array_equal(getattr(again, name), array)
    assert not [path.name for path in kept.parent.iterdir() if path.name.startswith(".graphs")]


def test_another_table_is_another_file(table: Write) -> None:
    table(ROWS)
    before = qm9.key()
    folder = table([*ROWS[1:], ROWS[0]])
    assert qm9.key() != before
    assert qm9.read(folder).sizes.tolist() == [4, 3, 3, 4, 9, 5]


def test_what_was_read_is_no_use_without_the_table(table: Write) -> None:
    folder = table(ROWS)
    qm9.read(folder)
    (folder / "qm9" / "qm9_part2.csv").unlink()
    with pytest.raises(UsageError, match=r"(?s)qm9 is not here.*ampsim data get qm9"):
        qm9.read(folder)


def test_a_folder_that_may_not_be_written_to_only_costs_time(table: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = table(ROWS)

    def refuse(*args: Any, **options: Any) -> None:
        raise PermissionError(13, "read-only")

    monkeypatch.setattr(tempfile, "mkstemp", refuse)
    assert len(qm9.read(folder)) == 6
    assert not list((folder / "qm9").glob("*.npz"))


def test_a_molecule_that_comes_out_wrong_is_named(table: Write) -> None:
    rows = [*ROWS[:5], ("CC", "[4,2,0,0,0]", "0")]
    with pytest.raises(UsageError, match=r"molecule 5, CC, has \[6, 2, 0, 0, 0\] atoms .* not \[4,2,0,0,0\]"):
        qm9.read(table(rows))


def test_minibatches_of_the_table_are_split_by_seed(table: Write) -> None:
    folder = str(table(ROWS))
    for seed in range(5):
        training, validation = load("qm9", training=3, validation=2, batch=2, seed=seed, folder=folder)
        assert validation is not None
        assert [data.rows(i) for data in (training, validation) for i in range(len(data))] == [2, 1, 2]
        found = np.concatenate([training.arrays["answers"], validation.arrays["answers"]]) * SCALE + CENTER
        known = [float(dipole) for *_, dipole in ROWS]
        assert all(min(abs(value - norm) for norm in known) < 1e-5 for value in found.tolist())
        assert len(set(found.round(3).tolist())) == 5
    rest, _ = load("qm9", training=10**6, validation=2, batch=2, folder=folder)
    assert len(rest.arrays["answers"]) == 4
    with pytest.raises(UsageError, match="validation is 6 of 6 molecules"):
        load("qm9", validation=6, folder=folder)


@pytest.mark.slow
def test_all_of_qm9() -> None:
    """130,831 molecules, each with the atoms that the table says: the reader raises otherwise."""
    if not present("qm9"):
        pytest.skip("QM9 is not in the data folder")
    table = molecules.columns("SMILES", "Stoichiometry", "Dipole_debye", "N_atoms")
    drawn = qm9.from_table(table["SMILES"], table["Stoichiometry"], table["Dipole_debye"])
    assert len(drawn) == 130_831
    assert drawn.sizes.tolist() == [int(atoms) for atoms in table["N_atoms"]]
    assert drawn.degrees.mean() / 2 == pytest.approx(18.65, abs=0.005)
    assert drawn.answers.mean() == pytest.approx(CENTER, abs=5e-4)
    assert drawn.answers.std() == pytest.approx(SCALE, abs=5e-4)
    heavy = np.bincount(drawn.nodes)[1:]
    assert heavy / heavy.sum() == pytest.approx([0.722, 0.116, 0.159, 0.003], abs=1e-3)
