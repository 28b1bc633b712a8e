"""The laws of imports that import-linter cannot state: whole names, homes of libraries, a light face."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.packaging.tree import FOLDERS, ROOT, WINGS, module_name, source_files, start_python

# The one wing that may import a library: the others stay light, and free of what it drags in.
HOMES = {"plotly": "ampsim.reports", "simpy": "ampsim.hw", "multiprocess": "ampsim.runtime"}
# Modules that may use the public face, because they stand above it.
ABOVE_THE_FACE = ("ampsim.cli", "ampsim.studies")
HEAVY = ("networkx", "numpy", "plotly", "multiprocess", "simpy")


def imports(source: str) -> Iterator[str]:
    """Every module named by an import statement, wherever it stands in the source.

    For `from a import b` this is `a`; whether `b` is a module is not known here.
    """
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." * node.level + (node.module or "")
        elif isinstance(node, ast.Call):
            yield from _imported_by_call(node)


def _imported_by_call(node: ast.Call) -> Iterator[str]:
    name = ast.unparse(node.func)
    if name in ("importlib.import_module", "import_module", "__import__") and node.args:
        argument = node.args[0]
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
            yield argument.value


def offences(path: Path, banned: tuple[str, ...]) -> list[str]:
    """Imports in ``path`` whose first name is one of ``banned``."""
    found = imports((ROOT / path).read_text())
    return [f"{path}: {name}" for name in found if name.partition(".")[0] in banned]


@pytest.mark.parametrize(
    "line",
    [
        "import hw",
        "import runtime.worker",
        "from reports import x",
        "__import__('workloads')",
        "import a, hw",
    ],
)
def test_a_bare_import_is_noticed(line: str) -> None:
    assert {name.partition(".")[0] for name in imports(f"def f():\n    {line}\n")} & set(WINGS)


def test_nothing_imports_a_wing_by_its_bare_name() -> None:
    """It would load the wing a second time, as another module, wherever the checkout is on the path."""
    assert [line for path in source_files() for line in offences(path, WINGS)] == []


def test_imports_are_absolute() -> None:
    relative = [
        f"{path}: {name}"
        for path in source_files(*FOLDERS)
        for name in imports((ROOT / path).read_text())
        if name.startswith(".")
    ]
    assert relative == []


@pytest.mark.parametrize("library", HOMES)
def test_a_heavy_library_is_imported_in_its_wing_only(library: str) -> None:
    elsewhere = [path for path in source_files(*FOLDERS) if not module_name(path).startswith(HOMES[library])]
    assert [line for path in elsewhere for line in offences(path, (library,))] == []


def test_only_the_roof_uses_the_face() -> None:
    """The face loads everything else; a module below it that used it would stand on its own roof."""
    users = []
    for path in source_files(*FOLDERS):
        if module_name(path) == "ampsim" or module_name(path).startswith(ABOVE_THE_FACE):
            continue
        for node in ast.walk(ast.parse((ROOT / path).read_text())):
            if isinstance(node, ast.ImportFrom) and node.module == "ampsim" and not node.level:
                users += [f"{path}: {alias.name}" for alias in node.names if not _is_module(alias.name)]
            elif isinstance(node, ast.Import):
                users += [f"{path}: ampsim" for alias in node.names if alias.name == "ampsim"]
    assert users == []


def _is_module(name: str) -> bool:
    return (ROOT / "ampsim" / name).is_dir() or (ROOT / "ampsim" / f"{name}.py").is_file()


@pytest.mark.parametrize("module", ["ampsim", "ampsim.cli.main"])
def test_the_first_import_loads_nothing_heavy(module: str) -> None:
    """`import ampsim` and `ampsim --help` answer at once: libraries are loaded by what needs them."""
    program = f"import sys, {module}; print(*sorted({set(HEAVY)!r} & set(sys.modules)))"
    done = start_python("-W", "error", "-c", program)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []
