"""The floors of the house hold, and import-linter notices when they do not, through the links as well."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.packaging.tree import FOLDERS, ROOT, git_files, start_python


def lint(checkout: Path) -> subprocess.CompletedProcess[str]:
    """import-linter, run at the top of a checkout whose own `ampsim` it must see."""
    program = "import sys; sys.path.insert(0, ''); from importlinter.cli import lint_imports_command as main; main()"
    return start_python("-c", program, "--no-cache", cwd=checkout, NO_COLOR="1", COLUMNS="200")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of the five folders to break."""
    for path in git_files(*FOLDERS, "pyproject.toml"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / path, tmp_path / path, follow_symlinks=False)
    return tmp_path


def test_the_floors_hold() -> None:
    done = lint(ROOT)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    "file, line",
    [
        ("hw/planted.py", "from ampsim.runtime import planted"),
        ("runtime/planted.py", "import ampsim.hw"),
        ("reports/planted.py", "def late():\n    from ampsim import workloads"),
        ("workloads/planted.py", "import ampsim.studies"),
        ("ampsim/engine/planted.py", "import ampsim.reports"),
        ("ampsim/ir/planted.py", "import ampsim.engine"),
        ("ampsim/ir/planted.py", "import ampsim.result"),
        ("ampsim/result/planted.py", "from ampsim import cli"),
        ("ampsim/studies/planted.py", "import ampsim.cli"),
    ],
)
def test_a_planted_violation_is_found(checkout: Path, file: str, line: str) -> None:
    (checkout / file).write_text(f"{line}\n")
    done = lint(checkout)
    assert done.returncode == 1, done.stdout
    assert "planted" in done.stdout


def test_a_module_without_a_floor_is_found(checkout: Path) -> None:
    (checkout / "ampsim" / "planted.py").write_text("")
    done = lint(checkout)
    assert done.returncode == 1, done.stdout
    assert "ampsim.planted" in done.stdout
