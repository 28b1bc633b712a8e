"""Where a run lies on disk, and how it gets there whole.

    result.json            summary, configuration, provenance
    config.yaml            the configuration once more, to read
    parameters.safetensors initial/NODE/NAME and final/NODE/NAME
    tables/NAME.npz        one a table, its columns stored, not compressed
    manifest.json          schema version; bytes and SHA-256 of each of the files above

A page of a report may lie beside them; it is not part of the run and no reader of runs looks at it.
"""

from __future__ import annotations

import hashlib
import os
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ampsim.errors import UsageError
from ampsim.result.aside import checked_target, replace_folder, sync_folder, written_aside
from ampsim.result.checks import check
from ampsim.result.plain import decode, encode
from ampsim.result.schema import TABLES, VERSION, Table
from ampsim.result.summary import check_summary
from ampsim.result.text import yaml_text

if TYPE_CHECKING:
    from ampsim.result.run import Run

MANIFEST, RESULT, CONFIG, PARAMETERS = "manifest.json", "result.json", "config.yaml", "parameters.safetensors"
KIND = "ampsim run"
FILES = (RESULT, CONFIG, PARAMETERS, *(f"tables/{name}.npz" for name in TABLES))


def checked_folder(folder: str | os.PathLike[str], *, force: bool) -> Path:
    """Where to write a run. Raises UsageError if something is there that may not be replaced.

    With ``force`` an empty folder or another run is replaced; a link, a file or a folder of anything else never is.
    """
    target = checked_target(folder)
    if target.is_symlink():
        raise UsageError(f"{target} is a link, which is never followed", str(target), "name the folder itself")
    if not target.exists():
        return target
    if not force:
        raise UsageError(f"{target} exists already", str(target), "choose another folder, or force its replacement")
    if not target.is_dir() or not (is_run(target) or not any(target.iterdir())):
        raise UsageError(f"{target} is no run folder, so it is not replaced", str(target), "choose another folder")
    return target


def is_run(folder: Path) -> bool:
    """Whether the folder has a manifest of a run."""
    manifest = folder / MANIFEST
    try:
        if manifest.is_symlink() or not manifest.is_file() or manifest.stat().st_size > 1 << 20:
            return False
        value = decode(manifest.read_bytes())
    except (OSError, ValueError):
        return False
    return isinstance(value, dict) and value.get("kind") == KIND


def save(run: Run, folder: str | os.PathLike[str], *, force: bool) -> Path:
    """Write ``run``: aside, synced, renamed. Raises UsageError before anything is written, RunError on a full disk."""
    target = checked_folder(folder, force=force)
    check(run.tables)
    check_summary(run.summary, run.tables)
    result = encode({"summary": run.summary, "config": run.config, "provenance": run.provenance})
    parameters = _flat(run.initial, run.final)
    with written_aside(target) as aside:
        (aside / "tables").mkdir(parents=True)
        (aside / RESULT).write_bytes(result)
        (aside / CONFIG).write_text(yaml_text(run.config), encoding="utf-8", newline="\n")
        _write_parameters(aside / PARAMETERS, parameters)
        for name, columns in TABLES.items():
            _write_table(aside / "tables" / f"{name}.npz", run.tables[name], [column.name for column in columns])
        files = {name: _sealed(aside / name) for name in FILES}
        (aside / MANIFEST).write_bytes(encode({"kind": KIND, "schema": VERSION, "files": files}))
        _sealed(aside / MANIFEST)
        sync_folder(aside / "tables")
        sync_folder(aside)
        replace_folder(aside, target)
        sync_folder(target.parent)
    return target


def _flat(initial: Mapping[str, Any], final: Mapping[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for time, parameters in (("initial", initial), ("final", final)):
        for name, value in parameters.items():
            array = np.asarray(value, order="C")
            if array.dtype.kind not in "biuf":
                raise UsageError(f"a parameter has dtype {array.dtype}", f"{time}/{name}"[:200])
            flat[f"{time}/{name}"] = array
    return flat


def _write_parameters(path: Path, flat: dict[str, Any]) -> None:
    from safetensors.numpy import save_file

    save_file(flat, path)
    path.chmod((path.parent / RESULT).stat().st_mode)  # safetensors leaves it readable by its owner alone


def _write_table(path: Path, table: Table, columns: Sequence[str]) -> None:
    """What numpy.savez writes, with one column in memory at a time."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for column in columns:
            with archive.open(f"{column}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, np.asarray(table[column], order="C"), allow_pickle=False)


def _sealed(path: Path) -> dict[str, Any]:
    """Bytes and SHA-256 of a file just written, which is on disk when this returns."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return {"bytes": file.tell(), "sha256": digest}
