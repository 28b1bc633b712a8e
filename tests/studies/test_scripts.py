"""``ampsim.run`` from where people call it: a script without a guard, standard input, a notebook."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.packaging.tree import ROOT
from tests.studies.own_job import OWN_JOB

PATIENCE = 60
CALL = """\
import ampsim
job = ampsim.workload("mlp", data="generated", training=200, validation=100, width=16).with_training(epochs=1)
run = ampsim.run(job, workers=2)
print("once", run.backend, len(run.epochs))
"""
EXPECTED = "once runtime 1\n"
NOTEBOOK = """\
import sys, types
main = types.ModuleType("__main__")  # as a kernel does: the cells run in a module that has no file
main.__builtins__ = __builtins__
sys.modules["__main__"] = main
for cell in {cells!r}:
    exec(compile(cell, "<cell>", "exec"), main.__dict__)
"""


def python(*arguments: str, cwd: Path, text: str | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        input=text,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def check(done: subprocess.CompletedProcess[str], expected: str = EXPECTED) -> None:
    assert (done.returncode, done.stdout, done.stderr) == (0, expected, "")


def test_a_script_without_a_guard(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(CALL)
    check(python("script.py", cwd=tmp_path))


def test_standard_input(tmp_path: Path) -> None:
    check(python("-", cwd=tmp_path, text=CALL))


def test_a_notebook(tmp_path: Path) -> None:
    first, second = CALL.split("run = ", 1)
    check(python("-c", NOTEBOOK.format(cells=[first, "run = " + second]), cwd=tmp_path))


def test_a_script_with_a_module_of_its_own_beside_it(tmp_path: Path) -> None:
    (tmp_path / "counting.py").write_text(OWN_JOB)
    (tmp_path / "script.py").write_text(
        "import ampsim, counting\nrun = ampsim.run(counting.build(6), workers=2)\nprint(run.job, len(run.epochs))\n"
    )
    check(python("script.py", cwd=tmp_path), "counting 2\n")
    check(python(str(tmp_path / "script.py"), cwd=tmp_path.parent), "counting 2\n")


def test_foreign_modules_of_our_names_beside_the_script(tmp_path: Path) -> None:
    """A folder of work may hold a ``hw.py`` or a ``reports`` of its own."""
    for name in ("hw", "reports", "runtime", "workloads", "studies", "cli"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('the wrong module')\n")
    (tmp_path / "script.py").write_text(CALL)
    check(python("script.py", cwd=tmp_path))


CAUGHT = (
    "\n\ntry:\n    ampsim.{call}\nexcept ampsim.AmpsimError as error:\n    print(error.exit_code)\n    print(error)\n"
)


@pytest.mark.parametrize("call", ["run(build())", "simulate(build(), 'host')", "verify(build().graph)"])
@pytest.mark.parametrize("how", ["script", "input", "notebook"])
def test_functions_of_the_script_itself_get_one_clear_error(call: str, how: str, tmp_path: Path) -> None:
    text = OWN_JOB + CAUGHT.format(call=call)
    if how == "script":
        (tmp_path / "script.py").write_text(text)
        done = python("script.py", cwd=tmp_path)
    elif how == "input":
        done = python("-", cwd=tmp_path, text=text)
    else:
        done = python("-c", NOTEBOOK.format(cells=[text]), cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    code, *lines = done.stdout.splitlines()
    assert code == "2"
    assert any("stands in a script, which workers do not import; move it to a module beside" in line for line in lines)


def test_a_lambda_is_told_apart(tmp_path: Path) -> None:
    text = OWN_JOB.replace('Cond("more", more,', 'Cond("more", lambda state, length: state[1] < length,')
    (tmp_path / "counting.py").write_text(text)
    (tmp_path / "script.py").write_text(
        "import ampsim, counting\ntry:\n    ampsim.run(counting.build())\nexcept ampsim.AmpsimError as error:\n"
        "    print(error)\n"
    )
    done = python("script.py", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "'counting:build.<locals>.<lambda>' is a lambda, which no other process can import" in done.stdout


def test_an_import_starts_nothing_and_sets_nothing_up(tmp_path: Path) -> None:
    code = (
        "import logging, os, signal, sys, threading, warnings, numpy\n"  # numpy brings filters of its own
        "before = dict(os.environ), list(sys.path), signal.getsignal(signal.SIGINT), list(warnings.filters)\n"
        "import ampsim, ampsim.studies.execute, ampsim.runtime.backend, ampsim.reports, ampsim.hw\n"
        "after = dict(os.environ), list(sys.path), signal.getsignal(signal.SIGINT), list(warnings.filters)\n"
        "assert before == after\nassert not logging.root.handlers\nassert threading.active_count() == 1\n"
        "assert not os.listdir('.')\n"
    )
    check(python("-c", code, cwd=tmp_path), "")
