"""A system as a page: its picture, and what was understood of it, in one HTML file that needs nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from ampsim.hw.drawing.overview import overview
from ampsim.hw.drawing.picture import plain, svg
from ampsim.hw.system import System

_STYLE = """
:root { color-scheme: light dark; --paper: #f6f7f9; --ink: #1b2330; --soft: #5b6675; --line: #c9d0d9; }
@media (prefers-color-scheme: dark) { :root { --paper: #12161c; --ink: #e4e9f0; --soft: #9aa6b5; --line: #3b4655; } }
body { margin: 0 auto; max-width: 80rem; padding: 1.5rem; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
figure { margin: 1rem 0; overflow-x: auto; } figure svg { max-width: 100%; height: auto; }
p { color: var(--soft); max-width: 50rem; } table { border-collapse: collapse; }
th, td { border-bottom: 1px solid var(--line); padding: .25rem 1.5rem .25rem 0; text-align: left; font-weight: 400; }
th { color: var(--soft); }
"""
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def html(system: System) -> str:
    """The page as text: the drawing, the description, and the rows of the overview."""
    name = _text(system.name)
    return "\n".join([
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{name}</title>\n<style>{_STYLE}</style>\n</head>\n<body>",
        f"<h1>{name}</h1>\n<p>{_text(system.description)}</p>",
        f"<figure>\n{svg(system)}</figure>\n<table>",
        *_rows(overview(system).rows()),
        "</table>\n</body>\n</html>\n",
    ])  # fmt: skip


def _rows(rows: Iterable[tuple[str, str]]) -> Iterable[str]:
    return (f'<tr><th scope="row">{_text(what)}</th><td>{_text(value)}</td></tr>' for what, value in rows)


def _text(words: str) -> str:
    return escape(plain(words), quote=True)
