"""Settings of a training from the command line, where each is what the run then did."""

from __future__ import annotations

import pytest

from ampsim.result.run import Run
from tests.cli.conftest import Ampsim
from tests.cli.jobs import SMALL

TWO_EPOCHS = [word.replace("epochs=1", "epochs=2") for word in SMALL]


@pytest.mark.parametrize("given,taken", [("1", 1), ("1000", 2), ("null", 2)])
def test_training_instances_are_those_of_an_epoch(given: str, taken: int, ampsim: Ampsim, folder: object) -> None:
    """Two minibatches of a hundred there are, and one to validate on."""
    line = ("simulate", "mlp", *TWO_EPOCHS, "-s", "host", "--set", f"training.instances={given}", "-o", "run")
    assert ampsim(*line).code == 0
    run = Run.load("run")
    training = run.tables["instances"]["training"]
    assert (training.sum(), (~training).sum()) == (2 * taken, 2)
    assert run.config["job"]["training"]["instances"] == (None if given == "null" else int(given))


def test_no_instances_are_refused(ampsim: Ampsim, folder: object) -> None:
    done = ampsim("simulate", "mlp", *SMALL, "-s", "host", "--set", "training.instances=0")
    assert (done.code, done.out) == (2, "")
    assert done.err == (
        "error: training.instances is 0; it must be an int from 1 to 10^9\n  where: training.instances\n"
    )
