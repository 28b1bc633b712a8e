"""Every example on a page runs and says what the page says it says."""

from __future__ import annotations

import doctest
import io
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from ampsim.cli.main import main
from tests.docs.pages import PAGES, ROOT, blocks, sessions

FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
pytestmark = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


@pytest.fixture
def folder(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with the files that the page shows, in which its examples run."""
    for block in blocks(page):
        if block.title:
            (tmp_path / block.title).write_text(block.text, encoding="utf-8")
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(ROOT / "examples")
    monkeypatch.syspath_prepend(tmp_path)
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith((str(tmp_path), str(ROOT / "examples"))):
            del sys.modules[name]


@pytest.mark.alone
@pytest.mark.usefixtures("no_leaks")
def test_examples_in_python(page: Path, folder: Path) -> None:
    text = page.read_text(encoding="utf-8")
    examples = doctest.DocTestParser().get_doctest(text, {"__name__": "page"}, page.name, str(page), 0)
    said: list[str] = []
    result = doctest.DocTestRunner(optionflags=FLAGS).run(examples, out=said.append)
    assert result.failed == 0, "".join(said)


def called(command: str) -> tuple[int, str]:
    """An ``ampsim`` command in this process, which spares a start of Python: exit code and all it says."""
    said = io.StringIO()
    with redirect_stdout(said), redirect_stderr(said), pytest.raises(SystemExit) as end:
        main(shlex.split(command)[1:])
    assert isinstance(end.value.code, int)
    return end.value.code, said.getvalue()


def started(command: str, folder: Path) -> tuple[int, str]:
    """Any other command, or one with a pipe, in a shell: exit code and all it says."""
    shown = {key: value for key, value in os.environ.items() if not key.startswith("AMPSIM_")}
    shown |= {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "COLUMNS": "120", "PYTHONPATH": str(ROOT)}
    words = ["bash", "-c", f"{{ {command}\n}} 2>&1"]
    done = subprocess.run(words, cwd=folder, env=shown, check=False, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout


def test_commands_that_are_marked_run(page: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("AMPSIM_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("COLUMNS", "120")
    last = 0
    for block in blocks(page):
        for command, expected in sessions(block.text) if block.runs else ():
            if command == "echo $?":
                said = f"{last}\n"
            elif re.fullmatch(r"ampsim [^|<>&;$*]*", command):
                last, said = called(command)
            else:
                last, said = started(command, folder)
            same = doctest.OutputChecker().check_output(expected, said, FLAGS)
            assert same, f"{page.name}:{block.line}: $ {command}\nexpected:\n{expected}\ngot:\n{said}"


def test_other_blocks_of_python_can_be_read(page: Path) -> None:
    for block in blocks(page):
        if block.language == "python" and ">>>" not in block.text:
            compile(block.text, f"{page.name}:{block.line}", "exec")
