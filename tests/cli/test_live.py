"""``--live`` as a user has it: the address on stderr, a page while it trains, nobody left behind."""

from __future__ import annotations

import json
import os
import re
import select
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest

from tests.cli.conftest import Ampsim
from tests.cli.jobs import SMALL
from tests.cli.test_streams import LONG, PATIENCE, PROGRAM, nothing_runs_on, start, unharmed, wait_for_workers
from tests.reports.live.client import ask, state

__all__ = ["nothing_runs_on", "unharmed"]
pytestmark = pytest.mark.slow


def address(program: subprocess.Popen[bytes]) -> str:
    """The URL, the first thing the program says."""
    assert program.stderr
    assert select.select([program.stderr], [], [], PATIENCE)[0]
    said = program.stderr.readline().decode()
    found = re.fullmatch(r"live page: (http://127\.0\.0\.1:\d+/[\w-]+/)\n", said)
    assert found, said
    return found[1]


def refused(url: str) -> bool:
    parts = urlsplit(url)
    try:
        socket.create_connection((str(parts.hostname), parts.port or 0), 5).close()
    except OSError:
        return True
    return False


def wait_until_running(url: str) -> Any:
    seen = -1
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        found = state(url, f"?seen={seen}&page=p")
        if found["run"] and found["run"]["done"]:
            return found
        seen = found["version"]
    pytest.fail("it does not run")


def listening(program: subprocess.Popen[bytes]) -> list[str]:
    """Addresses that the program and all its processes listen on."""
    every = [psutil.Process(program.pid), *psutil.Process(program.pid).children(recursive=True)]
    return [str(one.laddr[0]) for process in every for one in process.net_connections("inet") if one.status == "LISTEN"]


def test_ctrl_c_ends_the_run_its_page_and_everybody(folder: Path, unharmed: None) -> None:
    program = start("run", "mlp", *LONG, "-o", "run", "--live")
    url = address(program)
    found = wait_until_running(url)
    assert found["phase"] == "running"
    assert found["run"]["total"] > 100_000
    assert listening(program) == ["127.0.0.1"]
    processes = wait_for_workers(program, 2)
    last: list[Any] = []

    def page() -> None:
        seen = -1
        while not last or not last[-1]["over"]:
            last.append(state(url, f"?seen={seen}&page=q"))
            seen = last[-1]["version"]

    thread = threading.Thread(target=page)
    thread.start()
    os.killpg(program.pid, signal.SIGINT)
    out, err = program.communicate(timeout=PATIENCE)
    thread.join(PATIENCE)
    assert (program.returncode, out, err.decode().strip()) == (130, b"", "interrupted")
    assert last[-1]["phase"] == "interrupted"
    _, alive = psutil.wait_procs(processes, timeout=5)
    assert alive == []
    assert refused(url)
    assert list(folder.iterdir()) == []


def test_a_killed_worker_is_an_error_on_the_terminal_and_on_the_page(folder: Path, unharmed: None) -> None:
    program = start("run", "mlp", *LONG, "-o", "run", "--live", "-q")
    url = address(program)
    wait_until_running(url)
    worker = max(wait_for_workers(program, 2), key=lambda child: child.create_time())
    worker.kill()
    out, err = program.communicate(timeout=PATIENCE)
    assert (program.returncode, out) == (1, b"")
    assert err.decode().startswith("error: worker ")
    assert refused(url)


def test_a_simulation_ends_with_its_report_on_the_page(folder: Path) -> None:
    program = start("simulate", "mlp", *SMALL, "-s", "host", "-o", "run", "--report", "run/report.html", "--live")
    url = address(program)
    seen, over = -1, False
    while not over:
        found = state(url, f"?seen={seen}&page=p")
        seen, over = found["version"], found["over"]
    assert (found["phase"], found["report"]) == ("ended", True)
    assert found["message"] == "run folder: run\nreport: run/report.html"
    report = ask(url, "report?page=p")
    out, err = program.communicate(timeout=PATIENCE)
    assert report.body == (folder / "run" / "report.html").read_bytes()
    assert (program.returncode, err) == (0, b"")
    assert b"run folder: run" in out
    assert refused(url)


def test_what_comes_out_is_the_same_with_and_without(folder: Path) -> None:
    words = ("simulate", "mlp", *SMALL, "-s", "host", "--json", "-q")
    done = [
        subprocess.run([*PROGRAM, *words, *more], capture_output=True, text=True, timeout=PATIENCE, check=True)
        for more in (("-o", "a"), ("-o", "b", "--live"))
    ]
    without, with_page = (json.loads(one.stdout) for one in done)
    assert {**without, "folder": ""} == {**with_page, "folder": ""}
    assert done[0].stderr == ""
    assert done[1].stderr.startswith("live page: ")


@pytest.mark.parametrize("words", [("run", "mpl", "--live"), ("run", "mlp", "-w", "0", "--live")])
def test_a_wrong_request_has_no_page(words: tuple[str, ...], ampsim: Ampsim) -> None:
    done = ampsim(*words)
    assert done.code == 2
    assert "live page" not in done.err
