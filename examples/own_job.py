"""A job of your own: data set, functions and graph in one module, for every backend.

    ampsim run examples/own_job.py:job
    ampsim simulate examples/own_job.py:job --system fpga_ring_16

A point of the plane is turned by 0.7 radians, one to four times, and the network is to say in which quadrant it ends.
It learns one turn, and goes round a loop as often as the instance asks:

    points -> encode -> phi -> turn -> tanh -> next -> more? --no--> classify -> log-softmax -> loss <- quadrants
                         ^                               +------yes------+
                         +-----------------------------------------------+

Workers import this file to find `Turns`, `counted`, `uncounted` and `left`; that is why they are at its top level.
"""

from __future__ import annotations

import numpy as np

import ampsim
from ampsim.ir.keys import instance
from ampsim.ir.message import Array, Spec, State
from ampsim.ir.nodes import Cond, Isu, Linear, LogSoftmax, NllLoss, Phi, Source, Tanh

ANGLE = 0.7
MOST = 4  # turns


class Turns(ampsim.Dataset):
    """Minibatches of points that are all turned equally often; the structure of an instance is how often."""

    def __len__(self) -> int:
        return len(self.arrays["turns"])

    def rows(self, index: int) -> int:
        return int(self.arrays["points"].shape[1])

    def structure(self, index: int) -> int:
        return int(self.arrays["turns"][index])

    def states(self, field: str, index: int) -> list[tuple[int, ...]]:
        return [(0,)] if field == "points" else [()]  # the point has been turned 0 times

    def spec(self, field: str, index: int) -> Spec:
        return Spec(self.arrays[field].shape[1:], self.arrays[field].dtype)

    def payload(self, field: str, index: int) -> Array:
        found: Array = self.arrays[field][index]
        return found


def load(batches: int = 200, rows: int = 50, seed: int = 0) -> tuple[Turns, Turns]:
    """Training and validation sets; one stream of random numbers each."""

    def draw(count: int, stream: int) -> Turns:
        random = np.random.default_rng([seed, stream])
        turns = random.integers(1, MOST + 1, count)
        points = random.standard_normal((count, rows, 2), dtype=np.float32)
        angle = np.arctan2(points[..., 1], points[..., 0]) + ANGLE * turns[:, None]
        quadrants = (np.floor(angle / (np.pi / 2)) % 4).astype(np.int64)
        return Turns({"turns": turns, "points": points, "quadrants": quadrants})

    return draw(batches, 0), draw(batches // 5, 1)


def counted(state: State, turns: int) -> State:
    """One more turn: (instance, t) becomes (instance, t + 1)."""
    return (state[0], state[1] + 1)


def uncounted(state: State, turns: int) -> State:
    """The inverse of `counted`."""
    return (state[0], state[1] - 1)


def left(state: State, turns: int) -> bool:
    """Whether turns are left."""
    return state[1] < turns


def job(width: int = 32, seed: int = 0) -> ampsim.Job:
    """The job; `--set options.width=64` reaches this argument."""
    points, quadrants = Source("points"), Source("quadrants")
    phi, more = Phi("phi"), Cond("more", left)
    loss = NllLoss("loss", key={"prediction": instance, "label": instance})
    points >> Linear("encode", 2, width).affinity(0) >> phi["start"]
    phi >> Linear("turn", width, width, gain=1.0).affinity(1) >> Tanh() >> Isu("next", counted, uncounted) >> more
    more["yes"] >> phi["again"]
    more["no"] >> Linear("classify", width, 4, gain=1.0).affinity(2) >> LogSoftmax() >> loss["prediction"]
    quadrants >> loss["label"]
    training = ampsim.Training(
        epochs=8, max_active_keys=4, update="instance", optimizer=ampsim.Adam(0.005), target=0.9, seed=seed
    )
    return ampsim.Job(ampsim.Graph.of("turns", points, quadrants), ampsim.Recipe(load, {"seed": seed}), training)
