"""What goes where, and how the program ends: in processes of its own."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import select
import shlex
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.cli.conftest import Ampsim
from tests.cli.jobs import SMALL
from tests.leaks import Snapshot

PROGRAM = (sys.executable, "-c", "from ampsim.cli.main import main; main()")
PATIENCE = 60
# Long enough to be interrupted in its middle, whatever the machine.
LONG = (*SMALL, "--set", "training.epochs=100000", "--set", "training.target=null")


@pytest.fixture
def unharmed() -> Iterator[None]:
    """Fails the test if the program leaves a process or a name in shared memory."""
    before = Snapshot.take()
    yield
    assert before.leaks() == []


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*PROGRAM, *words], capture_output=True, text=True, timeout=PATIENCE, check=False)


started: list[subprocess.Popen[bytes]] = []


def start(*words: str) -> subprocess.Popen[bytes]:
    program = subprocess.Popen(
        [*PROGRAM, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    )
    started.append(program)
    return program


@pytest.fixture(autouse=True)
def nothing_runs_on() -> Iterator[None]:
    """A program that a failed test has left would train for hours."""
    yield
    while started:
        program = started.pop()
        if program.poll() is None:
            os.killpg(program.pid, signal.SIGKILL)
            program.communicate()


def wait_for_workers(program: subprocess.Popen[bytes], count: int) -> list[psutil.Process]:
    """The processes below the program, when the workers among them stand and compute."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and program.poll() is None:
        children = psutil.Process(program.pid).children(recursive=True)
        # Besides the workers there are the fork server and the resource tracker.
        busy = [child for child in children if sum(child.cpu_times()[:2]) > 0.3]
        if len(busy) >= count:
            return children
        select.select([], [], [], 0.02)
    pytest.fail("the workers did not come up")


# Ctrl-C -------------------------------------------------------------------------------------------------------------


def test_ctrl_c_during_a_run_ends_everything_quietly(folder: Path, unharmed: None) -> None:
    program = start("run", "mlp", *LONG, "-o", "run")
    processes = wait_for_workers(program, 2)
    os.killpg(program.pid, signal.SIGINT)
    out, err = program.communicate(timeout=PATIENCE)
    assert (program.returncode, out, err.decode().strip()) == (130, b"", "interrupted")
    _, alive = psutil.wait_procs(processes, timeout=5)
    assert alive == []
    assert list(folder.iterdir()) == []


def test_ctrl_c_during_a_simulation(folder: Path) -> None:
    program = start("simulate", "mlp", *LONG, "-s", "host", "-o", "run")
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and psutil.Process(program.pid).cpu_times().user < 1:
        select.select([], [], [], 0.02)
    os.killpg(program.pid, signal.SIGINT)
    out, err = program.communicate(timeout=PATIENCE)
    assert (program.returncode, out, err.decode().strip()) == (130, b"", "interrupted")
    assert list(folder.iterdir()) == []


def test_a_worker_that_is_killed_ends_the_run_with_1(folder: Path, unharmed: None) -> None:
    program = start("run", "mlp", *LONG, "-o", "run")
    children = wait_for_workers(program, 2)
    worker = max(children, key=lambda child: child.create_time())
    worker.kill()
    out, err = program.communicate(timeout=PATIENCE)
    assert (program.returncode, out) == (1, b"")
    text = err.decode()
    assert text.startswith("error: worker ")
    assert "SIGKILL" in text
    assert "Traceback" not in text
    assert list(folder.iterdir()) == []


# Pipes --------------------------------------------------------------------------------------------------------------


def test_a_reader_that_has_seen_enough_is_no_error(folder: Path) -> None:
    command = " ".join(PROGRAM[:2]) + f" '{PROGRAM[2]}' workload show list_reduction --json"
    script = f"set -o pipefail; {command} | head -n 1"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "{\n", "")


def test_a_reader_that_was_never_there(folder: Path) -> None:
    ours, theirs = os.pipe()
    os.close(ours)
    program = subprocess.Popen([*PROGRAM, "hw", "list"], stdout=theirs, stderr=subprocess.PIPE)
    os.close(theirs)
    _, err = program.communicate(timeout=PATIENCE)
    assert (program.returncode, err) == (0, b"")


def test_an_error_nobody_reads(folder: Path) -> None:
    ours, theirs = os.pipe()
    os.close(ours)
    program = subprocess.Popen([*PROGRAM, "run", "mpl"], stdout=subprocess.PIPE, stderr=theirs)
    os.close(theirs)
    program.communicate(timeout=PATIENCE)
    assert program.returncode == 2


