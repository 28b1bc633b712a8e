"""The Gantt chart as text: one line a worker, as wide as the terminal.

A character is a stretch of time. It shows the node that took most of it, and how busy the worker was: in colour the
height of a bar does that, without colours the letter, which is small where less than half of the stretch was busy.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

import click
import numpy as np

from ampsim.cli.output import percent, place, wide
from ampsim.cli.screen import Screen
from ampsim.errors import UsageError
from ampsim.result.analysis.cells import Cells, cells

if TYPE_CHECKING:
    from ampsim.result.run import Run
    from ampsim.result.schema import Array

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
BARS = "▁▂▃▄▅▆▇"  # the eighth would touch the line above
COLOURS = {256: (68, 172, 72, 140, 167, 37, 137, 175, 106, 62), 16: (4, 3, 2, 5, 1, 6, 12, 11, 10, 13)}
GREY = {256: 245, 16: 7}
HALF = 0.5 - 1e-9  # a sum of times that are exactly half may come out a bit below
NAME = 20  # columns of a name, at most
AROUND = 7  # lines beside workers and legend, with the one for the next command
FEWEST = 4  # workers that are shown, however low the screen
_UNITS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "us"), (1e-9, "ns"))


@dataclass(frozen=True)
class Glyphs:
    """How nodes look: ``nodes`` have glyphs of their own, in the graph's order; all others share the last one.

    ``bars`` in colours, else letters.
    """

    screen: Screen
    nodes: tuple[int, ...]
    bars: bool

    @classmethod
    def of(cls, screen: Screen, seconds: Array) -> Glyphs:
        """For the nodes that took most time."""
        bars = bool(screen.colours) and screen.fancy
        most = len(COLOURS[16]) if bars else len(LETTERS)
        order = [node for node in np.argsort(-seconds, kind="stable").tolist() if seconds[node] > 0]
        return cls(screen, tuple(sorted(order[:most])), bars)

    @property
    def idle(self) -> str:
        return "·" if self.screen.fancy else "."

    def line(self, node: Sequence[int], busy: Sequence[float]) -> str:
        """The cells of one worker."""
        found = [self._cell(n, share) for n, share in zip(node, busy, strict=True)]
        runs = ((code, "".join(text for _, text in group)) for code, group in groupby(found, lambda cell: cell[0]))
        return "".join(self._painted(code, text) for code, text in runs)

    def entry(self, node: int | None) -> str:
        """What stands in the legend for a node, or for the others together."""
        code, text = self._cell(-2 if node is None else node, 1.0)
        return self._painted(code, 2 * text if self.bars else text)

    def faint(self, text: str) -> str:
        """What is not the matter itself."""
        return f"\x1b[2m{text}\x1b[0m" if self.screen.colours else text

    def _cell(self, node: int, share: float) -> tuple[int, str]:
        """Number of the colour (-1: none) and character."""
        if node == -1:
            return -1, self.idle
        number = self.nodes.index(node) if node in self.nodes else -1
        colour = GREY if number < 0 else {kind: codes[number % len(codes)] for kind, codes in COLOURS.items()}
        code = colour.get(self.screen.colours, 0)
        if self.bars:
            return code, BARS[min(int(share * len(BARS)), len(BARS) - 1)]
        letter = LETTERS[number] if number >= 0 else "#"
        return code, letter if share > HALF else letter.lower() if number >= 0 else "+"

    def _painted(self, code: int, text: str) -> str:
        if not self.screen.colours:
            return text
        if code < 0:
            return self.faint(text)
        first = f"38;5;{code}" if self.screen.colours == 256 else str(30 + code if code < 8 else 82 + code)
        return f"\x1b[{first}m{text}\x1b[0m"


def print_gantt(run: Run, begin: float | None, end: float | None, screen: Screen) -> None:
    """The run between two times in seconds; left out: from its beginning, to its end.

    Raises UsageError if there is nothing to draw there.
    """
    horizon = max(run.makespan, float(run.tables["tasks"]["end"].max(initial=0.0)))
    low, high = _window(begin, end, horizon)
    names = [screen.fitted(str(name), NAME) for name in run.summary["worker_names"]]
    gutter = max(4, *(wide(name) for name in names))
    count = screen.columns - gutter - len(" ") - len("  100.0 %")
    rows = _room(run.workers, 1, screen)
    found = cells(run.tables["tasks"], range(rows), (low, high), count, len(run.summary["nodes"]))
    glyphs = Glyphs.of(screen, found.seconds)
    legend = list(_legend(run, glyphs, found))
    rows = _room(rows, len(legend), screen)
    lines = [_heading(run, low, high, horizon, screen), f"{'':{gutter + count}}  {glyphs.faint('   busy')}"]
    for name, node, busy in zip(names, found.node[:rows].tolist(), found.busy[:rows].tolist(), strict=False):
        share = percent(math.fsum(busy) / count)
        lines.append(f"{name}{' ' * (gutter - wide(name))} {glyphs.line(node, busy)}  {share:>7}")
    lines += [glyphs.faint(line) for line in _axis(low, high, count, gutter, screen)]
    lines += [*legend, glyphs.faint(_note((high - low) / count, glyphs))]
    if rows < run.workers:
        left = run.workers - rows
        lines.append(
            f"{left:,} more worker{'s' * (left != 1)} of {run.workers:,} left out: the screen has {screen.lines} lines;"
            " pipe into less for all"
        )
    for line in lines:
        click.echo(line, color=bool(screen.colours))


def _room(workers: int, legend: int, screen: Screen) -> int:
    """How many of the workers find room on the screen beside a legend of so many lines."""
    return workers if screen.lines is None else min(workers, max(FEWEST, screen.lines - AROUND - legend))


def _window(begin: float | None, end: float | None, horizon: float) -> tuple[float, float]:
    if horizon <= 0:
        raise UsageError("this run has no clock, so nothing took time", "--gantt", "show a run of another backend")
    low, high = 0.0 if begin is None else begin, horizon if end is None else min(end, horizon)
    span = f"the run goes from 0 to {horizon:.6g} s"
    if not (math.isfinite(low) and math.isfinite(high) and low >= 0):
        raise UsageError("a time is negative, or no number", "--from, --to", span)
    if low >= horizon:
        raise UsageError(f"--from {low:g} lies behind the end of the run", "--from", span)
    if low >= high:
        raise UsageError(f"there is no time between {low:.12g} and {high:.12g} s", "--from, --to", span)
    return low, high


def _heading(run: Run, low: float, high: float, horizon: float, screen: Screen) -> str:
    size, unit = _unit(horizon)
    span = f"{horizon / size:.4g} {unit}"
    if (low, high) != (0.0, horizon):
        size, unit = _unit(high)
        digits = max(4, 3 + math.ceil(math.log10(high / (high - low))))
        span = f"{low / size:.{digits}g} to {high / size:.{digits}g} {unit} of {span}"
    return screen.fitted(f"{run.job} on {place(run)}: {span}", screen.columns - 1)


def _unit(seconds: float) -> tuple[float, str]:
    return next(((size, name) for size, name in _UNITS if seconds >= size), _UNITS[-1])


def _axis(low: float, high: float, count: int, gutter: int, screen: Screen) -> Iterator[str]:
    """A line with ticks at round times and a line with the times; of a short stretch far from 0, from its begin on."""
    far = low > 1000 * (high - low)
    base = low if far else 0.0
    size, unit = _unit(high - base)
    first, span = (low - base) / size, (high - low) / size
    step, digits = _step(first, span, count, far=far)
    tick, line = ("┬", "─") if screen.fancy else ("+", "-")
    ruler, labels = [line] * count, ""
    for number in range(math.ceil(first / step - 1e-9), math.floor((first + span) / step + 1e-9) + 1):
        column = min(round((number * step - first) / span * count), count - 1)
        ruler[column] = tick
        label = f"{'+' * far}{number * step:.{digits}f}"
        if len(labels) <= column and column + len(label) <= count + 8:
            labels = labels.ljust(column) + label
    yield f"{'':{gutter}} {''.join(ruler)}"
    yield f"{unit:>{gutter}} {labels}"


def _step(first: float, span: float, count: int, *, far: bool) -> tuple[float, int]:
    """The smallest of 1, 2, 5, 10, ... whose labels stand apart, and how many digits behind the point they need."""
    power = math.floor(math.log10(span)) - 3
    while True:
        for factor in (1, 2, 5):
            step, digits = factor * 10.0**power, max(0, -power)
            label = len(f"{first + span:.{digits}f}") + far
            if step / span * count >= label + 4:
                return step, digits
        power += 1


def _legend(run: Run, glyphs: Glyphs, found: Cells) -> Iterator[str]:
    """Entries side by side, as many as a line takes."""
    screen, names = glyphs.screen, run.summary["nodes"]
    entries = [(glyphs.entry(node), str(names[node])) for node in glyphs.nodes]
    others = int((found.seconds > 0).sum()) - len(glyphs.nodes)
    if others:
        entries.append((glyphs.entry(None), f"{others:,} other node{'s' * (others != 1)}"))
    entries.append((glyphs.faint(glyphs.idle), "idle"))
    line, used = "", 0
    for mark, name in entries:
        text = screen.fitted(name, 30)
        width = (2 if glyphs.bars else 1) + 1 + wide(text) + 3
        if used + width > screen.columns and line:
            yield line.rstrip()
            line, used = "", 0
        line, used = f"{line}{mark} {text}   ", used + width
    yield line.rstrip()


def _note(width: float, glyphs: Glyphs) -> str:
    size, unit = _unit(width)
    stretch = f"one character is {width / size:.3g} {unit}"
    if glyphs.bars:
        return f"{stretch}; colour: the node that took most of it; height: how busy the worker was"
    return f"{stretch}; letter: the node that took most of it; small: less than half of it was busy"
