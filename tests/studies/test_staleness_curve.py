"""Epochs by staleness: what was measured comes back, nothing is said beyond it, and a file keeps all of it."""

from __future__ import annotations

import json
import math
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ampsim.errors import ConfigError, RunError, UsageError
from ampsim.studies.staleness_curve import Settings, StalenessCurve, Trial

SETTINGS = Settings({"target": 0.9}, 100.0, 1)


def curve(*trials: tuple[int, float, list[float | None]]) -> StalenessCurve:
    """Of (mak, staleness, epochs of each seed)."""
    found = [Trial(mak, 1, seed, stale, e) for mak, stale, epochs in trials for seed, e in enumerate(epochs)]
    return StalenessCurve(job="some", source="0" * 64, settings=SETTINGS, most_epochs=12, trials=found)


def test_where_all_seeds_agree_their_epochs_come_back() -> None:
    found = curve((1, 0.0, [2.0, 2.0]), (4, 3.0, [8.0, 8.0]))
    assert found.seen == (0.0, 3.0)
    assert found.epochs(0.0).value == pytest.approx(2)
    assert found.epochs(3.0).value == pytest.approx(8)
    assert found.epochs(1.5).value == pytest.approx(4), "straight in logarithms"


def test_seeds_that_agree_are_known_to_a_stretch_and_no_better() -> None:
    value, low, high = curve((1, 0.0, [0.2, 0.2]), (2, 1.0, [0.2, 0.2])).epochs(0.5)
    assert low < value < high
    assert high / value == pytest.approx(value / low)
    fine = curve((1, 0.0, [20.0, 20.0]), (2, 1.0, [20.0, 20.0])).epochs(0.5)
    assert math.log(fine.high / fine.value) == pytest.approx(math.log(high / value) / 100)


def test_the_interval_holds_four_of_five_further_seeds() -> None:
    random = np.random.default_rng(3)
    inside, width = 0, 0.0
    for _ in range(400):
        settings = [(mak, float(mak), (3 * np.exp(0.2 * random.standard_normal(3))).tolist()) for mak in (1, 2, 4, 8)]
        _, low, high = curve(*settings).epochs(4.0)
        inside += low <= 3 * np.exp(0.2 * random.standard_normal()) <= high
        width += math.log(high / low)
    assert 0.74 <= inside / 400 <= 0.88
    assert width / 400 < 2 * 1.9 * 0.2


def test_more_staleness_never_takes_fewer_epochs() -> None:
    found = curve((1, 0.0, [2.0, 3.0]), (2, 1.0, [1.5, 2.5]), (4, 2.0, [4.0, 4.0]), (8, 3.0, [3.5, 4.1]))
    values = [found.epochs(x).value for x in np.linspace(0, 3, 31)]
    assert all(b >= a * (1 - 1e-12) for a, b in pairwise(values))


@pytest.mark.parametrize("staleness,more", [(3.1, "more"), (100.0, "more"), (0.5, "fewer")])
def test_nothing_is_said_outside_the_staleness_seen(staleness: float, more: str) -> None:
    found = curve((2, 1.0, [2.0, 2.0]), (4, 3.0, [8.0, 8.0]))
    with pytest.raises(UsageError, match="outside 1 to 3, which is all that was tried") as error:
        found.epochs(staleness)
    assert f"try {more} instances in flight" in (error.value.do or "")


def test_a_staleness_that_is_the_same_but_for_the_length_of_the_run_is_inside() -> None:
    found = curve((2, 1.0, [2.0, 2.0]), (4, 3.0, [8.0, 8.0]))
    assert found.epochs(3.05).value == found.epochs(3.0).value
    assert found.epochs(0.95).value == found.epochs(1.0).value


def test_from_where_a_target_was_missed_nothing_is_said() -> None:
    found = curve((1, 0.0, [2.0, 2.0]), (4, 3.0, [8.0, 9.0]), (8, 5.0, [11.0, None]), (16, 4.5, [10.0, 10.0]))
    assert (found.seen, found.missed) == ((0.0, 4.5), 5.0)
    with pytest.raises(RunError, match="at a staleness of 5 the target was missed within 12 epochs") as error:
        found.epochs(5.0)
    assert "train for more epochs" in (error.value.do or "")
    # A setting that reached it further on does not undo that.
    assert curve((1, 0.0, [2.0, 2.0]), (8, 5.0, [None, 2.0]), (16, 6.0, [9.0, 9.0])).seen == (0.0, 0.0)


def test_where_every_training_missed_there_is_no_line() -> None:
    found = curve((1, 0.0, [None, None]))
    assert found.seen is None
    with pytest.raises(RunError, match="at a staleness of 0 the target was missed"):
        found.epochs(0.0)


def test_one_seed_is_no_spread() -> None:
    with pytest.raises(UsageError, match="tried once only"):
        curve((1, 0.0, [2.0]), (2, 1.0, [3.0])).epochs(0.5)


def test_a_file_keeps_all(tmp_path: Path) -> None:
    found = curve((1, 0.0, [2.0, 3.0]), (4, 3.0, [8.0, None]))
    found.epochs(0.0)  # what is remembered of the line is not written
    found.save(tmp_path / "curve.json")
    again = StalenessCurve.load(tmp_path / "curve.json")
    assert again == found
    assert again.epochs(0.0) == found.epochs(0.0)
    found.save(tmp_path / "curve.json")
    assert [path.name for path in tmp_path.iterdir()] == ["curve.json"]


def changed(**changes: Any) -> str:
    plain = {
        "kind": "ampsim staleness curve", "version": 1, "job": "a", "source": "b", "most_epochs": 3,
        "settings": {"training": {}, "rows": 1, "copies": 1},
        "trials": 2 * [{"max_active_keys": 1, "workers": 1, "seed": 0, "staleness": 0.0, "epochs": 1.0}],
    }  # fmt: skip
    return json.dumps({**plain, **changes})


@pytest.mark.parametrize(
    "text,said",
    [
        ("", "truncated"),
        ("[]", "Expected `object`"),
        ("{}", "missing required field"),
        (changed(kind="ampsim sweep"), "kind"),
        (changed(version=2), "version"),
        (changed(more=1), "more"),
        (changed(trials=[]), "trials"),
        (changed(settings={"training": {}, "rows": 0, "copies": 1}), "rows"),
        (changed().replace("0.0", "-1"), "staleness"),
        (changed().replace("0.0", "1e999"), "out of range"),
        (changed().replace("1.0", "0"), "epochs"),
        (changed().replace("0.0", "NaN"), "malformed"),
        ("[" * 100_000, "this is no staleness curve"),
    ],
)
def test_a_file_of_another_form_is_refused(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "curve.json"
    path.write_text(text)
    with pytest.raises(ConfigError, match=said) as error:
        StalenessCurve.load(path)
    assert error.value.where == str(path)


def test_a_file_that_is_not_there_is_said_not_to_be(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        StalenessCurve.load(tmp_path / "none.json")
