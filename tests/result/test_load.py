"""What else ran on the machine: the arithmetic on counters, the rule, and a busy neighbour that is seen."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from ampsim.result import load
from ampsim.result.load import Load, Meter, Spent, disturbed, load_of
from ampsim.result.run import Run

STAT = "cpu  0 0 0 0 0 0 0 0 0 0\n{}intr 1 2 3\nprocs_running 2\n"
CORE = "cpu{} {} 0 10 {} 5 1 2 {} 0 0\n"


class Machine:
    """Three cores, of which two may be used; ticks of 10 ms."""

    def __init__(self) -> None:
        self.now = 0.0
        self.user = [0.0, 0.0, 0.0]
        self.steal = [0.0, 0.0, 0.0]
        self.stands = False
        self.spent = Spent(0.0, 0.0)

    def stat(self) -> str:
        cores = ""
        for core, (user, steal) in enumerate(zip(self.user, self.steal, strict=True)):
            idle = 0 if self.stands else self.now - user - steal
            cores += CORE.format(core, *(round(100 * seconds) for seconds in (user, idle, steal)))
        return STAT.format(cores)


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    machine = Machine()
    monkeypatch.setattr(load, "_usable", lambda: frozenset({0, 1}))
    monkeypatch.setattr(load, "_stat", machine.stat)
    monkeypatch.setattr(load, "spent", lambda: machine.spent)
    monkeypatch.setattr(time, "monotonic", lambda: machine.now)
    return machine


def test_what_others_used_is_what_was_busy_less_the_own_processes(machine: Machine) -> None:
    meter = Meter()
    machine.now, machine.user, machine.steal = 10.0, [9.0, 8.0, 10.0], [0.0, 0.5, 0.0]
    machine.spent = Spent(1.0, 0.1)
    found = meter.load([Spent(7.0, 0.2), Spent(6.0, 0.3)])
    assert found == pytest.approx((10.0, 2, 1.4, 0.3, 0.05, 0.06))


def test_after_the_stop_nothing_counts(machine: Machine) -> None:
    meter = Meter()
    machine.now, machine.user = 2.0, [2.0, 0.0, 0.0]
    meter.stop()
    machine.now, machine.user = 9.0, [9.0, 7.0, 0.0]
    assert meter.load([Spent(1.5, 0.0)]) == pytest.approx((2.0, 2, 0.75, 0.25, 0.0, 0.0))


def test_ticks_that_were_rounded_down_make_no_negative_load(machine: Machine) -> None:
    meter = Meter()
    machine.now, machine.user, machine.spent = 1.0, [0.97, 0.0, 0.0], Spent(1.0, 0.0)
    assert meter.load().others == 0.0


def test_counters_that_stand_still_or_are_missing_tell_nothing(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.stands = True
    meter = Meter()
    machine.now, machine.spent = 1.0, Spent(0.8, None)
    assert meter.load() == pytest.approx((1.0, 2, 0.8, None, None, None))

    def missing() -> str:
        raise FileNotFoundError

    monkeypatch.setattr(load, "_stat", missing)
    found = Meter().load()
    assert (found.others, found.steal, found.disturbed) == (None, None, None)


@pytest.mark.parametrize(
    "others,steal,seconds,wanted",
    [(0.1, 0.0, 1, False), (0.11, 0.0, 1, True), (0.06, 0.06, 1, True), (1.0, 0.0, 0.3, None), (None, 0.0, 1, None)],
)
def test_a_run_is_disturbed_above_one_twentieth_of_the_cores(
    others: float | None, steal: float, seconds: float, wanted: bool | None
) -> None:
    assert Load(seconds, 2, 1.0, others, steal, 0.0).disturbed is wanted


def run_with(backend: str, found: Load | None) -> Run:
    return Run({"backend": backend}, {}, {}, {"load": found and found._asdict()}, {}, {})


def test_only_times_of_real_workers_are_disturbed() -> None:
    busy = Load(1.0, 2, 1.0, 0.9, 0.0, 0.0)
    assert disturbed(run_with("runtime", busy)) is True
    assert disturbed(run_with("sim", busy)) is False
    assert load_of(run_with("sim", busy)) == busy
    assert disturbed(run_with("runtime", None)) is None


@pytest.mark.skipif(sys.platform != "linux", reason="the counters are Linux's")
def test_a_neighbour_that_computes_is_seen() -> None:
    """It takes a core of its own, or half of ours: either way others are busy for as long as it computes."""
    burn = "import time\nwhile time.process_time() < 0.5: pass"
    meter = Meter()
    began = time.process_time()
    subprocess.run([sys.executable, "-c", burn], check=True)
    found = meter.load()
    if found.others is None:
        pytest.skip("this system counts nothing")
    assert found.others * found.seconds > 0.4
    assert found.own * found.seconds < time.process_time() - began + 0.1
