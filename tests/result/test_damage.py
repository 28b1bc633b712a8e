"""A damaged or hostile run folder is refused with the file and the reason; nothing runs, nothing is allocated."""

from __future__ import annotations

import hashlib
import io
import json
import os
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ampsim.errors import UsageError
from ampsim.result import loading
from ampsim.result.folder import FILES
from ampsim.result.run import Run
from tests.result.synthetic import make_run


@pytest.fixture(autouse=True, params=["in memory", "on disk"])
def kept(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables that stay on disk are checked as those that do not."""
    if request.param == "on disk":
        monkeypatch.setattr(loading, "IN_MEMORY", 0)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_run().save(tmp_path / "run")


def refused(folder: Path, file: str) -> str:
    with pytest.raises(UsageError) as error:
        Run.load(folder)
    assert str(folder / file) == error.value.where
    return error.value.what


def reseal(folder: Path, name: str) -> None:
    """What an attacker does who knows the format: the manifest agrees with the changed file."""
    manifest = json.loads((folder / "manifest.json").read_bytes())
    raw = (folder / name).read_bytes()
    manifest["files"][name] = {"bytes": len(raw), "sha256": hashlib.sha256(raw).hexdigest()}
    (folder / "manifest.json").write_text(json.dumps(manifest))


@pytest.mark.parametrize("name", FILES)
def test_truncation_flips_growth_and_absence_are_found_in_every_file(folder: Path, name: str) -> None:
    path = folder / name
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert "instead of" in refused(folder, name)
    for place in (0, len(whole) // 2, len(whole) - 1):
        flipped = bytearray(whole)
        flipped[place] ^= 1
        path.write_bytes(flipped)
        assert "SHA-256" in refused(folder, name)
    path.write_bytes(whole + b"\0")
    assert "instead of" in refused(folder, name)
    path.unlink()
    assert "cannot be read" in refused(folder, name)
    path.write_bytes(whole)
    Run.load(folder)


@pytest.mark.parametrize("name", [*FILES, "manifest.json"])
def test_links_and_pipes_are_not_opened(folder: Path, tmp_path: Path, name: str) -> None:
    path = folder / name
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    assert "link" in refused(folder, name)
    path.unlink()
    os.mkfifo(path)
    assert "no regular file" in refused(folder, name)


def test_a_linked_tables_folder_is_not_entered(folder: Path, tmp_path: Path) -> None:
    (folder / "tables").rename(tmp_path / "elsewhere")
    (folder / "tables").symlink_to(tmp_path / "elsewhere")
    assert "link" in refused(folder, "tables")


@pytest.mark.parametrize(
    "change, reason",
    [
        (lambda m: m.update(schema=2), "schema 2"),
        (lambda m: m.update(schema=4), "schema 4"),
        (lambda m: m.update(kind="checkpoint"), "not the manifest of a run"),
        (lambda m: m.update(files=[]), "does not list"),
        (lambda m: m["files"].pop("result.json"), "does not list"),
        (lambda m: m["files"].update({"../../x": m["files"].pop("result.json")}), "does not list"),
        (lambda m: m["files"]["result.json"].update(bytes=-1), "does not list"),
        (lambda m: m["files"]["result.json"].update(bytes=True), "does not list"),
        (lambda m: m["files"]["result.json"].update(sha256="0" * 63), "does not list"),
        (lambda m: m["files"].update({"result.json": 5}), "does not list"),
    ],
)
def test_a_wrong_manifest_is_refused(folder: Path, change: Callable[[Any], Any], reason: str) -> None:
    manifest = json.loads((folder / "manifest.json").read_bytes())
    change(manifest)
    (folder / "manifest.json").write_text(json.dumps(manifest))
    assert reason in refused(folder, "manifest.json")


@pytest.mark.parametrize("raw", [b"", b"{", b"[" * 100_000, b"[]", b"\xff\xfe", b" " * (1 << 20) + b"{}"])
def test_a_manifest_that_is_no_manifest_is_refused(folder: Path, raw: bytes) -> None:
    (folder / "manifest.json").write_bytes(raw)
    refused(folder, "manifest.json")


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no run folder"):
        Run.load(tmp_path)
    with pytest.raises(UsageError, match="no folder"):
        Run.load(tmp_path / "missing")


def npz(folder: Path, members: dict[str, bytes], **options: Any) -> str:
    """Replace the table `edges` by these members and say why it is refused."""
    name = "tables/edges.npz"
    with zipfile.ZipFile(folder / name, "w", **options) as archive:
        for member, raw in members.items():
            archive.writestr(member, raw)
    reseal(folder, name)
    return refused(folder, name)


def members(folder: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(folder / "tables" / "edges.npz") as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def saved(array: Any, **options: Any) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array, **options)
    return stream.getvalue()


def header(text: str) -> bytes:
    raw = text.encode().ljust(118) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(raw)) + raw


class Bomb:
    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.system, ("touch /tmp/ampsim-test-pickle-ran",)


def test_a_pickle_is_never_opened(folder: Path) -> None:
    good = members(folder)
    array = np.empty(4, object)
    array[:] = Bomb()
    assert "declares" in npz(folder, good | {"edge.npy": saved(array, allow_pickle=True)})
    assert not Path("/tmp/ampsim-test-pickle-ran").exists()


def test_a_header_that_asks_for_terabytes_allocates_nothing(folder: Path) -> None:
    good = members(folder)
    asks = header("{'descr': '<i4', 'fortran_order': False, 'shape': (20000000000000,), }")
    assert "declares 80000000000000 bytes" in npz(folder, good | {"edge.npy": asks})
    for shape in ("(-1,)", "(3,-1)", "((),)", "5", "(True,)"):
        text = f"{{'descr': '<i4', 'fortran_order': False, 'shape': {shape}, }}"
        npz(folder, good | {"edge.npy": header(text) + b"\0" * 4})
    npz(folder, good | {"edge.npy": header("__import__('os').abort()")})
    npz(folder, good | {"edge.npy": b"\x93NUMPY\x03\x00"})
    npz(folder, good | {"edge.npy": b""})


def test_columns_are_those_of_the_schema(folder: Path) -> None:
    good = members(folder)
    assert "schema" in npz(folder, good | {"../../x.npy": good["edge.npy"]})
    assert "schema" in npz(folder, {k: v for k, v in good.items() if k != "edge.npy"})
    assert "dtype" in npz(folder, good | {"edge.npy": saved(np.zeros(2, np.int64))})
    assert "dtype" in npz(folder, good | {"edge.npy": saved(np.zeros(2, ">i4"))})
    assert "shape" in npz(folder, good | {"edge.npy": saved(np.zeros((2, 1), np.int32))})


def test_a_compressed_column_is_refused_before_it_expands(folder: Path) -> None:
    bomb = saved(np.zeros(10_000_000, np.int32))
    assert "compressed" in npz(folder, members(folder) | {"edge.npy": bomb}, compression=zipfile.ZIP_DEFLATED)


def test_columns_that_share_their_bytes_are_refused(folder: Path) -> None:
    """A directory whose entries all point at one member makes a small file expand without compression."""
    path = folder / "tables" / "edges.npz"
    with zipfile.ZipFile(path) as archive:
        infos = archive.infolist()
        raw = archive.read("messages.npy")
    names = [info.filename for info in infos]
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("messages.npy", raw * 50)
        info = archive.getinfo("messages.npy")
        for name in names:
            if name != "messages.npy":
                twin = zipfile.ZipInfo(name)
                for field in ("header_offset", "file_size", "compress_size", "CRC"):
                    setattr(twin, field, getattr(info, field))
                archive.filelist.append(twin)
                archive.NameToInfo[name] = twin
    reseal(folder, "tables/edges.npz")
    assert "more bytes than the file" in refused(folder, "tables/edges.npz")


@pytest.mark.parametrize("raw", [b"", b"\xff" * 16, struct.pack("<Q", 1 << 62) + b"{}", struct.pack("<Q", 2) + b"[]"])
def test_hostile_parameters_are_refused(folder: Path, raw: bytes) -> None:
    (folder / "parameters.safetensors").write_bytes(raw)
    reseal(folder, "parameters.safetensors")
    assert "no parameters" in refused(folder, "parameters.safetensors")


@pytest.mark.parametrize(
    "offsets, name", [([0, 1 << 40], "final/x"), ([0, 3], "final/x"), ([0, 4], "middle/x"), ([4, 0], "final/x")]
)
def test_parameters_with_false_sizes_or_names_are_refused(folder: Path, offsets: list[int], name: str) -> None:
    text = json.dumps({name: {"dtype": "F32", "shape": [1], "data_offsets": offsets}}).encode()
    (folder / "parameters.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + b"\0" * 4)
    reseal(folder, "parameters.safetensors")
    refused(folder, "parameters.safetensors")


@pytest.mark.parametrize(
    "change, reason",
    [
        (lambda s: s.pop("makespan"), "makespan"),
        (lambda s: s.update(workers=3), "3 workers"),
        (lambda s: s.update(nodes=["a"]), "a node is outside"),
        (lambda s: s.update(links=[]), "a link is outside"),
        (lambda s: s.update(utilization=["x", "y"]), "utilization"),
        (lambda s: s.update(epochs=[{"epoch": "<b>"}]), "epochs"),
    ],
)
def test_a_summary_that_does_not_fit_the_tables_is_refused(
    folder: Path, change: Callable[[Any], Any], reason: str
) -> None:
    result = json.loads((folder / "result.json").read_bytes())
    change(result["summary"])
    (folder / "result.json").write_text(json.dumps(result))
    reseal(folder, "result.json")
    with pytest.raises(UsageError) as error:
        Run.load(folder)
    assert reason in error.value.what
