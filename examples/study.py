"""What the studies of this folder share: their options, and one figure in two forms.

    python examples/four_workers.py                     the table
    python examples/four_workers.py --json              the rows as JSON; the table goes to stderr
    python examples/four_workers.py -o figure.html      and the figure, to look into (plotly, in one file)
    python examples/four_workers.py -o figure.svg       and the figure, as it stands on the page

A figure is lines over numbers, so both forms are drawn from the same few fields.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any, TextIO

COLOURS = ("#2f6db3", "#d9812b", "#3f8f6b", "#8b62b0", "#b84f5c", "#6a7483")
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 720, 420, 70, 20, 70, 56


@dataclass(frozen=True)
class Line:
    """Points joined by a line; ``dashed`` for what is computed and not simulated."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    dashed: bool = False


@dataclass(frozen=True)
class Figure:
    """Lines over a logarithmic x; ``marks`` are values of x with a word each, ``log`` makes y logarithmic too."""

    title: str
    x: str
    y: str
    lines: Sequence[Line]
    marks: Sequence[tuple[float, str]] = ()
    log: bool = False


def options(description: str | None, **numbers: int) -> argparse.ArgumentParser:
    """The options of every study, and one for each of ``numbers`` with its default."""
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=description, formatter_class=form)
    for name, default in numbers.items():
        parser.add_argument(f"--{name}", type=int, default=default, metavar="N", help=f"default: {default}")
    parser.add_argument("--json", action="store_true", help="print the rows as JSON, the table on stderr")
    parser.add_argument("-o", "--output", type=figure_file, metavar="FILE", help="write the figure")
    return parser


def figure_file(text: str) -> Path:
    """The path, if it ends as one of the forms does."""
    path = Path(text)
    if path.suffix not in FORMS:
        raise argparse.ArgumentTypeError(f"a figure ends in {' or '.join(FORMS)}")
    return path


def table(arguments: argparse.Namespace) -> TextIO:
    """Where the table goes."""
    return sys.stderr if arguments.json else sys.stdout


def finish(arguments: argparse.Namespace, rows: Sequence[Mapping[str, Any]], figure: Figure) -> None:
    """Print the rows if asked for, and write the figure if asked for."""
    if arguments.json:
        print(json.dumps(rows, indent=1))
    if arguments.output:
        arguments.output.write_text(FORMS[arguments.output.suffix](figure), encoding="utf-8")


def html(figure: Figure) -> str:
    """A page of its own, plotly included."""
    import plotly.graph_objects as go  # a second to import: only for those who ask for it

    drawn = go.Figure(layout={"title": escape(figure.title), "template": "plotly_white"})
    for number, line in enumerate(figure.lines):
        style = {"color": COLOURS[number % len(COLOURS)], "dash": "dash" if line.dashed else "solid"}
        mode = "lines" if line.dashed else "lines+markers"
        drawn.add_scatter(x=list(line.x), y=list(line.y), name=escape(line.name), mode=mode, line=style)
    for at, word in figure.marks:
        drawn.add_vline(x=at, line={"dash": "dot", "width": 1})
        # On a logarithmic axis a line stands at the value, but plotly wants an annotation at its logarithm.
        place = {"x": math.log10(at), "y": 0, "yref": "paper", "xanchor": "left", "yanchor": "bottom"}
        drawn.add_annotation(text=escape(word), showarrow=False, **place)
    drawn.update_xaxes(title=escape(figure.x), type="log")
    drawn.update_yaxes(title=escape(figure.y), type="log" if figure.log else "linear")
    if not figure.log:
        drawn.update_yaxes(rangemode="tozero")
    text: str = drawn.to_html(include_plotlyjs=True)
    return text


