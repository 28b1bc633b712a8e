"""Files out of archives: the exact name, the exact size, and nothing that an archive claims is believed."""

from __future__ import annotations

import gzip
import io
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from ampsim.workloads.archives import ArchiveError, copy, from_folder, from_tar, from_zip, sha256

TEXT = b"0123456789" * 100
Maker = Callable[[Path, str, bytes], Path]
Reader = Callable[[Path, str, Path, int], None]


def make_zip(folder: Path, member: str, contents: bytes) -> Path:
    path = folder / "package.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as package:
        package.writestr("other", b"x" * 10)
        package.writestr(member, contents)
    return path


def make_tar(folder: Path, member: str, contents: bytes) -> Path:
    path = folder / "package.tgz"
    with tarfile.open(path, "w:gz") as package:
        info = tarfile.TarInfo(member)
        info.size = len(contents)
        package.addfile(info, io.BytesIO(contents))
    return path


BOTH = pytest.mark.parametrize("make, read", [(make_zip, from_zip), (make_tar, from_tar)])


@BOTH
def test_a_member_is_read_by_its_name(make: Maker, read: Reader, tmp_path: Path) -> None:
    read(make(tmp_path, "a/b.csv", TEXT), "a/b.csv", tmp_path / "out", len(TEXT))
    assert (tmp_path / "out").read_bytes() == TEXT


@BOTH
@pytest.mark.parametrize("member", ["b.csv", "a/b", "a/../a/b.csv", "/a/b.csv", ""])
def test_only_the_exact_name_counts(make: Maker, read: Reader, member: str, tmp_path: Path) -> None:
    archive = make(tmp_path, "a/b.csv", TEXT)
    with pytest.raises(ArchiveError, match=r"package\.\w+ has no "):
        read(archive, member, tmp_path / "out", len(TEXT))
    assert not (tmp_path / "out").exists()


@BOTH
@pytest.mark.parametrize("size", [len(TEXT) - 1, len(TEXT) + 1])
def test_another_size_is_refused(make: Maker, read: Reader, size: int, tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match=r"bytes"):
        read(make(tmp_path, "a", TEXT), "a", tmp_path / "out", size)


@BOTH
def test_a_damaged_archive_is_an_archive_error(make: Maker, read: Reader, tmp_path: Path) -> None:
    archive = make(tmp_path, "a", bytes(range(256)) * 20)
    whole = archive.read_bytes()
    for wrong in (b"", b"no archive", whole[: len(whole) // 2], whole[:40] + b"\xff" * 30 + whole[70:]):
        archive.write_bytes(wrong)
        with pytest.raises(ArchiveError):
            read(archive, "a", tmp_path / "out", 5120)


def test_a_zip_that_lies_about_a_size_is_not_unpacked(tmp_path: Path) -> None:
    """The directory says 1000 bytes, the stream holds a million: what is written stays within what was asked for."""
    archive = make_zip(tmp_path, "a", b"\0" * 1_000_000)
    honest, lie = struct.pack("<I", 1_000_000), struct.pack("<I", 1000)
    archive.write_bytes(archive.read_bytes().replace(honest, lie))
    with pytest.raises(ArchiveError):
        from_zip(archive, "a", tmp_path / "out", 1000)
    assert (tmp_path / "out").stat().st_size <= 1000


def test_a_large_member_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    archive = make_zip(tmp_path, "a", b"\0" * 1_000_000)
    with pytest.raises(ArchiveError, match=r"a in package.whl has 1000000 bytes instead of 1000"):
        from_zip(archive, "a", tmp_path / "out", 1000)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE])
def test_a_link_in_a_tar_is_not_followed(kind: bytes, tmp_path: Path) -> None:
    path = tmp_path / "package.tgz"
    with tarfile.open(path, "w:gz") as package:
        info = tarfile.TarInfo("a")
        info.type, info.linkname = kind, "/etc/hostname"
        package.addfile(info)
    with pytest.raises(ArchiveError, match=r"a in package.tgz is not a plain file"):
        from_tar(path, "a", tmp_path / "out", 10)


def test_a_file_of_a_folder_plain_or_zipped(tmp_path: Path) -> None:
    (tmp_path / "plain").write_bytes(TEXT)
    (tmp_path / "zipped.gz").write_bytes(gzip.compress(TEXT))
    for name in ("plain", "zipped"):
        from_folder(tmp_path, name, tmp_path / "out", len(TEXT))
        assert (tmp_path / "out").read_bytes() == TEXT


def test_a_file_that_is_named_gz_stays_zipped(tmp_path: Path) -> None:
    packed = gzip.compress(TEXT)
    (tmp_path / "a.gz").write_bytes(packed)
    from_folder(tmp_path, "a.gz", tmp_path / "out", len(packed))
    assert (tmp_path / "out").read_bytes() == packed


def test_a_bomb_stops_at_the_size_asked_for(tmp_path: Path) -> None:
    (tmp_path / "a.gz").write_bytes(gzip.compress(b"\0" * 10_000_000))
    with pytest.raises(ArchiveError, match="out is longer than the 1000 bytes"):
        from_folder(tmp_path, "a", tmp_path / "out", 1000)
    assert (tmp_path / "out").stat().st_size <= 1000


def test_what_a_folder_lacks_is_named(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    for name in ("a", "b"):
        with pytest.raises(ArchiveError, match=f"there is no {name} in "):
            from_folder(tmp_path, name, tmp_path / "out", 10)


def test_a_broken_gzip_is_named(tmp_path: Path) -> None:
    for contents in (b"no gzip", gzip.compress(TEXT)[:-9]):
        (tmp_path / "a.gz").write_bytes(contents)
        with pytest.raises(ArchiveError, match=r"a in .* cannot be read"):
            from_folder(tmp_path, "a", tmp_path / "out", len(TEXT))


@pytest.mark.parametrize("size", [0, 1, 1000])
def test_copy_is_exact(size: int, tmp_path: Path) -> None:
    copy(io.BytesIO(TEXT[:size]), tmp_path / "out", size)
    assert (tmp_path / "out").read_bytes() == TEXT[:size]
    with pytest.raises(ArchiveError, match="longer than"):
        copy(io.BytesIO(TEXT[:size] + b"x"), tmp_path / "out", size)
    with pytest.raises(ArchiveError, match="instead of"):
        copy(io.BytesIO(TEXT[:size]), tmp_path / "out", size + 1)


def test_the_checksum_is_sha256(tmp_path: Path) -> None:
    (tmp_path / "abc").write_bytes(b"abc")
    assert sha256(tmp_path / "abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
