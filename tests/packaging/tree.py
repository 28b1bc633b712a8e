"""The checkout as git and setuptools see it; shared by the tests of the house."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
WINGS = ("hw", "reports", "runtime", "workloads")
FOLDERS = ("ampsim", *WINGS)


def git_files(*folders: str) -> list[Path]:
    """Files below ``folders``, relative to the root: tracked ones and new ones that git would not ignore.

    In a fresh clone this is what `git ls-files` prints; files deleted but not yet committed are left out.
    """
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *folders]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    paths = sorted({Path(name) for name in listed.split("\0") if name})
    return [path for path in paths if (ROOT / path).exists() or (ROOT / path).is_symlink()]


def source_files(*folders: str) -> list[Path]:
    """The Python files among :func:`git_files`, links left out."""
    return [path for path in git_files(*folders) if path.suffix == ".py" and not (ROOT / path).is_symlink()]


def installed_path(path: Path) -> Path:
    """Where a file of the five folders stands in the wheel: `hw/x.py` is `ampsim/hw/x.py`."""
    return path if path.parts[0] == "ampsim" else Path("ampsim") / path


def module_name(path: Path) -> str:
    """The module a Python file is imported as."""
    parts = installed_path(path).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def start(*command: object, cwd: Path = ROOT, stdin: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs a command to its end, its output kept; ``environment`` is added to ours."""
    return subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        input=stdin,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def start_python(*arguments: object, cwd: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs this interpreter."""
    return start(sys.executable, *arguments, cwd=cwd, **environment)


def settings() -> dict[str, Any]:
    """pyproject.toml."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text())
