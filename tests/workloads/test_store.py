"""The data folder, with small made-up packages: nothing is downloaded, and a set is there whole or not at all."""

from __future__ import annotations

import gzip
import hashlib
import importlib.util
import io
import os
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from ampsim.errors import RunError, UsageError
from ampsim.workloads import clients, store
from ampsim.workloads.published import PUBLISHED, File, Published, find
from ampsim.workloads.store import data_folder, get, present, read

CONTENTS = {"one.csv": b"1,2,3\n" * 50, "two.csv": b"4,5,6\n" * 70}
CLIENTS = ("pip", "npm", "apt")
EVERY_CLIENT = pytest.mark.parametrize("client", CLIENTS)


def published(client: str) -> Published:
    files = tuple(
        File(name, f"inside/{name}", len(contents), hashlib.sha256(contents).hexdigest())
        for name, contents in CONTENTS.items()
    )
    return Published("tiny", "a made-up set", "none", client, "tiny-package", files)


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is all there is on PATH; pip is looked for there as well."""
    folder = tmp_path / "tools"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setenv(store.VARIABLE, str(tmp_path / "data"))
    return folder


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Makes a set of two files known, as published through a client."""

    def know(client: str) -> None:
        monkeypatch.setitem(PUBLISHED, "tiny", published(client))

    return know


def script(folder: Path, name: str, *lines: str) -> None:
    """A program called ``name`` that notes how it was called, then does what ``lines`` say."""
    path = folder / name
    path.write_text("\n".join(["#!/bin/sh", f'echo "$0 $*" >> {folder}/calls', *lines, ""]))
    path.chmod(0o755)


def calls(folder: Path) -> list[str]:
    log = folder / "calls"
    return [line.removeprefix(f"{folder}/") for line in log.read_text().splitlines()] if log.exists() else []


def package(client: str, folder: Path, contents: dict[str, bytes]) -> None:
    """Fake clients that deliver ``contents`` the way the real ones do."""
    if client == "pip":
        with zipfile.ZipFile(folder / "tiny.whl", "w") as wheel:
            for name, data in contents.items():
                wheel.writestr(f"inside/{name}", data)
        script(folder, "pip", f"/bin/cp {folder}/tiny.whl .")
    elif client == "npm":
        with tarfile.open(folder / "tiny.tgz", "w:gz") as tar:
            for name, data in contents.items():
                info = tarfile.TarInfo(f"inside/{name}")
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
        script(folder, "npm", f"/bin/cp {folder}/tiny.tgz .")
    else:
        (folder / "inside").mkdir()
        for name, data in contents.items():
            (folder / "inside" / f"{name}.gz").write_bytes(gzip.compress(data))
        script(folder, "apt-get", "echo deb > tiny.deb")
        script(folder, "dpkg", f'/bin/mkdir "$3" && /bin/cp -r {folder}/inside "$3"')


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


@EVERY_CLIENT
def test_a_package_becomes_a_set(client: str, tools: Path, tiny: Callable[[str], None], tmp_path: Path) -> None:
    tiny(client)
    package(client, tools, CONTENTS)
    assert not present("tiny")
    folder = get("tiny")
    assert folder == tmp_path / "data" / "tiny"
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == CONTENTS
    assert left(tmp_path / "data") == ["tiny"]
    assert present("tiny")
    asked = calls(tools)
    assert "tiny-package" in asked[0]
    assert get("tiny") == folder
    assert calls(tools) == asked  # the second time nobody is asked


