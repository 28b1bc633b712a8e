"""Molecules and their dipole norms: QM9, or molecules drawn at random, in minibatches; and what an error means.

A network learns (norm - CENTER) / SCALE. Both numbers are fixed, mean and standard deviation over all of QM9, and not
taken from the training set, of which they differ by less than a hundredth: so a loss says what it is in debye without a
look at the data, and a target can be named in advance.
"""

from __future__ import annotations

import difflib
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from ampsim.errors import ConfigError, UsageError
from ampsim.result.run import Run
from ampsim.workloads import qm9, random_molecules
from ampsim.workloads.graphs import Drawn, Graphs, cut
from ampsim.workloads.limits import seeded, whole
from ampsim.workloads.smiles import BONDS

NAMES = ("qm9", "generated")
CENTER, SCALE = 2.673, 1.503  # debye
ACCURACY = 0.1  # debye: what is called chemical accuracy
TYPES = len(BONDS)


class Errors(NamedTuple):
    """``mae``: mean absolute error in debye; ``ratio``: over the accuracy of 0.1 debye (AMPNet trains to 4.6)."""

    mae: float
    ratio: float


def errors(loss: float) -> Errors:
    """What a loss of the job, a mean absolute error in units of SCALE, says.

    >>> errors(0.306).ratio.__round__(2)
    4.6
    """
    return Errors(loss * SCALE, loss * SCALE / ACCURACY)


def errors_of(run: Run) -> list[Errors]:
    """The errors on the validation set at the end of each epoch. Raises UsageError if nothing was validated."""
    losses = [epoch["validation_loss"] for epoch in run.summary["epochs"]]
    if not losses or None in losses:
        raise UsageError("this run has epochs without a validation loss", "epochs", "give the job a validation set")
    return [errors(loss) for loss in losses]


def load(
    name: str = "generated",
    training: int = 10_000,
    validation: int = 1_000,
    batch: int = 20,
    steps: int = 4,
    seed: int = 0,
    folder: str | None = None,
) -> tuple[Graphs, Graphs | None]:
    """Training and validation molecules of the set called ``name``; ``validation=0`` gives None.

    ``qm9`` is shuffled by the seed; the first ``validation`` are held out and the next ``training`` trained on, or all
    the rest if there are fewer. ``generated`` are drawn, and their norms brought to the mean and spread of QM9's.
    ``folder`` is the data folder. Raises UsageError for an unknown name, data that are not there and a number out of
    range.
    """
    whole(1, training=training, batch=batch, steps=steps)
    whole(0, validation=validation)
    seeded(seed)
    if name == "qm9":
        drawn = qm9.read(folder)
        if validation >= len(drawn):
            what = f"validation is {validation} of {len(drawn)} molecules: none is left to train on"
            raise ConfigError(what, "options.validation")
        order = np.random.default_rng(seed).permutation(len(drawn))
        first = drawn.take(order[validation : validation + training])
        held_out = drawn.take(order[:validation]) if validation else None
    elif name == "generated":
        # One stream a purpose: changing the size of one set leaves the other as it is.
        first = generated(training, [seed, 0])
        held_out = generated(validation, [seed, 1]) if validation else None
    else:
        close = difflib.get_close_matches(name, NAMES, 1)
        hint = f"did you mean {close[0]}?" if close else f"one of: {', '.join(NAMES)}"
        raise UsageError(f"there are no molecules called {name!r}", "data.options.name", hint)
    return _minibatches(first, batch, steps), _minibatches(held_out, batch, steps) if held_out else None


def generated(molecules: int, seed: list[int]) -> Drawn:
    """Molecules drawn at random, their made-up norms scaled to the mean and spread of QM9's."""
    drawn = random_molecules.draw(molecules, np.random.default_rng(seed))
    norms = (drawn.answers - random_molecules.MEAN) / random_molecules.SD * SCALE + CENTER
    return replace(drawn, answers=norms.astype(np.float32))


def _minibatches(drawn: Drawn, batch: int, steps: int) -> Graphs:
    standard = ((drawn.answers - CENTER) / SCALE).astype(np.float32)
    return cut(replace(drawn, answers=standard), batch, types=TYPES, steps=steps)