def svg(figure: Figure) -> str:
    """A drawing of some kilobytes that stands in a page; same figure, same bytes."""
    lines, ink, soft = figure.lines, "#1b2330", "#5b6675"
    xs = _ticks([x for line in lines for x in line.x], log=True)
    ys = _ticks([y for line in lines for y in line.y], log=figure.log)
    across = _scale(xs, LEFT, WIDTH - RIGHT, log=True)
    up = _scale(ys, HEIGHT - BOTTOM, TOP, log=figure.log)
    size = f'viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12" fill="{ink}"'
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label="{escape(figure.title)}">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        f'<text x="{LEFT}" y="20" font-size="14" font-weight="bold">{escape(figure.title)}</text>',
    ]
    for x in xs:
        out.append(f'<path d="M{across(x):.1f} {TOP}V{HEIGHT - BOTTOM}" stroke="#e6eaef"/>')
        out.append(f'<text x="{across(x):.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{x:,.12g}</text>')
    for y in ys:
        out.append(f'<path d="M{LEFT} {up(y):.1f}H{WIDTH - RIGHT}" stroke="#e6eaef"/>')
        out.append(f'<text x="{LEFT - 8}" y="{up(y) + 4:.1f}" text-anchor="end">{y:,.12g}</text>')
    middle = f"{(LEFT + WIDTH - RIGHT) / 2:.0f}"
    out.append(f'<text x="{middle}" y="{HEIGHT - 14}" text-anchor="middle" fill="{soft}">{escape(figure.x)}</text>')
    turned = f'transform="translate(14 {(TOP + HEIGHT - BOTTOM) / 2:.0f}) rotate(-90)"'
    out.append(f'<text {turned} text-anchor="middle" fill="{soft}">{escape(figure.y)}</text>')
    for at, word in figure.marks:
        out.append(f'<path d="M{across(at):.1f} {TOP}V{HEIGHT - BOTTOM}" stroke="{soft}" stroke-dasharray="2 3"/>')
        out.append(f'<text x="{across(at) + 4:.1f}" y="{HEIGHT - BOTTOM - 6}" fill="{soft}">{escape(word)}</text>')
    legend = LEFT
    for number, line in enumerate(lines):
        colour = COLOURS[number % len(COLOURS)]
        dash = ' stroke-dasharray="6 4"' if line.dashed else ""
        points = [f"{across(x):.1f} {up(y):.1f}" for x, y in zip(line.x, line.y, strict=True)]
        out.append(f'<path d="M{"L".join(points)}" fill="none" stroke="{colour}" stroke-width="2"{dash}/>')
        if not line.dashed:
            out += [f'<circle cx="{p.split()[0]}" cy="{p.split()[1]}" r="3" fill="{colour}"/>' for p in points]
        out.append(f'<path d="M{legend} 46h22" stroke="{colour}" stroke-width="2"{dash}/>')
        out.append(f'<text x="{legend + 28}" y="50">{escape(line.name)}</text>')
        legend += 52 + round(6.4 * len(line.name))
    return "\n".join([*out, "</svg>", ""])


def _ticks(values: Sequence[float], *, log: bool) -> list[float]:
    """Round numbers from below the least value to above the largest; a scale that is not logarithmic begins at 0."""
    low, high = min(values), max(values)
    if log:
        powers = range(math.floor(math.log10(low) + 1e-9), math.ceil(math.log10(high) - 1e-9) + 1)
        if len(powers) > 3:
            return [10.0**power for power in powers]
        found = [step * 10.0**power for power in powers for step in (1, 2, 5)]
        first = max(number for number, tick in enumerate(found) if tick <= low * (1 + 1e-9))
        last = min((number for number, tick in enumerate(found) if tick >= high * (1 - 1e-9)), default=len(found) - 1)
        return found[first : last + 1]
    rough = high / 5 or 1.0
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * (1 - 1e-9))
    return [step * number for number in range(max(math.ceil(high / step - 1e-9), 1) + 1)]


def _scale(ticks: Sequence[float], start: float, end: float, *, log: bool) -> Any:
    """From a value to its place between ``start`` and ``end``."""
    bend = math.log10 if log else float
    low, high = bend(ticks[0]), bend(ticks[-1])
    return lambda value: start + (end - start) * (bend(value) - low) / ((high - low) or 1.0)


FORMS = {".html": html, ".svg": svg}
