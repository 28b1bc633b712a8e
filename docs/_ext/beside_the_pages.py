"""What the site needs and the pages, which are also read as plain files, do not say in its words.

The sections of index.md become the tables of contents: every page that one of its tables names stands under the
heading of that table. Links out of docs/ lead to what the site has in their place.
"""

from __future__ import annotations

import re
from typing import Any

PAGE = re.compile(r"\]\((\w+)\.md[)#]")
ELSEWHERE = {"../README.md": "index.md", "../examples": "examples.md", "../CHANGELOG.md": "changelog.md"}


def sections(index: str) -> dict[str, list[str]]:
    """The pages below each heading of the index, in order, each where it is named first."""
    found: dict[str, list[str]] = {}
    seen: set[str] = set()
    for part in re.split(r"^## ", index, flags=re.MULTILINE)[1:]:
        title, _, text = part.partition("\n")
        rows = "\n".join(line for line in text.splitlines() if line.startswith("|"))
        pages = [page for page in dict.fromkeys(PAGE.findall(rows)) if page not in seen]
        seen.update(pages)
        if pages:
            found[title] = pages
    return found


def contents(index: str) -> str:
    """The index with its sections as toctrees, which are shown at the side only."""
    trees = [
        "\n".join(["```{toctree}", ":hidden:", f":caption: {title}", "", *pages, "```"])
        for title, pages in sections(index).items()
    ]
    return "\n\n".join([index, *trees, ""])


def within(text: str) -> str:
    """A page with its links out of docs/ led to what stands in the site."""
    for there, here in ELSEWHERE.items():
        text = text.replace(f"]({there})", f"]({here})")
    return text


def setup(app: Any) -> dict[str, bool]:
    """Every page passes by here before it is parsed."""

    def read(app: Any, name: str, source: list[str]) -> None:
        source[0] = within(contents(source[0]) if name == "index" else source[0])

    app.connect("source-read", read)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
