"""How a parameter changes when its gradient is complete. Local to a node: there is no global step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ampsim.errors import ConfigError
from ampsim.ir.message import Array
from ampsim.ir.nodes.base import RowGradient

Slots = dict[str, Array]


@dataclass(frozen=True)
class SGD:
    """``w -= rate * gradient``. Raises ConfigError for a rate that makes no sense."""

    rate: float = 0.1
    slots: ClassVar[tuple[str, ...]] = ()
    flops: ClassVar[int] = 2  # per element touched

    def __post_init__(self) -> None:
        _check(self, rate=1e6)

    def step(self, weight: Array, gradient: Array | RowGradient, scale: float, slots: Slots, count: int) -> None:
        """Update ``weight`` in place; ``scale`` turns the summed gradient into the one asked for."""
        factor = np.float32(-self.rate * scale)
        if isinstance(gradient, RowGradient):
            weight[gradient.rows] += factor * gradient.values
        else:
            gradient *= factor
            weight += gradient


@dataclass(frozen=True)
class Adam:
    """Adam (Kingma and Ba 2015, algorithm 1, with the efficient form of its section 2).

    ``count`` is the number of the node's own updates, this one included. Of a table only the rows used move.
    Raises ConfigError for settings that make no sense.
    """

    rate: float = 1e-3
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    slots: ClassVar[tuple[str, ...]] = ("m", "v")
    flops: ClassVar[int] = 12

    def __post_init__(self) -> None:
        _check(self, rate=1e6, beta1=1, beta2=1, epsilon=1e6)

    def step(self, weight: Array, gradient: Array | RowGradient, scale: float, slots: Slots, count: int) -> None:
        """Update ``weight`` and its ``slots`` in place."""
        correction = np.sqrt(1.0 - self.beta2**count)
        rate = np.float32(self.rate * correction / (1.0 - self.beta1**count))
        epsilon = np.float32(self.epsilon * correction)
        if isinstance(gradient, RowGradient):
            rows = gradient.rows
            m, v = slots["m"][rows], slots["v"][rows]
            weight[rows] += self._move(gradient.values, scale, m, v, rate, epsilon)
            slots["m"][rows], slots["v"][rows] = m, v
        else:
            weight += self._move(gradient, scale, slots["m"], slots["v"], rate, epsilon)

    def _move(self, gradient: Array, scale: float, m: Array, v: Array, rate: np.float32, epsilon: np.float32) -> Array:
        """Advance the moments in place and give the change of the weight; uses ``gradient`` as scratch."""
        gradient *= np.float32(scale)
        m *= np.float32(self.beta1)
        m += np.float32(1 - self.beta1) * gradient
        gradient *= gradient
        gradient *= np.float32(1 - self.beta2)
        v *= np.float32(self.beta2)
        v += gradient
        np.sqrt(v, out=gradient)
        gradient += epsilon
        np.divide(m, gradient, out=gradient)
        gradient *= -rate
        return gradient


def _check(optimizer: SGD | Adam, **limits: float) -> None:
    """Every setting is a number from 0 to below its limit, and from here on a float: 1 and 1.0 are one job."""
    for name, limit in limits.items():
        value = getattr(optimizer, name)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < limit:
            raise ConfigError(f"{value!r} is not a number from 0 to below {limit:g}", f"training.optimizer.{name}")
        object.__setattr__(optimizer, name, float(value))


Optimizer = SGD | Adam
OPTIMIZERS: Mapping[str, type[Optimizer]] = {"sgd": SGD, "adam": Adam}
