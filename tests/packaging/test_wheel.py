"""The wheel holds exactly the five folders, under one name, and works where there is no checkout."""

from __future__ import annotations

import configparser
import shutil
import sysconfig
import zipfile
from pathlib import Path

import pytest

from tests.packaging.tree import (
    FOLDERS,
    ROOT,
    git_files,
    installed_path,
    module_name,
    source_files,
    start,
    start_python,
)

# Imports the modules named on standard input and tells which fail or come from somewhere else.
IMPORT_ALL = """
import importlib, sys, traceback
failed = 0
for name in sys.stdin.read().split():
    try:
        module = importlib.import_module(name)
        if not module.__file__.startswith(sys.prefix):
            raise ImportError(f"{name} came from {module.__file__}")
    except BaseException:
        failed += 1
        print(f"--- {name}")
        traceback.print_exc(limit=-2, file=sys.stdout)
sys.exit(bool(failed))
"""

pytestmark = pytest.mark.timeout(180)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel built as `pip install .` would, from a clean copy: nothing stale, nothing left in the checkout."""
    base = tmp_path_factory.mktemp("wheel")
    copy = base / "checkout"
    for path in git_files():
        target = copy / path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / path, target, follow_symlinks=False)
    done = start_python("-m", "build", "--wheel", "--no-isolation", "--outdir", base, copy)
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = base.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def names(wheel: Path) -> list[str]:
    """What the wheel holds."""
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of a fresh environment with the wheel in it, its dependencies borrowed from ours."""
    home = tmp_path_factory.mktemp("fresh") / "venv"
    python = home / "bin" / "python"
    steps = [
        start_python("-m", "venv", "--without-pip", home),
        start_python("-m", "pip", "--python", python, "install", "--no-index", "--no-deps", "--quiet", wheel),
        start(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"),
    ]
    for step in steps:
        assert step.returncode == 0, step.stderr
    site = steps[-1].stdout.strip()
    # Only the folder is added: .pth files inside it, our own editable install among them, are not followed.
    borrowed = dict.fromkeys(sysconfig.get_path(kind) for kind in ("purelib", "platlib"))
    (Path(site) / "borrowed.pth").write_text("\n".join(borrowed))
    return python


def test_the_wheel_holds_the_files_of_the_five_folders(names: list[str]) -> None:
    held = {Path(name) for name in names if ".dist-info/" not in name}
    tracked = {installed_path(path) for path in git_files(*FOLDERS) if not (ROOT / path).is_symlink()}
    assert sorted(map(str, tracked - held)) == [], "missing: add the package or its data to pyproject.toml"
    assert sorted(map(str, held - tracked)) == []


def test_ampsim_is_the_only_top_level_name(names: list[str]) -> None:
    """A package called `reports` would be overwritten by the next one that is called so."""
    assert {name.partition("/")[0] for name in names if ".dist-info/" not in name} == {"ampsim"}


def test_the_wheel_has_the_command_and_the_licence(wheel: Path, names: list[str]) -> None:
    (entry,) = [name for name in names if name.endswith("entry_points.txt")]
    scripts = configparser.ConfigParser()
    with zipfile.ZipFile(wheel) as archive:
        scripts.read_string(archive.read(entry).decode())
    assert dict(scripts["console_scripts"]) == {"ampsim": "ampsim.cli.main:main"}
    assert [name for name in names if name.endswith("LICENSE")]


def test_every_module_imports_outside_the_checkout(python: Path, tmp_path: Path) -> None:
    modules = [module_name(path) for path in source_files(*FOLDERS) if path.stem != "__main__"]
    done = start(python, "-W", "error", "-c", IMPORT_ALL, cwd=tmp_path, stdin="\n".join(modules))
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_command_answers_outside_the_checkout(python: Path, tmp_path: Path) -> None:
    done = start(python.parent / "ampsim", "--help", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Usage:" in done.stdout
    assert done.stderr == ""
