"""The scalars of a run are what their definitions say, and each is None where there is nothing to say."""

from __future__ import annotations

import numpy as np
import pytest

from ampsim.result.metrics import SCALARS, WORDS, scalars
from tests.result.synthetic import make_run


def test_scalars_follow_from_the_tables() -> None:
    run = make_run(3)
    found = scalars(run)
    assert list(found) == list(SCALARS)
    tasks, links, staleness = (run.tables[name] for name in ("tasks", "links", "staleness"))
    busy = np.bincount(tasks["worker"], tasks["end"] - tasks["start"], 3) / run.makespan
    assert found["utilization"] == pytest.approx(busy.mean())
    assert found["busiest_worker"] == pytest.approx(busy.max())
    assert found["link_bytes"] == links["bytes"].sum()
    assert found["tasks"] == len(tasks["kind"])
    assert found["staleness"] == pytest.approx(np.average(staleness["staleness"], weights=staleness["count"]))
    assert found["validation_accuracy"] == run.epochs[-1]["validation_accuracy"]
    assert 0 < (found["busiest_link"] or 0) <= 1


def test_what_is_not_there_is_none() -> None:
    run = make_run(1)
    run.summary.update(epochs=[], utilization=[None], links=[], energy=None)
    run.tables["staleness"] = {name: column[:0] for name, column in run.tables["staleness"].items()}
    found = scalars(run)
    missing = ("utilization", "busiest_worker", "busiest_link", "peak_memory", "energy", "train_loss", "staleness")
    assert [name for name in missing if found[name] is not None] == []


def test_peak_and_energy_are_those_of_the_summary() -> None:
    run = make_run(2)
    run.summary.update(peak_memory=[5, 7], energy={"total": 3.5, "idle": 1.0})
    assert (scalars(run)["peak_memory"], scalars(run)["energy"]) == (7, 3.5)
    run.summary["energy"] = 2.5
    assert scalars(run)["energy"] == 2.5


def test_goals_are_a_direction_or_none() -> None:
    assert {scalar.goal for scalar in SCALARS.values()} == {"max", "min", ""}


def test_definitions_are_sentences_without_their_end() -> None:
    assert [word.name for word in WORDS if word.meaning.endswith(".") or not word.meaning[0].islower()] in (
        [],
        ["difference, relative", "FLOP"],
        ["difference, relative"],
    )
