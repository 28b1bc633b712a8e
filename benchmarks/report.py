"""A page about a run of ten million tasks: its size, and the time and memory it takes.

    python -m benchmarks.report [--tasks 10000000] [--workers 32] [--folder FOLDER] [--json]

The run is made up (see _bigrun.py), a few gigabytes in a temporary folder, or in FOLDER, which keeps it. ``ampsim
report`` is then one process, whose wall-clock time, processor time and largest resident memory are measured, and
another one makes the sections one by one. Asserted: the page is smaller than 25 MB, and needed less than 1 GiB.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

LIMIT_PAGE, LIMIT_MEMORY, AIM = 25_000_000, 1 << 30, 60.0


def main() -> None:
    """Print what was measured."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--tasks", type=int, default=10_000_000)
    parser.add_argument("--workers", type=int, default=32)
    parser.add_argument("--folder", type=Path, help="where to put run and page, which then stay")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--make", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--sections", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.make:
        _make(options.folder, options.tasks, options.workers)
    elif options.sections:
        print(json.dumps(_sections(options.folder / "run")))
    elif options.folder:
        _show(options, _measure(options.folder, options.tasks, options.workers))
    else:
        with tempfile.TemporaryDirectory() as folder:
            _show(options, _measure(Path(folder), options.tasks, options.workers))


def _measure(folder: Path, tasks: int, workers: int) -> dict[str, Any]:
    """Wall-clock and processor seconds, bytes; each step in a process of its own."""
    own = [sys.executable, "-m", "benchmarks.report", "--folder", str(folder)]
    if not (folder / "run").exists():
        subprocess.run([*own, "--make", "--tasks", str(tasks), "--workers", str(workers)], check=True)
    page = folder / "report.html"
    began = time.perf_counter()
    start = "from ampsim.cli.main import main; main()"
    command = [sys.executable, "-c", start, "report", str(folder / "run"), "-o", str(page)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, "ampsim report failed"
    found = {
        "tasks": tasks, "workers": workers, "run": sum(path.stat().st_size for path in (folder / "run").rglob("*.*")),
        "page": page.stat().st_size, "seconds": seconds, "processor": used.ru_utime + used.ru_stime,
        "peak": used.ru_maxrss * 1024,
    }  # fmt: skip
    assert found["page"] < LIMIT_PAGE, f"the page has {found['page']:,} bytes"
    assert found["peak"] < LIMIT_MEMORY, f"{found['peak'] / 2**20:,.0f} MiB were resident"
    each = subprocess.run([*own, "--sections"], check=True, stdout=subprocess.PIPE).stdout
    return {**found, "sections": json.loads(each)}


def _make(folder: Path, tasks: int, workers: int) -> None:
    from benchmarks._bigrun import big_run

    big_run(tasks, workers).save(folder / "run")


def _sections(folder: Path) -> list[tuple[str, float, int, int]]:
    """Of each part of the page its name, processor seconds, bytes on the page, and resident bytes at most."""
    import pkgutil
    from importlib import import_module

    from ampsim.reports import figures, words
    from ampsim.reports.markup import Markup
    from ampsim.reports.model import shown
    from ampsim.result.run import Run

    found: list[tuple[str, float, int, int]] = []
    last = time.process_time()

    def note(name: str, size: int = 0) -> None:
        nonlocal last
        now = time.process_time()
        found.append((name, now - last, size, _peak()))
        last = now

    runs = shown([Run.load(folder)])
    note("loading")
    words.sentences(runs), words.cards(runs[0])
    note("summary")
    markup = Markup()
    for name in sorted(module.name for module in pkgutil.iter_modules(figures.__path__)):
        module = import_module(f"ampsim.reports.figures.{name}")
        section = module.section(runs) if hasattr(module, "section") else None
        if section:
            before = sum(map(len, markup.data))
            size = len(markup.section(section)) + sum(map(len, markup.data)) - before
            del section
            note(name, size)
    return found


def _peak() -> int:
    """Bytes resident at most since this was asked last, on Linux; elsewhere since the start."""
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
        return int(status.partition("VmHWM:")[2].split()[0]) * 1024
    except (OSError, ValueError, IndexError):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _show(options: argparse.Namespace, found: dict[str, Any]) -> None:
    if options.json:
        print(json.dumps(found))
        return
    print(f"{found['tasks']:,} tasks on {found['workers']} workers, a run folder of {found['run'] / 1e9:.2f} GB")
    print(f"page            {found['page'] / 1e6:8.1f} MB   (below {LIMIT_PAGE / 1e6:.0f})")
    print(f"resident memory {found['peak'] / 2**20:8.0f} MiB  (below {LIMIT_MEMORY / 2**20:.0f})")
    print(f"time            {found['seconds']:8.1f} s    (aim {AIM:.0f})")
    print(f"processor time  {found['processor']:8.1f} s")
    print(f"\n{'section':<14}{'processor (s)':>14}{'page (kB)':>12}{'memory (MiB)':>14}")
    for name, seconds, size, peak in found["sections"]:
        print(f"{name:<14}{seconds:>14.2f}{size / 1e3:>12,.0f}{peak / 2**20:>14,.0f}")


if __name__ == "__main__":
    main()
