"""Docstrings as they are written here: prose with ``code``, lists, and drawings that are indented.

They are read in an editor first, so they are no careful reStructuredText. What would be markup by accident is made
plain; what is indented below a line of text stands as it is, letter by letter.
"""

from __future__ import annotations

import re
from typing import Any

LITERAL = re.compile(r"(``[^`]+``|:(?:class|data|func|meth|mod|attr|exc):`[^`]+`)")
ITEM = re.compile(r"\s*(?:[-*]|\d+\.)\s")


def _text(line: str) -> str:
    """A line of prose: nothing but code in double backticks, and references, is markup."""
    parts = LITERAL.split(line)
    parts[::2] = [re.sub(r"(?<!\\)([*|`_\\])", r"\\\1", part) for part in parts[::2]]
    return "".join(parts)


def plain(lines: list[str]) -> list[str]:
    """A docstring as reStructuredText that means what its text looks like."""
    done: list[str] = []
    drawing = item = False
    for line in lines:
        indented = line.startswith(" ")
        if not line.strip():
            done.append("")
            continue
        if indented and not (item and not drawing and done[-1]):
            if not drawing:
                done += ["", "::", ""]
            drawing = True
            done.append(line)
            continue
        if not indented:
            item = bool(ITEM.match(line))
            if drawing or (item and done and done[-1] and not ITEM.match(done[-1]) and not done[-1].startswith(" ")):
                done.append("")
            drawing = False
        marker = ITEM.match(line)
        head = marker[0] if marker and not indented else ""
        done.append(head.replace("*", "-") + _text(line[len(head) :]))
    return [*done, ""]


def setup(app: Any) -> dict[str, bool]:
    """Every docstring passes by here."""

    def process(app: Any, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
        lines[:] = plain(lines)

    def options_of_commands(app: Any, context: Any, lines: list[str]) -> None:
        lines[:] = [re.sub(r"PosixPath\('([^']*)'\)", r"\1", line) for line in lines]

    app.connect("autodoc-process-docstring", process)
    app.connect("sphinx-click-process-options", options_of_commands)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
