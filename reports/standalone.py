"""The page's figures without the page: with title, legend, buttons and colours of their own.

On a page the browser draws legends beside figures and puts the colours of the theme in. Here the figure has to bring
all that along, so that it is whole in a notebook, an editor, or a file of its own.
"""

from __future__ import annotations

import difflib
import re
import textwrap
from collections.abc import Iterator, Sequence
from functools import cache
from html import escape
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

from ampsim.errors import UsageError
from ampsim.reports import base, figures, text
from ampsim.reports.model import Key, Plot, Section, View, shown
from ampsim.result.run import Run

HERE = Path(__file__).parent
THEMES = ("light", "dark")
MODULES = {"tasks": "gantt"}  # sections that are called otherwise than their module
LEAST_WIDTH = 800  # a notebook or an editor has so many pixels
LINE = 110  # characters of a note that stand side by side
_WORDS = frozenset((
    "customdata", "hovertemplate", "hovertext", "ids", "labels", "name", "parents", "text", "texttemplate", "ticktext",
    "x", "y", "z",
))  # fmt: skip
"""Where no colour stands: what is called ``var(--ink)`` there is called so."""


def every(run: Run, theme: str | None = None) -> dict[str, Any]:
    """All figures of a run by name: ``go.Figure``, in the order of the page.

    ``theme`` is ``light`` or ``dark``; left out: what plotly's default template is. Raises UsageError for another one.
    """
    from ampsim.reports.page import _sections

    colours = palette(_theme(theme))
    return {name: whole(plot, colours) for name, plot in _named(_sections(shown([run])))}


def one(run: Run, name: str, theme: str | None = None) -> Any:
    """One of them; only its own section is computed. Raises UsageError, with all names, if there is none."""
    from ampsim.reports.page import _sections

    colours = palette(_theme(theme))
    name = str(name)
    section = name.partition("/")[0]
    module = MODULES.get(section, section)
    found: dict[str, Plot] = {}
    if module in {found.name for found in iter_modules(figures.__path__)}:
        make = getattr(import_module(f"{figures.__name__}.{module}"), "section", None)
        made = make(shown([run])) if make else None
        found = dict(_named([made] if made else []))
        if found and name == module:  # such as gantt for tasks
            name = next(iter(found))
    if name not in found:
        found = dict(_named(_sections(shown([run]))))
    if name not in found:
        close = difflib.get_close_matches(name, found, 1)
        hint = f"did you mean {close[0]}? " if close else ""
        what = f"this run has no figure {text.name(name, 60)!r}"
        raise UsageError(what, "Run.figure", f"{hint}There are: {', '.join(found) or 'none'}")
    return whole(found[name], colours)


def _theme(theme: str | None) -> str:
    if theme is None:
        import plotly.io

        return "dark" if "dark" in str(plotly.io.templates.default) else "light"
    if theme not in THEMES:
        raise UsageError(f"there is no theme {str(theme)[:40]!r}", "theme", f"one of: {', '.join(THEMES)}")
    return theme


def _named(sections: Sequence[Section]) -> Iterator[tuple[str, Plot]]:
    """The first figure of a section is called as the section is, the others by their titles, too."""
    for section in sections:
        plots = [block for block in section.blocks if isinstance(block, Plot)]
        taken: set[str] = set()
        for number, plot in enumerate(plots):
            name = section.id if number == 0 else f"{section.id}/{_slug(plot.title) or number + 1}"
            yield (name if name not in taken else f"{name}-{number + 1}"), plot
            taken.add(name)


def _slug(title: str) -> str:
    return "-".join(re.findall(r"[a-z0-9]+", re.split(r"[(:,]", title.lower())[0]))


@cache
def palette(theme: str) -> dict[str, str]:
    """Values of the page's colours, by the name of the CSS variable."""
    style = (HERE / "page.css").read_text(encoding="utf-8")
    blocks = dict(re.findall(r'^:root(\[data-theme="dark"\])? \{(.*?)^\}', style, flags=re.DOTALL | re.MULTILINE))
    light = dict(re.findall(r"(--[\w-]+):\s*([^;]+);", blocks[""]))
    dark = dict(re.findall(r"(--[\w-]+):\s*([^;]+);", blocks['[data-theme="dark"]']))
    return light if theme == "light" else light | dark


