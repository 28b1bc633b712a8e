"""For how long the kernel lets a process keep a core while another waits for it."""

from __future__ import annotations

import subprocess
import sys
from statistics import quantiles

SECONDS = 0.25
GAP = 2e-4  # seconds; whatever takes a core away for less is no turn of another process
USUAL = 3e-3  # seconds, where nothing was seen

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


def turn() -> float:
    """Seconds: two processes spin on one core, and each sees for how long the other had it.

    The lower quartile: where a third process spins there, some gaps are two turns.
    """
    command = [sys.executable, "-S", "-E", "-c", _SPIN]
    spinning = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    gaps = [float(line) for process in spinning for line in process.communicate()[0].split()]
    return quantiles(gaps, n=4)[0] if len(gaps) > 3 else USUAL
