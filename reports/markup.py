"""HTML of the parts of a page. Every text passes through :func:`words`; nothing else puts text into markup."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from html import escape, unescape

from ampsim.reports import text
from ampsim.reports.model import Key, Plot, Section, Sheet, View

MOST_ROWS = 400
MOST_LETTERS = 1000
"""Of captions and notes, which may name many things; of other texts it is fewer."""


def words(value: object, limit: int = 400) -> str:
    """A text as HTML: visible on one line, its direction kept to itself."""
    return escape(text.name(value, limit), quote=True)


class Markup:
    """Turns sections into HTML and collects the data of their figures."""

    def __init__(self) -> None:
        self.data: list[str] = []

    def section(self, section: Section) -> str:
        """A section with its figures and tables."""
        parts = [f'<section id="{words(section.id)}">', f"<h2>{words(section.title)}</h2>"]
        if section.blocks:
            parts.append(f'<p class="caption">{words(section.caption, MOST_LETTERS)}</p>')
            parts += [self.plot(block) if isinstance(block, Plot) else sheet(block) for block in section.blocks]
        else:
            parts.append(f'<p class="empty">{words(section.empty)}</p>')
        return "\n".join([*parts, "</section>"])

    def plot(self, plot: Plot) -> str:
        """A figure: title, buttons, legend, drawing, note."""
        number = len(self.data) + 1
        self.data.append(figure_data(number, plot.figure))
        size = f'style="height:{int(plot.figure.layout.height)}px{f";min-width:{plot.wide}px" if plot.wide else ""}"'
        label = words(plot.described, MOST_LETTERS)
        drawing = f'<div class="plot" id="figure-{number}" role="img" aria-label="{label}" {size}></div>'
        if plot.wide:
            drawing = f'<div class="scroll" tabindex="0" role="region" aria-label="{words(plot.title)}">{drawing}</div>'
        return "\n".join([
            "<figure>",
            f'<div class="head"><h3 dir="auto">{words(plot.title)}</h3>{views(plot.views)}</div>',
            legend(plot.legend),
            drawing,
            f'<p class="note">{words(plot.note, MOST_LETTERS)}</p>' if plot.note else "",
            "</figure>",
        ])  # fmt: skip


def figure_data(number: int, figure: object) -> str:
    """Data and layout as a block of JSON that no parser takes for markup."""
    raw = figure.to_json()  # type: ignore[attr-defined]
    for character in "<>&\u2028\u2029":
        raw = raw.replace(character, f"\\u{ord(character):04x}")
    return f'<script type="application/json" id="data-figure-{number}">{raw}</script>'


def views(found: Sequence[View]) -> str:
    """Buttons that change the layout, or choose traces, and one that saves the drawing."""
    first = next((number for number, view in enumerate(found) if view.traces), -1)
    buttons = (
        f'<button type="button" data-layout="{escape(json.dumps(dict(view.layout)))}"'
        f"{_chosen(view, number == first)}>{words(view.name)}</button>"
        for number, view in enumerate(found)
    )
    save = '<button type="button" class="save" data-save="svg">Save image</button>'
    return f'<div class="views">{save}{"".join(buttons)}</div>'


def _chosen(view: View, pressed: bool) -> str:
    return f' data-traces="{json.dumps(view.traces)}" aria-pressed="{str(pressed).lower()}"' if view.traces else ""


def legend(keys: Sequence[Key]) -> str:
    """Entries that switch their traces off and on."""
    if not keys:
        return ""
    return f'<ul class="legend">{"".join(_entry(key) for key in keys)}</ul>'


def _entry(key: Key) -> str:
    swatch = f'<span class="swatch" style="background:{words(key.colour)}"></span>'
    # The name of a trace is escaped already, for plotly reads markup too.
    label = f"<bdi>{words(unescape(key.name))}</bdi>"
    traces = json.dumps(list(key.traces))
    on = "false" if key.off else "true"
    return f'<li><button type="button" aria-pressed="{on}" data-traces="{traces}">{swatch}{label}</button></li>'


def sheet(found: Sheet) -> str:
    """A table that folds away."""
    align = found.align or "l" + "r" * (len(found.header) - 1)
    head = "".join(f'<th scope="col"{_side(a)}>{words(cell)}</th>' for cell, a in zip(found.header, align, strict=True))
    rows = "\n".join(_row(row, align) for row in found.rows[:MOST_ROWS])
    left = len(found.rows) - MOST_ROWS
    cut = f"The first {MOST_ROWS} rows of {len(found.rows):,}." if left > 0 else ""
    note = " ".join(part for part in (found.note, cut) if part)
    return "\n".join([
        f"<details{' open' if found.open else ''}><summary>{words(found.title)}</summary>",
        f'<div class="scroll" tabindex="0" role="region" aria-label="{words(found.title)}"><table>',
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}\n</tbody></table></div>",
        f'<p class="note">{words(note, MOST_LETTERS)}</p>' if note else "",
        "</details>",
    ])  # fmt: skip


def _row(row: Sequence[str], align: str) -> str:
    first, *rest = row
    cells = "".join(
        f"<td{_side(a, cell)}><bdi>{words(cell)}</bdi></td>" for cell, a in zip(rest, align[1:], strict=True)
    )
    return f'<tr><th scope="row" class="l"><bdi>{words(first, 200)}</bdi></th>{cells}</tr>'


def _side(align: str, cell: str = "") -> str:
    classes = [*(["l"] if align == "l" else []), *_verdict(cell)]
    return f' class="{" ".join(classes)}"' if classes else ""


def _verdict(cell: str) -> Iterator[str]:
    if cell.startswith("✓"):
        yield "yes"
    elif cell.startswith("✗"):
        yield "no"
