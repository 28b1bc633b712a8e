"""The command line called in this process: quick, and its words exactly as a user sees them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from ampsim.cli.main import main
from ampsim.runtime.start import warm_up


class Done(NamedTuple):
    """What a command left: exit code, stdout and stderr."""

    code: int
    out: str
    err: str


Ampsim = Callable[..., Done]


HERE = Path(__file__).parent


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> None:
    """The fork server stays for the life of the process; it is there before any test is watched for leaks."""
    if any(HERE in item.path.parents and item.get_closest_marker("runtime") for item in session.items):
        warm_up()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder of work, which is the current one; no data set is in reach."""
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    monkeypatch.delenv("AMPSIM_DATA", raising=False)
    monkeypatch.setenv("COLUMNS", "100")
    return work


@pytest.fixture
def ampsim(folder: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Ampsim]:
    """Calls ``ampsim`` with arguments; modules and paths that a job of a file brought in are taken out again."""
    before, path = set(sys.modules), list(sys.path)

    def call(*arguments: object) -> Done:
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            main([str(argument) for argument in arguments])
        assert isinstance(end.value.code, int)
        return Done(end.value.code, *capsys.readouterr())

    yield call
    sys.path[:] = path
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", None)).startswith(str(folder.parent)):
            del sys.modules[name]
