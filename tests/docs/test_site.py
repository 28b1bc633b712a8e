"""The site has every page in one of its four parts, is built without a warning, and asks nothing of a network."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from ampsim.cli.main import COMMANDS
from tests.docs.pages import DOCS, ROOT

EXTENSIONS = ROOT / "docs" / "_ext"
INDEX = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")


def extension(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, EXTENSIONS / f"{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


PAGES = extension("beside_the_pages")
DOCSTRINGS = extension("plain_docstrings")


def test_every_page_is_in_one_part_of_the_index_and_in_one_only() -> None:
    """A new page gets a row in a table of docs/index.md."""
    found = PAGES.sections(INDEX)
    assert list(found) == ["Tutorial", "How to", "Reference", "Explanation"]
    listed = [page for pages in found.values() for page in pages]
    assert sorted(listed) == sorted(page.stem for page in DOCS if page.stem != "index")


def test_a_page_belongs_where_it_is_named_first() -> None:
    text = "# T\n\n[c](c.md)\n\n## A\n\n| x | [a](a.md#b) |\n\n## B\n\n| [a](a.md), [b](b.md) | |\n\nand [d](d.md)\n"
    assert PAGES.sections(text) == {"A": ["a"], "B": ["b"]}
    assert ":caption: B\n\nb\n```" in PAGES.contents(text)


def test_links_out_of_the_folder_lead_to_pages() -> None:
    text = "[r](../README.md) [e](../examples) [f](../examples/study.py)"
    assert PAGES.within(text) == "[r](index.md) [e](examples.md) [f](../examples/study.py)"


@pytest.mark.parametrize(
    "written,read",
    [
        ("one of *args, a|b, x_ and ``*``", r"one of \*args, a\|b, x\_ and ``*``"),
        ("see :func:`run` of `x`", r"see :func:`run` of \`x\`"),
        ("A list:\n- a\n- b\n  goes on\nand on", "A list:\n\n- a\n- b\n  goes on\nand on"),
        ("A drawing\n    a -> b*\n      c_\nand on", "A drawing\n\n::\n\n    a -> b*\n      c_\n\nand on"),
    ],
)
def test_docstrings_mean_what_they_look_like(written: str, read: str) -> None:
    assert "\n".join(DOCSTRINGS.plain(written.splitlines())) == read + "\n"


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_site_is_built_without_a_warning_and_needs_no_network(tmp_path: Path) -> None:
    pytest.importorskip("sphinx_click", reason="the site needs the extra docs: make docs")
    words = [sys.executable, "-m", "sphinx", "-b", "html", "-q", "-W", "--keep-going", str(ROOT / "docs")]
    done = subprocess.run([*words, str(tmp_path)], capture_output=True, text=True, timeout=280, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    for page in DOCS:
        text = (tmp_path / f"{page.stem}.html").read_text(encoding="utf-8")
        loaded = re.findall(r'<(?:script|img|iframe|source)\b[^>]*\bsrc="([^"]*)"', text)
        loaded += re.findall(r'<link\b[^>]*\bhref="([^"]*)"', text)
        assert [place for place in loaded if re.match(r"(\w+:)?//", place)] == [], page.name
        lost = [place.partition("#")[0].partition("?")[0] for place in loaded]
        assert [place for place in lost if not place.startswith("data:") and not (tmp_path / place).exists()] == []
    commands = (tmp_path / "cli_reference.html").read_text(encoding="utf-8")
    assert [name for name in COMMANDS if f'id="ampsim-{name}"' not in commands] == []
    assert "--tolerance" in commands
    for style in tmp_path.rglob("*.css"):
        assert re.findall(r"url\(['\"]?(?:https?:)?//", style.read_text(encoding="utf-8")) == [], style.name
