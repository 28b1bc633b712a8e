"""``ampsim trace``: what it writes, says and refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Ampsim
from tests.result.synthetic import make_run


@pytest.fixture
def run(folder: Path) -> Path:
    make_run(2).save(folder / "done")
    return folder / "done"


@pytest.mark.parametrize("name", ["x.json", "x.json.gz", "x.perfetto-trace", "x.chakra"])
def test_it_writes_what_the_name_says_and_replaces_only_when_told(
    ampsim: Ampsim, folder: Path, run: Path, name: str
) -> None:
    done = ampsim("trace", "done", "-o", name)
    assert (done.code, done.out) == (0, f"trace: {name}\n")
    assert done.err.endswith(" MB\n")
    assert (folder / name).exists()
    again = ampsim("trace", "done", "-o", name)
    assert again.code == 2
    assert f"{name} exists already" in again.err
    assert ampsim("trace", "done", "-o", name, "--force", "-q") == (0, f"trace: {name}\n", "")


def test_a_window_says_what_it_left_out(ampsim: Ampsim, folder: Path, run: Path) -> None:
    done = ampsim("trace", "done", "-o", "part.json", "--from", "100ms", "--to", "0.4")
    assert done.code == 0
    assert "left out, because they lie outside of --from and --to:" in done.err
    asked = ampsim("trace", "done", "-o", "part.json", "--from", "1e-1s", "--to", "400 ms", "--force", "--json")
    found = json.loads(asked.out)
    assert found["trace"] == "part.json"
    assert found["format"] == "Chrome JSON"
    assert found["bytes"] == (folder / "part.json").stat().st_size
    assert f"{found['left_out']['tasks']:,} tasks" in done.err
    assert ampsim("trace", "done", "-o", "whole.json").err.count("\n") == 1


@pytest.mark.parametrize(
    "arguments, words",
    [
        (("done", "-o", "x.txt"), "no trace is called 'x.txt'"),
        (("done", "-o", "there/x.json"), "is no folder"),
        (("missing", "-o", "x.json"), "missing"),
        (("done",), "missing option '-o'"),
        (("done", "-o", "x.json", "--from", "soon"), "'soon' is no time"),
        (("done", "-o", "x.json", "--to", "1e300"), "'1e300' is no time"),
        (("done", "-o", "x.json", "--from", "2", "--to", "1"), "ends before it begins"),
        (("done", "-o", "x.json", "--from", "1e6"), "lies behind the end of the run"),
        (("done", "-o", "x.chakra", "--from", "2"), "of a whole run"),
        (("done", "-o", "counted.json"), "no clock"),
    ],
)
def test_a_wrong_request_is_told_what_is_wrong_and_leaves_nothing(
    ampsim: Ampsim, folder: Path, run: Path, arguments: tuple[str, ...], words: str
) -> None:
    if "counted.json" in arguments:
        counted = make_run(1)
        counted.summary["makespan"] = 0.0
        for name in ("start", "end"):
            counted.tables["tasks"][name][:] = 0
        counted.save(run, force=True)
    done = ampsim("trace", *arguments)
    assert done.code == 2
    assert words in done.err
    assert "Traceback" not in done.err
    assert done.out == ""
    assert [path.name for path in folder.iterdir()] == ["done"]
