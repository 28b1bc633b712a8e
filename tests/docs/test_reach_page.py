"""The study behind docs/reach.md runs and keeps its laws, and the page says of its table what the table says."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from statistics import fmean, median
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.docs.pages import ROOT, blocks, sessions

SCRIPT = ROOT / "examples" / "reach.py"
PAGE = ROOT / "docs" / "reach.md"


def shown() -> str:
    (text,) = [out for b in blocks(PAGE) for line, out in sessions(b.text) if line == "python examples/reach.py"]
    return text


def study(folder: Path, *options: str) -> list[dict[str, Any]]:
    words = [sys.executable, str(SCRIPT), "--json", "-o", "figure.svg", *options]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=500, check=False)
    assert done.returncode == 0, done.stderr
    assert ElementTree.parse(folder / "figure.svg").getroot().tag.endswith("svg")
    assert len(done.stderr.splitlines()) > 4
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


@pytest.mark.slow
def test_the_study_runs_and_refuses_or_answers_every_setting(tmp_path: Path) -> None:
    rows = study(tmp_path, "--images", "1000", "--trees", "0", "--systems", "1", "--seeds", "1")
    assert [(row["job"], row["mak"]) for row in rows] == [
        (job, mak) for job in ("mlp", "wider") for mak in (1, 2, 4, 8)
    ]
    for row in rows:
        assert (row["refused"] is None) == (row["predicted"] is not None)
        if row["predicted"]:
            value, low, high = row["predicted"]
            assert low < value < high
            assert 0 <= row["staleness"] <= row["mak"] - 1
    alone = next(row for row in rows if row["mak"] == 1)
    assert alone["predicted"][0] == pytest.approx(alone["trained"][0], rel=0.5)


def test_the_page_sums_its_table_up_rightly() -> None:
    lines = shown().splitlines()
    for job in ("mlp", "trees", "wider"):
        errors = [float(found[1]) for line in lines if line.startswith(f"{job} ")
                  and (found := re.search(r"([+-][\d.]+) %$", line))]  # fmt: skip
        (said,) = [line for line in lines if line.startswith(f"{job}: ")]
        middle, worst = re.findall(r"([+-]?[\d.]+) %", said)
        assert float(middle) == pytest.approx(median(map(abs, errors)), abs=0.051)
        assert float(worst) == max(errors, key=abs)
    assert (ROOT / "docs" / "figures" / "reach.svg").exists()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_answer_is_about_that_of_training(tmp_path: Path) -> None:
    """Wide bounds: losses depend on the last bits of products, so that another processor may be a stretch off."""
    rows = study(tmp_path, "--trees", "0", "--systems", "1")
    errors = [row["predicted"][0] / fmean(row["trained"]) - 1 for row in rows if row["job"] == "mlp"]
    assert median(map(abs, errors)) < 0.2
