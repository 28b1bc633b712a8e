"""The scripts in examples/ run as they are and print what is true."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

import ampsim
from ampsim.studies.jobs import load_job
from tests.docs.pages import ROOT, blocks, sessions

EXAMPLES = ROOT / "examples"
PAGE = ROOT / "docs" / "simulating.md"


def test_link_bandwidth_finds_the_bound_of_the_links_and_that_of_the_chips() -> None:
    """The table as it stands on the page, where it is compared with what the script prints."""
    shown = (session for block in blocks(PAGE) if block.runs for session in sessions(block.text))
    text = dict(shown)["python examples/link_bandwidth.py"]
    rows = [[float(cell.replace(",", "")) for cell in line.replace("%", "").split()] for line in text.splitlines()[1:]]
    bandwidths, throughput, utilization, load = zip(*rows, strict=True)
    assert list(bandwidths) == [0.1, 0.3, 1.0, 3.0, 10.0]
    assert list(throughput) == sorted(throughput)
    assert list(utilization) == sorted(utilization)
    # A minibatch is 100 rows of 784 float32, and every one of them crosses every link once in each direction.
    for gigabytes, rate in zip(bandwidths, throughput, strict=True):
        assert rate <= gigabytes * 1e9 / (784 * 4)
    assert throughput[1] / throughput[0] == pytest.approx(3, rel=0.05)
    assert throughput[4] / throughput[3] < 1.05
    assert load[0] > 90
    assert load[4] < 10


@pytest.fixture
def own_job(monkeypatch: pytest.MonkeyPatch) -> Iterator[ampsim.Job]:
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield load_job(f"{EXAMPLES / 'own_job.py'}:job")
    sys.modules.pop("own_job", None)  # others have a module of that name


@pytest.mark.usefixtures("no_leaks")
def test_own_job_learns_on_processes_and_on_chips_alike(own_job: ampsim.Job) -> None:
    ampsim.verify(own_job.graph, own_job.data.load().training)
    for run in (ampsim.run(own_job, workers=2), ampsim.simulate(own_job, "fpga_ring_16")):
        assert run.summary["epochs_to_target"] is not None
        assert run.evaluate().accuracy >= 0.9


def test_own_job_goes_round_as_often_as_the_instance_says(own_job: ampsim.Job) -> None:
    job = own_job.with_training(epochs=1, target=None)
    run = ampsim.simulate(job, "fpga_ring_16", mode="shapes")
    data = job.data.load()
    wanted = sum(part.structure(i) for part in data if part is not None for i in range(len(part)))
    names, edges = run.summary["edges"], run.tables["edges"]
    turns = names.index("phi.out -> turn.in")
    forward = (edges["edge"] == turns) & (edges["direction"] == 0)
    assert int(edges["messages"][forward].sum()) == wanted


def test_the_labels_are_where_the_points_end(own_job: ampsim.Job) -> None:
    import numpy as np

    data = own_job.data.load().training
    for index in (0, 7):
        points, turns = data.payload("points", index), data.structure(index)
        turned = (points[:, 0] + 1j * points[:, 1]) * np.exp(0.7j * turns)
        quadrants = np.select(
            [(turned.real > 0) & (turned.imag > 0), (turned.real <= 0) & (turned.imag > 0), turned.imag <= 0],
            [0, 1, np.where(turned.real <= 0, 2, 3)],
        )
        assert (quadrants == data.payload("quadrants", index)).mean() > 0.99