def coloured(value: Any, colours: dict[str, str]) -> Any:
    """The same with values for variables, wherever a colour may stand."""
    if isinstance(value, dict):
        return {key: item if key in _WORDS else coloured(item, colours) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [coloured(item, colours) for item in value]
    if isinstance(value, str) and (found := re.fullmatch(r"var\((--[\w-]+)\)", value)):
        return colours[found[1]]
    return value


def whole(plot: Plot, colours: dict[str, str]) -> Any:
    """The figure with all that stands around it on the page."""
    import plotly.graph_objects as go

    raw = plot.figure.to_plotly_json()
    traces, layout = raw["data"], raw["layout"]
    entries = _legend(traces, plot.legend)
    note = [_plain(line) for line in textwrap.wrap(text.name(plot.note, 600), LINE, break_on_hyphens=False)]
    buttons = _buttons(plot.views, traces)
    above = 40 + (8 + 15 * len(note) if note else 0) + (32 if buttons else 0)
    margin = dict(layout.get("margin") or {})
    drawn = int(layout["height"]) - margin.get("t", 10)
    margin |= {"t": above, "l": max(margin.get("l", 0), 28)}
    layout |= {
        "title": {"text": f"<b>{_plain(text.name(plot.title, 120))}</b>", "x": 0, "xref": "container",
                  "xanchor": "left", "y": 1, "yref": "container", "yanchor": "top",
                  "pad": {"l": 12, "t": 12}, "font": {"size": 15, "color": base.INK},
                  "subtitle": {"text": "<br>".join(note), "font": {"size": 11, "color": base.SOFT}}},
        "margin": margin, "height": above + max(drawn, 20 * len(entries) + 60 if entries else 0),
        "paper_bgcolor": "var(--card)", "plot_bgcolor": "var(--card)", "updatemenus": buttons,
        "showlegend": bool(entries), "modebar": {"bgcolor": "rgba(0,0,0,0)", "color": base.SOFT},
        "legend": {"x": 1.02, "y": 1, "yanchor": "top", "itemsizing": "constant",
                   "font": {"size": 12, "color": base.INK},
                   "bgcolor": "rgba(0,0,0,0)", "tracegroupgap": 0, "groupclick": "togglegroup"},
    }  # fmt: skip
    if plot.wide > LEAST_WIDTH:
        layout["width"] = plot.wide
    return go.Figure(coloured({"data": [*traces, *entries], "layout": layout}, colours))


def _plain(words: str) -> str:
    return escape(words).replace("$", "&#36;")


def _legend(traces: list[dict[str, Any]], keys: Sequence[Key]) -> list[dict[str, Any]]:
    """A trace without data for each entry, whose group are the traces that it shows and hides.

    A trace is in one group only: that of the first entry that names it. What is not visible waits to be asked for.
    """
    entries: list[dict[str, Any]] = []
    for trace in traces:
        trace["showlegend"] = False
    for number, key in enumerate(keys):
        group = f"key-{number}"
        mine = [traces[place] for place in key.traces if "legendgroup" not in traces[place]]
        for trace in mine:
            trace["legendgroup"] = group
            if key.off:
                trace["visible"] = "legendonly"
        entries.append({
            "type": "scatter", "mode": "markers", "x": [None], "y": [None], "name": key.name, "legendgroup": group,
            "showlegend": True, "hoverinfo": "skip", "visible": "legendonly" if key.off else True,
            "marker": {"symbol": "square", "size": 11, "color": key.colour},
        })  # fmt: skip
    return entries


def _buttons(views: Sequence[View], traces: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The page's buttons in plotly's own form; they stand above the drawing, on the right."""
    if not views:
        return []
    mine = sorted({place for view in views for place in view.traces})
    made = [
        {
            "label": _plain(view.name), "method": "update",
            "args": [{"visible": [place in view.traces for place in mine]} if mine else {}, dict(view.layout),
                     *([mine] if mine else [])],
        }
        for view in views
    ]  # fmt: skip
    return [{
        "type": "buttons", "direction": "right", "showactive": False, "buttons": made,
        "x": 1, "xanchor": "right", "y": 1, "yanchor": "bottom",
        "pad": {"b": 6, "t": 0}, "bgcolor": "var(--card)", "bordercolor": base.LINE,
        "font": {"size": 11, "color": base.INK},
    }]  # fmt: skip
