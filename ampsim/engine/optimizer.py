"""How a parameter changes when its gradient is complete. Local to a node: there is no global step.

Small models feel the price of a call into numpy more than that of the arithmetic: everything is done in place, in the
memory of the gradient, with numbers that are arrays already.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from math import sqrt
from typing import Any, ClassVar

import numpy as np

from ampsim.engine.rates import RATE_SCHEDULES, RateSchedule
from ampsim.errors import ConfigError
from ampsim.ir.message import Array
from ampsim.ir.nodes.base import RowGradient

Slots = Mapping[str, Array]


@dataclass(frozen=True)
class Optimizer:
    """Base of all optimizers: a ``rate``, and a ``schedule`` of it by the node's own updates (None: it stays).

    ``slots`` names the arrays of state, each of the parameter's shape, that start from zero; ``flops`` counts the
    operations per element touched. Of a table (a RowGradient) only the rows used change, and only their state: rows
    without a gradient neither move on nor forget.
    """

    rate: float
    schedule: RateSchedule | None = field(default=None, kw_only=True)
    slots: ClassVar[tuple[str, ...]] = ()
    flops: ClassVar[int] = 0

    def __post_init__(self) -> None:
        _check(self, rate=1e6)
        if self.schedule is not None and type(self.schedule) not in RATE_SCHEDULES.values():
            what = f"{self.schedule!r} is no schedule of a rate"
            raise ConfigError(what, "training.optimizer.schedule", f"one of: {', '.join(RATE_SCHEDULES)}; or null")

    def rate_at(self, count: int) -> float:
        """The rate of the node's update number ``count``, counted from 1."""
        return self.rate if self.schedule is None else self.rate * self.schedule.share(count)

    def step(self, weight: Array, gradient: Array | RowGradient, scale: float, slots: Slots, count: int) -> None:
        """Update ``weight`` and ``slots`` in place, with ``scale`` times ``gradient``, which is used up.

        ``count`` is the number of the node's own updates, this one included.
        """
        if isinstance(gradient, RowGradient):
            rows = gradient.rows
            used = {name: slot[rows] for name, slot in slots.items()}
            weight[rows] += self.change(gradient.values, scale, used, count)
            for name, values in used.items():
                slots[name][rows] = values
        else:
            np.add(weight, self.change(gradient, scale, slots, count), weight)

    def change(self, gradient: Array, scale: float, slots: Slots, count: int) -> Array:
        """What is to be added to the weight, in the memory of ``gradient``; advances ``slots`` in place."""
        raise TypeError(f"{type(self).__name__} has no change")


@dataclass(frozen=True)
class SGD(Optimizer):
    """``w -= rate * g``. Raises ConfigError for a rate that makes no sense."""

    rate: float = 0.1
    flops: ClassVar[int] = 2

    def change(self, gradient: Array, scale: float, slots: Slots, count: int) -> Array:
        """``-rate * g``."""
        return np.multiply(gradient, _number(-self.rate_at(count) * scale), gradient)


@dataclass(frozen=True)
class Momentum(Optimizer):
    """``v = momentum * v + g``, then ``w -= rate * v`` (Polyak 1964); ``nesterov``: ``w -= rate * (g + momentum * v)``.

    The rate stands outside of v, as in PyTorch; Sutskever et al. 2013 have it inside. Slot ``v`` holds v, with
    ``nesterov`` ``momentum * v``. Raises ConfigError for settings that make no sense.
    """

    rate: float = 0.01
    momentum: float = 0.9
    nesterov: bool = False
    slots: ClassVar[tuple[str, ...]] = ("v",)
    flops: ClassVar[int] = 4

    def __post_init__(self) -> None:
        super().__post_init__()
        _check(self, momentum=1)
        if type(self.nesterov) is not bool:
            raise ConfigError(f"{self.nesterov!r} is not true or false", "training.optimizer.nesterov")

    def change(self, gradient: Array, scale: float, slots: Slots, count: int) -> Array:
        """``-rate`` times v, or what Nesterov has in its place."""
        v, momentum, rate = slots["v"], _constant(self.momentum), _number(-self.rate_at(count))
        if scale != 1.0:
            np.multiply(gradient, _number(scale), gradient)
        if not self.nesterov:
            np.multiply(v, momentum, v)
            np.add(v, gradient, v)
            return np.multiply(v, rate, gradient)
        np.add(v, gradient, v)
        np.multiply(v, momentum, v)
        np.add(gradient, v, gradient)
        return np.multiply(gradient, rate, gradient)


@dataclass(frozen=True)
class Adam(Optimizer):
    """Adam (Kingma and Ba 2015, algorithm 1, with the efficient form of its section 2).

    Slots ``m`` and ``v`` hold the moments divided by ``1 - beta1`` and ``1 - beta2``, which spares two passes.
    Raises ConfigError for settings that make no sense.
    """

    rate: float = 1e-3
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    slots: ClassVar[tuple[str, ...]] = ("m", "v")
    flops: ClassVar[int] = 10

    def __post_init__(self) -> None:
        super().__post_init__()
        _check(self, beta1=1, beta2=1, epsilon=1e6)

    def change(self, gradient: Array, scale: float, slots: Slots, count: int) -> Array:
        """``-rate * m_hat / (sqrt(v_hat) + epsilon)``."""
        m, v = slots["m"], slots["v"]
        correction = sqrt((1.0 - self.beta2**count) / (1.0 - self.beta2))
        rate = self.rate_at(count) * correction * (1.0 - self.beta1) / (1.0 - self.beta1**count)
        if scale != 1.0:
            np.multiply(gradient, _number(scale), gradient)
        np.multiply(m, _constant(self.beta1), m)
        np.add(m, gradient, m)
        np.multiply(gradient, gradient, gradient)
        np.multiply(v, _constant(self.beta2), v)
        np.add(v, gradient, v)
        np.sqrt(v, gradient)
        np.add(gradient, _number(self.epsilon * correction), gradient)
        np.divide(m, gradient, gradient)
        return np.multiply(gradient, _number(-rate), gradient)


def _number(value: float) -> Array:
    """Of no dimension: half the price of a scalar in a call on a small array."""
    return np.asarray(value, np.float32)


_constant = lru_cache(maxsize=256)(_number)


def _check(optimizer: Any, **limits: float) -> None:
    """Every setting is a number from 0 to below its limit, and from here on a float: 1 and 1.0 are one job."""
    for name, limit in limits.items():
        value = getattr(optimizer, name)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < limit:
            raise ConfigError(f"{value!r} is not a number from 0 to below {limit:g}", f"training.optimizer.{name}")
        object.__setattr__(optimizer, name, float(value))


OPTIMIZERS: Mapping[str, type[Optimizer]] = {"sgd": SGD, "momentum": Momentum, "adam": Adam}
