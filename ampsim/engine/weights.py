"""The parameters of one node and the optimizer's state of them, changed by one step for all.

    small node     | W ............ | b .. |     one vector each for values, slots and gradient: one step of calls
    large node     | W ................... |     a step for each parameter: no copy of the gradient
                   | b .. |

What a call into numpy costs is most of a step on a small node. The numbers are the same to the bit either way.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ampsim.engine.optimizer import Optimizer
from ampsim.ir.message import Array
from ampsim.ir.nodes.base import RowGradient

SMALL = 1 << 15  # elements of all parameters together; from there on the copy costs more than the calls


class Weights:
    """``values`` and ``slots`` by name of the parameter; both are changed in place only."""

    def __init__(self, values: Mapping[str, Array], optimizer: Optimizer) -> None:
        self._optimizer = optimizer
        self._whole: Array | None = None
        self._state: dict[str, Array] = {}
        self.values = dict(values)
        few = sum(value.size for value in values.values()) <= SMALL
        if few and len(values) > 1 and len({value.dtype for value in values.values()}) == 1:
            self._whole = np.concatenate([value.reshape(-1) for value in values.values()])
            self._state = {slot: np.zeros_like(self._whole) for slot in optimizer.slots}
            self.values = _parts(self._whole, values)
            parts = {slot: _parts(whole, values) for slot, whole in self._state.items()}
            self.slots = {name: {slot: parts[slot][name] for slot in parts} for name in values}
        else:
            self.slots = {
                name: {slot: np.zeros_like(value) for slot in optimizer.slots} for name, value in values.items()
            }

    def step(self, gradients: Mapping[str, Any], scale: float, count: int) -> str | None:
        """The node's step number ``count``, with ``scale`` times ``gradients``, which are used up.

        If a gradient is not finite, nothing changes, and the name of its parameter is the answer.
        """
        sparse = any(isinstance(gradient, RowGradient) for gradient in gradients.values())
        if self._whole is not None and not sparse and gradients.keys() == self.values.keys():
            whole = np.concatenate([gradients[name].reshape(-1) for name in self.values])
            if finite(whole):
                self._optimizer.step(self._whole, whole, scale, self._state, count)
                return None
        for name, gradient in gradients.items():
            if not finite(gradient.values if isinstance(gradient, RowGradient) else gradient):
                return name
        for name, gradient in gradients.items():
            self._optimizer.step(self.values[name], gradient, scale, self.slots[name], count)
        return None


def finite(values: Array) -> bool:
    """Whether all values are."""
    flat = values.reshape(-1)
    # The dot product takes one pass and no memory, but may overflow where nothing is wrong yet.
    return math.isfinite(float(np.dot(flat, flat))) or bool(np.isfinite(flat).all())


def _parts(whole: Array, like: Mapping[str, Array]) -> dict[str, Array]:
    """Views of ``whole``, cut as the values of ``like`` lie one behind the other."""
    found, at = {}, 0
    for name, value in like.items():
        found[name] = whole[at : at + value.size].reshape(value.shape)
        at += value.size
    return found
