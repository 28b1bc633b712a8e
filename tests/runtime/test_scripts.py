"""A run started from a script without a guard, from standard input or from a notebook needs no special care."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PATIENCE = 60

RUN = """
print("once", __name__)
from ampsim.runtime.mesh import make_mesh
from ampsim.runtime.pool import Pool
with make_mesh(2) as mesh, Pool("tests.runtime.entries:main_module", 2, mesh=mesh, method={method!r}) as pool:
    print(sorted(said.message for said in pool.finish(60)))
"""
EXPECTED = "once __main__\n[b'no script', b'no script']\n"
NOTEBOOK = """
import sys, types
main = types.ModuleType("__main__")  # as a kernel does: the cells run in a module that has no file
main.__builtins__ = __builtins__
sys.modules["__main__"] = main
for cell in {cells!r}:
    exec(compile(cell, "<cell>", "exec"), main.__dict__)
"""


def python(*arguments: str, text: str | None = None) -> str:
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        input=text,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.fixture(params=["forkserver", "spawn"])
def script(request: pytest.FixtureRequest) -> str:
    return f"import sys; sys.path.insert(0, {str(ROOT)!r})" + RUN.format(method=request.param)


def test_a_script_without_a_guard(script: str, tmp_path: Path) -> None:
    path = tmp_path / "script.py"
    path.write_text(script)
    assert python(str(path)) == EXPECTED


def test_a_script_on_standard_input(script: str) -> None:
    assert python("-", text=script) == EXPECTED


def test_a_command_line(script: str) -> None:
    assert python("-c", script) == EXPECTED


def test_a_module_run_by_its_name(script: str, tmp_path: Path) -> None:
    (tmp_path / "byname.py").write_text(script)
    code = (
        f"import runpy, sys; sys.path.insert(0, {str(tmp_path)!r}); runpy.run_module('byname', None, '__main__', True)"
    )
    assert python("-c", code) == EXPECTED


def test_a_notebook(script: str) -> None:
    head, body = script.split("\nfrom", 1)
    assert python("-c", NOTEBOOK.format(cells=[head, "from" + body])) == EXPECTED


def test_modules_beside_the_script_do_not_get_into_the_way(script: str, tmp_path: Path) -> None:
    for name in ("hw", "reports", "queue", "multiprocess", "signal"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('the wrong module')\n")
    done = subprocess.run(
        [sys.executable, "-P", "-c", script],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert (done.stdout, done.stderr) == (EXPECTED, "")


def test_the_main_modules_own_functions_get_one_clear_error(tmp_path: Path) -> None:
    path = tmp_path / "script.py"
    path.write_text(
        "from ampsim.runtime.pool import Pool\n"
        "from ampsim.errors import UsageError\n"
        "def work(worker): pass\n"
        "try:\n    Pool(f'{work.__module__}:work', 1)\n"
        "except UsageError as error:\n    print(error)\n"
    )
    assert python(str(path)) == (
        "workers cannot call '__main__:work': it lives in the main script, which they do not run\n"
        "  do: move it into a module that can be imported\n"
    )
