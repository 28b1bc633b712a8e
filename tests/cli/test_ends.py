"""Simulations that cannot end, or did nothing: exit code 1, one error that says why, and nothing written."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Ampsim
from tests.cli.jobs import SMALL

STUCK = """\
import ampsim
from ampsim.ir.nodes import Linear, LogSoftmax, NllLoss, Source


def other(state):
    return (state[0], -1)


def build(*, seed=0):
    images, labels, loss = Source("images"), Source("labels"), NllLoss("loss", key={"label": other})
    images >> Linear("L1", 784, 10).affinity(0) >> LogSoftmax() >> loss["prediction"]
    labels >> loss["label"]
    recipe = ampsim.Recipe("ampsim.workloads.images:load", {"name": "generated", "training": 200, "validation": 100})
    return ampsim.Job(ampsim.Graph.of("stuck", images, labels), recipe)
"""
FREE = """\
name: free
chips:
  - {count: 4, matmul: 1e21, vector: 1e21, memory_bandwidth: unlimited, memory_capacity: unlimited}
links: {bandwidth: unlimited, latency: 0}
topology: {kind: full}
"""


@pytest.fixture
def stuck(folder: Path) -> str:
    """A job whose labels and predictions have different keys."""
    (folder / "stuck.py").write_text(STUCK, encoding="utf-8")
    return "stuck.py:build"


def test_a_stall_says_what_is_missing(ampsim: Ampsim, stuck: str, folder: Path) -> None:
    done = ampsim("simulate", stuck, "-s", "gpu_switch_8", "--shapes")
    assert done.code == 1
    assert done.out == ""
    assert "the run stalled with 1 instances in flight (0)" in done.err
    assert "missing:" in done.err
    assert "label of (0,) was never sent, or came under another key" in done.err
    assert "Traceback" not in done.err
    assert [path.name for path in folder.iterdir() if path.is_dir() and path.name != "__pycache__"] == []


def test_a_run_without_time_is_an_error(ampsim: Ampsim, folder: Path) -> None:
    (folder / "free.yaml").write_text(FREE, encoding="utf-8")
    small = (*SMALL, "--set", "options.width=1", "--set", "options.batch=1", "--set", "options.training=3")
    done = ampsim("simulate", "mlp", "-s", "free.yaml", "--shapes", *small)
    assert done.code == 1
    assert "no time passed" in done.err
    assert sorted(path.name for path in folder.iterdir()) == ["free.yaml"]


def test_a_tie_break_is_taken_and_written_down(ampsim: Ampsim, folder: Path) -> None:
    drawn = ("simulate", "mlp", "-s", "gpu_switch_8", "--shapes", *SMALL)
    assert ampsim(*drawn, "--tie-break", 5, "-o", "drawn").code == 0
    assert "tie_break: 5" in (folder / "drawn" / "config.yaml").read_text(encoding="utf-8")
    for seed in ("-1", "x", str(2**63)):
        assert ampsim(*drawn, "--tie-break", seed, "-o", "other").code == 2
