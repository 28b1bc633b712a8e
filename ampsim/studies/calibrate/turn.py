"""For how long the kernel lets a process keep a core while another waits for it."""

from __future__ import annotations

import os
import subprocess
import sys
from statistics import quantiles

SECONDS = 0.25
GAP = 2e-4  # seconds; whatever takes a core away for less is no turn of another process
USUAL = 3e-3  # seconds, where it cannot be seen

_SPIN = f"""
import os, time
os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])
last = time.perf_counter()
end = last + {SECONDS}
while last < end:
    now = time.perf_counter()
    if now - last > {GAP}:
        print(now - last)
    last = now
"""


def turn() -> tuple[float, float]:
    """Seconds, and their spread: two processes spin on one core, and each sees for how long the other had it.

    The lower quartile of what they see: where a third process spins there, some gaps are two turns.
    """
    if not hasattr(os, "sched_setaffinity"):
        return USUAL, 0.0
    command = [sys.executable, "-S", "-E", "-c", _SPIN]
    spinning = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    return typical([float(line) for process in spinning for line in process.communicate()[0].split()])


def typical(gaps: list[float]) -> tuple[float, float]:
    """The lower quartile of gaps, and the middle half of them over their median."""
    if len(gaps) < 4:
        return USUAL, 0.0
    low, middle, high = quantiles(gaps, n=4)
    return low, (high - low) / middle
