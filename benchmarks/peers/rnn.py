"""List reduction: a ReLU network over minibatches of 100 lists of equal length, Adam.

Embedding, input product and bias are one table: h' = relu(table[x] + h W).
"""

from __future__ import annotations

from functools import partial

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from benchmarks.peers.measure import Arrays, Plan, Update, Way, throughput
from benchmarks.peers.mlp import nll

FORMS = ("batched",)
RATE = 1e-3


class Rnn(nn.Module):
    """``table`` (tokens, hidden), ``weight`` (hidden, hidden) and a classifier of the last hidden state."""

    def __init__(self, hidden: int, tokens: int, classes: int) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.randn(tokens, hidden) * 0.1)
        self.weight = nn.Parameter(torch.randn(hidden, hidden) * (2 / hidden) ** 0.5)
        self.classify = nn.Linear(hidden, classes)

    def forward(self, batch: tuple[int, torch.Tensor, torch.Tensor, torch.Tensor]) -> torch.Tensor:
        length, tokens, h, labels = batch
        inputs = functional.embedding(tokens, self.table).chunk(length)
        for x in inputs:
            h = torch.addmm(x, h, self.weight).relu_()
        return functional.cross_entropy(self.classify(h), labels)


def make(arrays: Arrays, form: str = "batched", hidden: int = 128, tokens: int = 14, classes: int = 10) -> Plan:
    """``tokens``, ``labels``, ``lengths``, ``rows`` and ``offsets`` as in :class:`ampsim.workloads.lists.Lists`."""
    torch.manual_seed(0)
    words, labels = torch.tensor(arrays["tokens"]), torch.tensor(arrays["labels"])
    updates = []
    for number, length in enumerate(arrays["lengths"].tolist()):
        begin, end = arrays["rows"][number : number + 2].tolist()
        taken = words[arrays["offsets"][number] : arrays["offsets"][number + 1]]
        updates.append(Update([(length, taken, torch.zeros(end - begin, hidden), labels[begin:end])], end - begin))
    # As in any training the minibatches come in random order, so the lengths are mixed.
    order = torch.randperm(len(updates)).tolist()
    updates = [updates[number] for number in order]
    length, first, _, answers = updates[0].batches[0]
    check = partial(expected, first.reshape(length, -1).numpy(), answers.numpy())
    optimizer = partial(torch.optim.Adam, lr=RATE, fused=True)
    return Plan(Rnn(hidden, tokens, classes), updates, optimizer, check)


def expected(tokens: np.ndarray, labels: np.ndarray, parameters: Arrays) -> float:
    """The loss of a minibatch of ``tokens`` (length, rows)."""
    h = np.zeros((tokens.shape[1], len(parameters["weight"])))
    for words in tokens:
        h = np.maximum(parameters["table"][words] + h @ parameters["weight"], 0)
    return nll(h @ parameters["classify.weight"].T + parameters["classify.bias"], labels)


def train_throughput(arrays: Arrays, form: str, way: Way, **sizes: int) -> float:
    """Lists per second."""
    return throughput(make, arrays, way, form=form, **sizes)
