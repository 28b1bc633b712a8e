"""The multilayer perceptron, minibatch 100, plain SGD."""

from __future__ import annotations

from functools import partial
from itertools import pairwise

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from benchmarks.peers.measure import Arrays, Plan, Update, Way, throughput

FORMS = ("batched",)
RATE = 0.03


class Mlp(nn.Module):
    """``layers`` Linear layers of ``width``, ReLU between them."""

    def __init__(self, pixels: int, width: int, layers: int, classes: int) -> None:
        super().__init__()
        sizes = [pixels, *[width] * (layers - 1), classes]
        self.layers = nn.ModuleList(nn.Linear(before, after) for before, after in pairwise(sizes))

    def forward(self, batch: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
        x, labels = batch
        for layer in self.layers[:-1]:
            x = functional.relu(layer(x))
        return functional.cross_entropy(self.layers[-1](x), labels)


def make(
    arrays: Arrays, form: str = "batched", batch: int = 100, width: int = 784, layers: int = 4, classes: int = 10
) -> Plan:
    """``images`` (n, pixels) float32 and ``labels`` (n,) int64, as in :mod:`ampsim.workloads.images`."""
    torch.manual_seed(0)
    images, labels = torch.tensor(arrays["images"]), torch.tensor(arrays["labels"])
    parts = zip(images.split(batch), labels.split(batch), strict=True)
    updates = [Update([part], len(part[1])) for part in parts]
    model = Mlp(images.shape[1], width, layers, classes)
    first = {name: values[:batch] for name, values in arrays.items()}
    return Plan(model, updates, partial(torch.optim.SGD, lr=RATE), partial(expected, first))


def expected(arrays: Arrays, parameters: Arrays) -> float:
    """The loss of a minibatch."""
    x, last = arrays["images"], len(parameters) // 2 - 1
    for layer in range(last + 1):
        x = x @ parameters[f"layers.{layer}.weight"].T + parameters[f"layers.{layer}.bias"]
        x = np.maximum(x, 0) if layer < last else x
    return nll(x, arrays["labels"])


def nll(scores: np.ndarray, labels: np.ndarray) -> float:
    """Mean negative log-likelihood of the labels under a softmax of each row of scores."""
    shifted = scores - scores.max(axis=1, keepdims=True)
    chosen = shifted[np.arange(len(labels)), labels]
    return float(np.mean(np.log(np.exp(shifted).sum(axis=1)) - chosen))


def train_throughput(arrays: Arrays, form: str, way: Way, **sizes: int) -> float:
    """Images per second."""
    return throughput(make, arrays, way, form=form, **sizes)