def test_a_source_package_is_asked_for_by_its_checksum(
    tools: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The setup.py of what is downloaded is run, so pip must be told beforehand what that has to be."""
    monkeypatch.setitem(PUBLISHED, "tiny", replace(published("pip"), source="ab" * 32))
    with zipfile.ZipFile(tools / "tiny-1.zip", "w") as archive:
        for name, data in CONTENTS.items():
            archive.writestr(f"inside/{name}", data)
    script(tools, "pip", f"/bin/cp requirements.txt {tools}/asked", f"/bin/cp {tools}/tiny-1.zip .")
    folder = get("tiny")
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == CONTENTS
    assert (tools / "asked").read_text() == f"tiny-package --hash=sha256:{'ab' * 32}\n"
    (call,) = calls(tools)
    assert "--require-hashes -r requirements.txt" in call
    assert "--no-deps" in call
    assert "only-binary" not in call


def test_every_source_package_has_a_checksum() -> None:
    for entry in PUBLISHED.values():
        assert entry.source == "" or (entry.client == "pip" and len(bytes.fromhex(entry.source)) == 32)
    assert PUBLISHED["vader"].source


@EVERY_CLIENT
def test_a_missing_client_is_named_with_the_way_round(
    client: str, tools: Path, tiny: Callable[[str], None], tmp_path: Path
) -> None:
    tiny(client)
    missing = {"pip": "pip", "npm": "npm", "apt": "dpkg"}[client]
    with pytest.raises(UsageError) as caught:
        get("tiny")
    assert f"a package for {missing}, which is not installed here" in caught.value.what
    assert "one.csv, two.csv" in str(caught.value.do)
    assert "ampsim data get tiny --from FOLDER" in str(caught.value.do)
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    "client, tool, said, why",
    [
        ("pip", "pip", "WARNING: slow|ERROR: nothing matches|ERROR: again", "ERROR: nothing matches"),
        ("npm", "npm", "npm error code E404|npm error more|npm error A complete log", "npm error code E404"),
        ("apt", "apt-get", "N: note|E: Unable to locate package", "E: Unable to locate package"),
        ("npm", "npm", "only this", "only this"),
        ("npm", "npm", "", "exit code 3, and it said nothing"),
    ],
)
def test_a_client_that_fails_is_quoted(
    client: str, tool: str, said: str, why: str, tools: Path, tiny: Callable[[str], None], tmp_path: Path
) -> None:
    tiny(client)
    package(client, tools, CONTENTS)
    script(tools, tool, *(f"echo '{line}' >&2" for line in said.split("|") if line), "exit 3")
    with pytest.raises(RunError) as caught:
        get("tiny")
    assert caught.value.what == f"{tool} could not deliver tiny-package: {why}"
    assert "--from FOLDER" in str(caught.value.do)
    assert left(tmp_path / "data") == []


def test_a_client_that_hangs_is_given_up(
    tools: Path, tiny: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny("npm")
    monkeypatch.setattr(clients, "PATIENCE", 0.05)
    script(tools, "npm", "exec /bin/sleep 60")
    with pytest.raises(RunError, match=r"npm has not delivered tiny-package in 0.05 s"):
        get("tiny")


def test_a_client_that_cannot_be_started(tools: Path, tiny: Callable[[str], None]) -> None:
    tiny("npm")
    (tools / "npm").write_bytes(b"\x7fELF no program")
    (tools / "npm").chmod(0o755)
    with pytest.raises(RunError, match="npm cannot be started"):
        get("tiny")


@EVERY_CLIENT
def test_a_client_that_leaves_nothing(client: str, tools: Path, tiny: Callable[[str], None]) -> None:
    tiny(client)
    for tool in ("pip", "npm", "apt-get", "dpkg"):
        script(tools, tool, "exit 0")
    with pytest.raises(RunError, match=r"(?s)not as expected: .* left 0 files .* instead of one"):
        get("tiny")


@EVERY_CLIENT
@pytest.mark.parametrize(
    "change, why",
    [
        ({"two.csv": b"4,5,7\n" * 70}, "two.csv is not the file of tiny: its SHA-256 is"),
        ({"two.csv": b"4,5,6\n" * 71}, "two.csv"),
        ({"two.csv": b""}, "two.csv"),
        ({"two.csv": None}, "two.csv"),
    ],
)
def test_a_package_with_another_file_is_refused(
    client: str,
    change: dict[str, bytes | None],
    why: str,
    tools: Path,
    tiny: Callable[[str], None],
    tmp_path: Path,
) -> None:
    tiny(client)
    changed = {name: data for name, data in {**CONTENTS, **change}.items() if data is not None}
    package(client, tools, changed)
    with pytest.raises(RunError, match=why):
        get("tiny")
    assert left(tmp_path / "data") == []


def test_the_whole_pip_of_this_python_is_preferred(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    assert clients.pip(published("pip"))[1:] == ["-m", "pip"]


def test_a_folder_serves_instead(tools: Path, tiny: Callable[[str], None], tmp_path: Path) -> None:
    tiny("npm")
    given = tmp_path / "given"
    given.mkdir()
    (given / "one.csv").write_bytes(CONTENTS["one.csv"])
    (given / "two.csv.gz").write_bytes(gzip.compress(CONTENTS["two.csv"]))
    (given / "more").write_bytes(b"not asked for")
    folder = get("tiny", given)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == CONTENTS
    assert calls(tools) == []


@pytest.mark.parametrize(
    "contents, why",
    [
        (b"4,5,7\n" * 70, "two.csv is not the file of tiny: its SHA-256 is"),
        (b"4,5,6\n" * 71, "two.csv is longer than the 420 bytes"),
        (b"4,5,6\n", "two.csv has 6 bytes instead of 420"),
        (None, "there is no two.csv in"),
    ],
)
def test_a_wrong_file_in_the_folder_is_named(
    contents: bytes | None, why: str, tools: Path, tiny: Callable[[str], None], tmp_path: Path
) -> None:
    tiny("npm")
    given = tmp_path / "given"
    given.mkdir()
    (given / "one.csv").write_bytes(CONTENTS["one.csv"])
    if contents is not None:
        (given / "two.csv").write_bytes(contents)
    with pytest.raises(UsageError, match=why) as caught:
        get("tiny", given)
    assert "one.csv, two.csv" in str(caught.value.do)
    assert left(tmp_path / "data") == []


def test_a_folder_that_does_not_exist(tools: Path, tiny: Callable[[str], None], tmp_path: Path) -> None:
    tiny("npm")
    with pytest.raises(UsageError, match="there is no folder"):
        get("tiny", tmp_path / "nowhere")
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("damage", ["changed", "longer", "gone"])
def test_a_damaged_set_is_replaced(damage: str, tools: Path, tiny: Callable[[str], None], tmp_path: Path) -> None:
    tiny("npm")
    package("npm", tools, CONTENTS)
    file = get("tiny") / "one.csv"
    if damage == "gone":
        file.unlink()
    else:
        file.write_bytes(CONTENTS["one.csv"] + b"x" if damage == "longer" else b"9" + CONTENTS["one.csv"][1:])
    assert not present("tiny")
    get("tiny")
    assert present("tiny")
    assert left(tmp_path / "data") == ["tiny"]


def test_reading_checks_what_it_reads(tools: Path, tiny: Callable[[str], None]) -> None:
    tiny("npm")
    with pytest.raises(UsageError, match=r"(?s)tiny is not here.*ampsim data get tiny"):
        read("tiny", "one.csv")
    package("npm", tools, CONTENTS)
    folder = get("tiny")
    assert read("tiny", "one.csv") == CONTENTS["one.csv"]
    (folder / "one.csv").write_bytes(b"9" + CONTENTS["one.csv"][1:])
    with pytest.raises(UsageError, match=r"(?s)one.csv is damaged.*one.csv.*ampsim data get tiny"):
        read("tiny", "one.csv")
    (folder / "two.csv").unlink()
    (folder / "two.csv").mkdir()
    with pytest.raises(UsageError, match=r"two.csv cannot be read"):
        read("tiny", "two.csv")


def test_a_data_folder_that_cannot_be_made(tools: Path, tiny: Callable[[str], None], tmp_path: Path) -> None:
    tiny("npm")
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(RunError, match="tiny cannot be stored"):
        get("tiny", target=tmp_path / "file" / "data")


def test_a_failure_leaves_an_empty_folder_of_the_user_alone(
    tools: Path, tiny: Callable[[str], None], tmp_path: Path
) -> None:
    tiny("npm")
    (tmp_path / "data").mkdir()
    with pytest.raises(UsageError):
        get("tiny")
    assert left(tmp_path) == ["data", "tools"]


def test_where_the_data_folder_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(store.VARIABLE, raising=False)
    assert data_folder() == Path("data")
    monkeypatch.setenv(store.VARIABLE, "/somewhere")
    assert data_folder() == Path("/somewhere")
    assert data_folder("else") == Path("else")


@pytest.mark.parametrize("function", [get, present, find])
def test_an_unknown_name_gets_a_hint(function: Callable[[str], object]) -> None:
    with pytest.raises(UsageError, match=r"(?s)no data set 'fashion-mnist'.*did you mean fashion_mnist\?"):
        function("fashion-mnist")
    with pytest.raises(UsageError, match="one of: mnist5k, mnist, fashion_mnist, qm9"):
        function("../etc")


def test_the_catalogue_is_well_formed() -> None:
    for name, entry in PUBLISHED.items():
        assert entry.name == name
        assert entry.client in CLIENTS
        assert entry.size == sum(file.size for file in entry.files) > 0
        assert len({file.sha256 for file in entry.files}) == len(entry.files)
        for file in entry.files:
            assert len(file.sha256) == 64
            assert os.sep not in file.name
            assert Path(file.member).name.removesuffix(".gz") == file.name.removesuffix(".gz")