# Terminals ----------------------------------------------------------------------------------------------------------


def on_terminal(*words: str) -> tuple[int, str, str]:
    """Exit code, stdout, and what a terminal as stderr has seen."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
    program = subprocess.Popen([*PROGRAM, *words], stdout=subprocess.PIPE, stderr=theirs)
    os.close(theirs)
    seen = b""
    try:
        while part := os.read(ours, 1 << 16):
            seen += part
    except OSError:  # the other end is closed
        pass
    os.close(ours)
    out, _ = program.communicate(timeout=PATIENCE)
    return program.returncode, out.decode(), seen.decode()


SEEN = ("simulate", "mlp", *SMALL, "-s", "host", "-o", "run", "--json")


def test_progress_is_shown_on_a_terminal_and_taken_off_it(folder: Path) -> None:
    code, out, seen = on_terminal(*SEEN)
    assert code == 0
    assert json.loads(out)["job"] == "mlp"
    assert "simulate mlp" in seen
    assert seen.rpartition("\r")[2].strip() == ""
    assert "\n" not in seen


def test_no_progress_when_told_to_be_quiet(folder: Path) -> None:
    assert on_terminal("-q", *SEEN)[2] == ""
    assert on_terminal(*SEEN, "--force", "-q")[2] == ""


def test_an_error_stands_alone_after_a_progress_line(folder: Path) -> None:
    """A run that diverges: the line is taken off before the error is told."""
    words = ("simulate", "mlp", *SMALL, "-s", "host", "-o", "run", "--set", "training.optimizer.rate=900000")
    code, out, seen = on_terminal(*words)
    assert (code, out) == (1, "")
    last = seen.replace("\r\n", "\n").rpartition("\r")[2]
    assert last.lstrip().startswith("error: ")
    assert list(folder.iterdir()) == []


# --debug and the unforeseen -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", [("--debug", "run", "mpl"), ("run", "mpl", "--debug")])
def test_debug_adds_the_traceback_and_keeps_the_code(words: tuple[str, ...], ampsim: Ampsim) -> None:
    done = ampsim(*words)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("Traceback (most recent call last):\n")
    assert "\nerror: there is no workload 'mpl'\n" in done.err


BROKEN_DATA = """\
import ampsim
from ampsim.ir.nodes import Linear, LogSoftmax, NllLoss, Source


def data():
    raise {error}


def build():
    images, labels, loss = Source("images"), Source("labels"), NllLoss("loss")
    images >> Linear("L", 784, 10) >> LogSoftmax() >> loss["prediction"]
    labels >> loss["label"]
    return ampsim.Job(ampsim.Graph.of("broken", images, labels), ampsim.Recipe(data))
"""


@pytest.mark.parametrize(
    "number, error, told",
    [
        (0, "ValueError('mine')", "error: this was not foreseen: ValueError: mine\n  do: add --debug to see where it"),
        (1, "MemoryError", "error: this was not foreseen: MemoryError\n  do: add --debug to see where it"),
        (2, "PermissionError(13, 'no', 'secret.bin')", "error: the system refuses: no\n  where: secret.bin\n"),
        (3, "BrokenPipeError(32, 'gone')", "error: the system refuses: gone\n"),
    ],
)
def test_what_was_not_foreseen_is_one_error_as_well(
    number: int, error: str, told: str, ampsim: Ampsim, folder: Path
) -> None:
    (folder / f"broken_{number}.py").write_text(BROKEN_DATA.format(error=error))
    done = ampsim("simulate", f"broken_{number}.py:build", "-s", "host")
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith(told)
    assert "Traceback" not in done.err


@pytest.mark.parametrize("closed", ["2>&-", ">&-", "<&- >&- 2>&-"])
def test_a_stream_that_is_closed_stops_nothing(closed: str, folder: Path, unharmed: None) -> None:
    words = " ".join(map(shlex.quote, [*PROGRAM, "run", "mlp", *SMALL, "-o", "run", "--live"]))
    shell = ["sh", "-c", f"{words} {closed}"]
    done = subprocess.run(shell, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0
    assert done.stdout.endswith("run folder: run\n") == (">&-" not in closed.replace("2>&-", ""))
    assert (folder / "run" / "result.json").exists()
