"""The five scripts of docs/examples.md run, keep their laws, and print and draw what the page shows."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.docs.pages import ROOT, blocks, sessions

PAGE = ROOT / "docs" / "examples.md"
FIVE = ("train_and_predict", "tree_lstm_links", "replicas", "memory_and_mak", "two_chips")


def shown(name: str) -> str:
    pages = dict(session for block in blocks(PAGE) for session in sessions(block.text))
    return pages[f"python examples/{name}.py"]


def study(name: str, *options: str, folder: Path) -> tuple[list[dict[str, Any]], str]:
    """The rows of a script and its table; its figure is left in the folder as ``figure.svg``."""
    script = [sys.executable, str(ROOT / "examples" / f"{name}.py"), "--json", "-o", "figure.svg", *options]
    done = subprocess.run(script, cwd=folder, capture_output=True, text=True, timeout=290, check=False)
    assert done.returncode == 0, done.stderr
    assert [path.name for path in folder.iterdir()] == ["figure.svg"]
    rows: list[dict[str, Any]] = json.loads(done.stdout)
    return rows, done.stderr


def is_that_of_the_page(name: str, table: str, folder: Path) -> None:
    assert shown(name) == table
    assert (folder / "figure.svg").read_bytes() == (ROOT / "docs" / "figures" / f"{name}.svg").read_bytes()


def test_the_page_shows_all_five_with_their_figures() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for name in FIVE:
        assert f"](figures/{name}.svg)" in text
        assert ElementTree.parse(ROOT / "docs" / "figures" / f"{name}.svg").getroot().tag.endswith("svg")
        assert shown(name)


@pytest.mark.parametrize("name", FIVE)
def test_a_script_to_copy_is_short(name: str) -> None:
    assert len((ROOT / "examples" / f"{name}.py").read_text(encoding="utf-8").splitlines()) <= 90


def test_two_chips_is_as_on_the_page(tmp_path: Path) -> None:
    rows, table = study("two_chips", folder=tmp_path)
    is_that_of_the_page("two_chips", table, tmp_path)
    ratios = [row["gpu"] / row["fpga"] for row in rows]
    assert ratios == pytest.approx(sorted(ratios), rel=0.01)
    assert ratios[-1] < 495


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_memory_and_mak_is_as_on_the_page(tmp_path: Path) -> None:
    rows, table = study("memory_and_mak", folder=tmp_path)
    is_that_of_the_page("memory_and_mak", table, tmp_path)
    needs = [row["bytes"] for row in rows if "mak" in row]
    assert needs == sorted(needs)
    fits = [row["let_in"] for row in rows if "let_in" in row]
    assert fits == sorted(fits)
    assert fits[-1] == 16


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_tree_lstm_links_is_as_on_the_page(tmp_path: Path) -> None:
    rows, table = study("tree_lstm_links", folder=tmp_path)
    is_that_of_the_page("tree_lstm_links", table, tmp_path)
    for mak in (1, 4, 16):
        speed = [row["trees_per_second"] for row in rows if row["mak"] == mak]
        assert speed == sorted(speed)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_replicas_are_as_fast_as_on_the_page(tmp_path: Path) -> None:
    """Epochs depend on the last bits of products; speeds do not, as long as equally many epochs are run."""
    rows, table = study("replicas", folder=tmp_path)
    said = [line.split() for line in shown("replicas").splitlines()[1:5]]
    for row, words in zip(rows, said, strict=True):
        assert row["images_per_second"] == pytest.approx(float(words[2].replace(",", "")), rel=0.02)
        assert row["epochs"] == pytest.approx(float(words[4]), abs=0.51)
    assert shown("replicas").splitlines()[-1] == table.splitlines()[-1]


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_train_and_predict_prints_both_and_what_is_equal(tmp_path: Path) -> None:
    rows, text = study("train_and_predict", folder=tmp_path)
    cells = dict(re.findall(r"^(\w[\w, ]*?) {2,}(\S+ +\S+ +\S+ %)$", text, flags=re.MULTILINE))
    assert set(cells) == {"throughput", "utilization, mean", "makespan", "validation accuracy"}
    equal = re.findall(r"^equal in both: (.+?), ", text, flags=re.MULTILINE)
    assert equal == re.findall(r"^equal in both: (.+?), ", shown("train_and_predict"), flags=re.MULTILINE)
    assert [row["mak"] for row in rows] == [1, 2, 4, 8]
    for row in rows:
        assert row["predicted"] > 0 < row["measured"]
