"""The studies in examples/ run, keep the laws they assert, and draw; the page shows what they print."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.docs.pages import ROOT, blocks, sessions

EXAMPLES = ROOT / "examples"
FIGURES = ROOT / "docs" / "figures"
PAGE = ROOT / "docs" / "studies.md"
SVG = "{http://www.w3.org/2000/svg}"


def study(name: str, *options: str, folder: Path, shown: bool = False) -> list[dict[str, Any]]:
    """The rows of a study; its figure is left in the folder as ``figure.svg``. ``shown``: the page has its table."""
    script = [sys.executable, str(EXAMPLES / f"{name}.py"), "--json", "-o", "figure.svg", *options]
    done = subprocess.run(script, cwd=folder, capture_output=True, text=True, timeout=290, check=False)
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)
    assert ElementTree.parse(folder / "figure.svg").getroot().tag == f"{SVG}svg"
    assert [path.name for path in folder.iterdir()] == ["figure.svg"]
    if shown:
        pages = (session for block in blocks(PAGE) for session in sessions(block.text))
        assert dict(pages)[f"python examples/{name}.py"] == done.stderr
        assert (folder / "figure.svg").read_bytes() == (FIGURES / f"{name}.svg").read_bytes()
    return found


def test_the_estimate_reaches_the_bound_of_its_busiest_device(tmp_path: Path) -> None:
    rows = study("appendix_estimate", "--graphs", "10", folder=tmp_path)
    rings, drawn, *sweep = rows
    assert rings["flop_bound"] == 1e12 / (36 * 30 * 200**2 * 4)
    for row in (rings, drawn):
        assert 0.95 * row["flop_bound"] <= row["graphs_per_second"] <= row["flop_bound"] * (1 + 1e-9)
    for network, shares in (("switch", 10), ("full", 64 / 30)):
        half = [row for row in sweep if row["network"] == network]
        found = [row["graphs_per_second"] for row in half]
        assert found == sorted(found)
        # Shares of 30 nodes times 200 float32: T steps and both directions, and with one port embedding and readout.
        assert {row["fullest_link_bytes"] for row in half} == {shares * 30 * 200 * 4}
        assert found[0] == pytest.approx(half[0]["link_bound"], rel=0.2)


def test_four_workers_keep_to_both_bounds_and_are_those_of_the_page(tmp_path: Path) -> None:
    alone, *rows = study("four_workers", folder=tmp_path, shown=True)
    work = [2 * 3920 / 307328, 2.0, 3.0, 3.0]
    assert alone["units"] == pytest.approx(8 + 3 * 10 / 784)
    assert rows[0]["work"] == pytest.approx([3 * 10 / 784, *work[1:]])
    assert rows[0]["units"] == pytest.approx(6 + 2 * 10 / 784)  # the gradients of weights overlap, but for that of L1
    for row in rows:
        assert row["units"] >= max(rows[0]["latency"] / row["mak"], 3) - 1e-9
    assert rows[-1]["units"] == pytest.approx(3, rel=0.02)


def test_sparsity_counts_what_nodes_and_edges_say(tmp_path: Path) -> None:
    rows = study("sparsity", "--graphs", "6", folder=tmp_path)
    found = {(row["form"], row["copies"], row["mak"]): row for row in rows}
    assert found["dense", 1, 1]["flop"] > 3 * found["sparse", 1, 1]["flop"]
    for row in rows:
        assert row["graphs_per_second"] <= 1e12 / row["busiest"] * (1 + 1e-9)
        assert row["devices"] <= 7 * row["copies"]
    for mak in (1, 16):
        assert found["sparse", 1, mak]["graphs_per_second"] > 2 * found["dense", 1, mak]["graphs_per_second"]
    # One molecule in flight keeps one copy busy, whatever there is; six of them are shared by four.
    alone, copied = (found["sparse", copies, 1]["graphs_per_second"] for copies in (1, 4))
    assert copied == pytest.approx(alone, rel=0.2)
    assert found["sparse", 4, 16]["graphs_per_second"] > 1.5 * found["sparse", 1, 16]["graphs_per_second"]


def test_sync_async_tells_staleness_and_speed_also_where_no_target_is_reached(tmp_path: Path) -> None:
    rows = study("sync_async", "--seeds", "1", "--images", "100", "--epochs", "1", folder=tmp_path)
    assert [(row["batch"], row["mak"]) for row in rows] == [(b, m) for b in (1, 10, 100) for m in (1, 4, 16)]
    for row in rows:
        assert (row["epochs"] is None) == (row["milliseconds"] is None)
        assert row["staleness"] <= row["mak"] - 1
    speed = [row["images_per_second"] for row in rows]
    assert speed[0] < speed[1] < speed[2]
    assert speed[3] < speed[4]


def test_update_frequency_makes_updates_rarer_and_gradients_fresher(tmp_path: Path) -> None:
    rows = study("update_frequency", "--trees", "30", "--epochs", "1", folder=tmp_path)
    assert [row["muf"] for row in rows] == 2 * [1, 10, 50, 200]
    for half in (rows[:4], rows[4:]):
        assert [row["updates"] for row in half] == sorted((row["updates"] for row in half), reverse=True)
        assert [row["staleness"] for row in half] == sorted((row["staleness"] for row in half), reverse=True)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["appendix_estimate", "sparsity"])
def test_tables_and_figures_on_the_page_are_those_of_the_studies(name: str, tmp_path: Path) -> None:
    study(name, folder=tmp_path, shown=True)


@pytest.mark.slow
def test_asynchrony_keeps_the_epochs_as_the_page_says(tmp_path: Path) -> None:
    rows = study("sync_async", "--seeds", "1", folder=tmp_path)
    epochs = {(row["batch"], row["mak"]): row["epochs"] for row in rows}
    assert None not in epochs.values()
    for batch in (1, 10, 100):
        assert epochs[batch, 4] <= 1.3 * epochs[batch, 1] + 0.25  # it is looked for every quarter


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_frequent_updates_need_few_epochs_until_they_are_stale(tmp_path: Path) -> None:
    rows = study("update_frequency", "--epochs", "3", folder=tmp_path)
    epochs = {(row["rate"], row["muf"]): row["epochs"] or 3.25 for row in rows}
    assert epochs[0.01, 10] < epochs[0.01, 50] < epochs[0.01, 200]
    assert epochs[0.03, 10] < epochs[0.03, 200]
    assert epochs[0.03, 10] < epochs[0.03, 1]


@pytest.fixture(scope="module")
def shared() -> Iterator[ModuleType]:
    spec = importlib.util.spec_from_file_location("study", EXAMPLES / "study.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["study"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    yield module
    del sys.modules["study"]


HOSTILE = '<script>alert("&")</script>'


def test_words_of_a_figure_are_no_markup(shared: ModuleType) -> None:
    line = shared.Line(HOSTILE, (1, 10), (0, 3))
    figure = shared.Figure(HOSTILE, HOSTILE, HOSTILE, [line], marks=((2, HOSTILE),))
    drawn = ElementTree.fromstring(shared.svg(figure))
    assert [text.text for text in drawn.iter(f"{SVG}text")].count(HOSTILE) == 5
    page = shared.html(figure)
    assert HOSTILE not in page
    assert "alert(" in page


@pytest.mark.parametrize("log", [False, True])
def test_points_lie_on_the_scales(shared: ModuleType, log: bool) -> None:
    figure = shared.Figure("t", "x", "y", [shared.Line("a", (0.1, 1, 100), (1, 10, 100))], log=log)
    drawn = ElementTree.fromstring(shared.svg(figure))
    labels = {text.text: text for text in drawn.iter(f"{SVG}text")}
    points = [(float(dot.attrib["cx"]), float(dot.attrib["cy"])) for dot in drawn.iter(f"{SVG}circle")]
    for x, y in points:
        assert shared.LEFT <= x <= shared.WIDTH - shared.RIGHT
        assert shared.TOP <= y <= shared.HEIGHT - shared.BOTTOM
    assert float(labels["1"].attrib["x"]) == points[1][0] if not log else {"10", "100"} <= set(labels)
    assert points[2] == (shared.WIDTH - shared.RIGHT, shared.TOP)


@pytest.mark.parametrize(
    "values,log,ticks",
    [
        ((0.1, 100), True, [0.1, 1, 10, 100]),
        ((1, 16), True, [1, 2, 5, 10, 20]),
        ((1, 10), True, [1, 2, 5, 10]),
        ((3, 3), True, [2, 5]),
        ((1, 3), False, [0, 1, 2, 3]),
        ((0.5, 12), False, [0, 5, 10, 15]),
        ((0, 0), False, [0, 1]),
    ],
)
def test_ticks_are_round_and_enclose(shared: ModuleType, values: Any, log: bool, ticks: list[float]) -> None:
    assert shared._ticks(values, log=log) == pytest.approx(ticks)


def test_a_figure_of_another_kind_is_refused(tmp_path: Path) -> None:
    script = [sys.executable, str(EXAMPLES / "four_workers.py"), "-o", "figure.gif"]
    done = subprocess.run(script, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "a figure ends in .html or .svg" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_more_in_flight_are_more_rows_a_task_and_no_more_updates(tmp_path: Path) -> None:
    rows = study("dynamic_batching", "--questions", "100", folder=tmp_path)
    assert [row["in_flight"] for row in rows] == [1, 2, 4, 8, 16, 32, 64]
    assert len({row["updates"] for row in rows}) == 1
    assert rows[-1]["tasks"] < rows[0]["tasks"] / 4
