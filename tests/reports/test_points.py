"""The page about a grid: all points drawn, the best on a line, what failed listed, and no name can break it."""

from __future__ import annotations

from pathlib import Path

import pytest

from ampsim.reports.grid import Axis, Dot
from ampsim.reports.points import render_points
from tests.reports.pages import Page
from tests.reports.test_page import HOSTILE

AXES = [Axis("throughput", "rows/s", "max"), Axis("workers_used", "", "min")]
FACTS = [("job", "mlp"), ("mode", "shapes")]


def dots(text: str = "ring") -> list[Dot]:
    """Four points, of which two are best and one failed."""
    return [
        Dot({"system": text, "workers": "1"}, [10.0, 1.0], True),
        Dot({"system": text, "workers": "4"}, [30.0, 4.0], True),
        Dot({"system": text, "workers": "5"}, [20.0, 5.0]),
        Dot({"system": text, "workers": "99"}, [None, None], error=f"{text} has no 99 chips"),
    ]


def written(folder: Path, *arguments: object) -> Page:
    found = arguments or ("a study", dots(), AXES, FACTS)
    return Page(render_points(folder / "page.html", *found).read_text(encoding="utf-8"))  # type: ignore[arg-type]


def test_every_point_that_ran_is_drawn_and_the_best_are_joined(tmp_path: Path) -> None:
    page = written(tmp_path)
    front, lines, *strips = page.figures
    others, best = front["data"]
    assert (others["x"], others["y"]) == ([5.0], [20.0])
    assert (best["x"], best["y"], best["mode"]) == ([1.0, 4.0], [10.0, 30.0], "lines+markers")
    assert [len(strip["data"][0]["y"]) for strip in strips] == [3, 3]
    assert [set(trace["customdata"]) for trace in lines["data"][:2]] == [{2}, {0, 1}]


def test_tables_hold_the_best_and_the_failed(tmp_path: Path) -> None:
    text = written(tmp_path).text
    assert "4 points of a grid; 2 are Pareto optimal in throughput and workers_used." in text
    assert "ring has no 99 chips" in text
    assert "best throughput (rows/s) 30" in text


def test_a_grid_without_any_run_has_a_page_too(tmp_path: Path) -> None:
    page = written(tmp_path, "empty", dots()[3:], AXES, FACTS)
    assert page.figures == []
    assert "No point has all objectives." in page.text


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_no_name_becomes_markup(tmp_path: Path, text: str) -> None:
    axes = [Axis(text[:200], "rows/s", "max"), AXES[1]]
    page = written(tmp_path, text, dots(text), axes, [(text, text)] * 2)
    plain = written(tmp_path)
    assert [tag for tag, _ in page.elements] == [tag for tag, _ in plain.elements]
    assert len(page.code) == 2


def test_the_page_needs_nothing(tmp_path: Path) -> None:
    page = written(tmp_path)
    asked = [value for _, attributes in page.elements for name, value in attributes.items() if name in ("src", "href")]
    assert all(value is None or value.startswith(("#", "data:")) for value in asked)
