"""The text of a job file as a user writes one: its own loop, its own functions, its own data set."""

from __future__ import annotations

OWN_JOB = '''\
"""Count to the length of a list: a loop with functions and data of this file's own."""

import numpy as np

import ampsim
from ampsim.ir.nodes import Cond, Isu, Linear, LogSoftmax, NllLoss, Phi, Relu, Source


class Counts(ampsim.Dataset):
    def __init__(self, arrays, *, batch=4):
        super().__init__(arrays, batch=batch)

    def __len__(self):
        return len(self.arrays["length"])

    def rows(self, index):
        return self.options["batch"]

    def structure(self, index):
        return int(self.arrays["length"][index])

    def states(self, field, index):
        return [(0,)] if field == "x" else [()]

    def spec(self, field, index):
        found = self.payload(field, index)
        return ampsim.ir.message.Spec(found.shape, found.dtype)

    def payload(self, field, index):
        if field == "x":
            return self.arrays["x"][index]
        return np.full(self.options["batch"], self.structure(index) - 1, np.int64)


def data(seed=0, instances=12):
    random = np.random.default_rng(seed)
    arrays = {
        "x": random.normal(size=(instances, 4, 5)).astype(np.float32),
        "length": random.integers(1, 4, instances),
    }
    return Counts(arrays), Counts({name: array[:3] for name, array in arrays.items()})


def more(state, length):
    return state[1] < length


def onward(state, length):
    return (state[0], state[1] + 1)


def back(state, length):
    return (state[0], state[1] - 1)


def alone(state):
    return state[:1]


def build(instances=12, *, seed=0):
    x, labels = Source("x"), Source("labels")
    phi, cond = Phi("phi", ports=("start", "again")), Cond("more", more, ports=("no", "yes"))
    loss = NllLoss("loss", key={"prediction": alone, "label": alone})
    x >> phi["start"]
    phi >> Linear("cell", 5, 5).affinity(0) >> Relu() >> Isu("next", onward, back) >> cond
    cond["yes"] >> phi["again"]
    cond["no"] >> Linear("last", 5, 3).affinity(1) >> LogSoftmax() >> loss["prediction"]
    labels >> loss["label"]
    training = ampsim.Training(epochs=2, max_active_keys=2, update="instance", optimizer=ampsim.SGD(0.05))
    recipe = ampsim.Recipe(data, {"seed": seed, "instances": instances})
    return ampsim.Job(ampsim.Graph.of("counting", x, labels), recipe, training)
'''
