"""A job: the graph, where its data come from, and how it is trained. Frozen, hashable, the same on every backend."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from functools import cached_property
from typing import Any, NamedTuple

from ampsim.engine.optimizer import OPTIMIZERS, SGD, Optimizer
from ampsim.errors import ConfigError
from ampsim.ir.data import Dataset
from ampsim.ir.graph import Graph
from ampsim.ir.reference import problem, reference, resolve


@dataclass(frozen=True)
class Training:
    """How a job is trained.

    ``max_active_keys`` (mak) caps the training instances in flight. ``min_update_frequency`` (muf) is the number of
    gradients a parameterised node collects before it updates itself; with ``update="instance"`` nodes update when an
    instance is complete instead. ``gradient`` is the ``mean`` or the ``sum`` over the collected messages.
    ``max_batch`` bounds how many waiting messages one task may take. ``validate_every`` counts training instances
    (None: at the end of each epoch only). The run stops when the validation accuracy reaches ``target``.
    """

    epochs: int = 1
    max_active_keys: int = 1
    min_update_frequency: int = 1
    update: str = "muf"
    gradient: str = "mean"
    max_batch: int = 1
    optimizer: Optimizer = field(default_factory=SGD)
    validate_every: int | None = None
    target: float | None = None
    shuffle: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        def need(holds: bool, name: str, rule: str) -> None:
            if not holds:
                raise ConfigError(f"training.{name} is {getattr(self, name)!r}; {rule}", f"training.{name}")

        for name in ("epochs", "max_active_keys", "min_update_frequency", "max_batch", "validate_every"):
            value = getattr(self, name)
            absent = value is None and name == "validate_every"
            need(absent or (_int(value) and 1 <= value <= 10**9), name, "it must be an int from 1 to 10^9")
        need(self.update in ("muf", "instance"), "update", "it must be 'muf' or 'instance'")
        need(self.gradient in ("mean", "sum"), "gradient", "it must be 'mean' or 'sum'")
        number = _int(self.target) or isinstance(self.target, float)
        need(self.target is None or (number and 0 < self.target <= 1), "target", "it must be an accuracy in (0, 1]")
        need(isinstance(self.optimizer, Optimizer), "optimizer", f"it must be one of: {', '.join(OPTIMIZERS)}")
        need(type(self.shuffle) is bool, "shuffle", "it must be true or false")
        need(_int(self.seed) and 0 <= self.seed < 2**63, "seed", "it must be an int from 0 to 2^63 - 1")

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        name = next(key for key, kind in OPTIMIZERS.items() if type(self.optimizer) is kind)
        return {**asdict(self), "optimizer": {"name": name, **asdict(self.optimizer)}}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Training:
        """Settings from plain values. Raises ConfigError for an unknown name or a bad value."""
        values = dict(data)
        known = [f.name for f in fields(cls)]
        for name in values:
            if name not in known:
                do = f"one of: {', '.join(known)}"
                raise ConfigError(f"training has no setting {name!r}", f"training.{name}", do)
        chosen = values.get("optimizer")
        if isinstance(chosen, Mapping):
            values["optimizer"] = optimizer_from_dict(chosen)
        elif isinstance(chosen, str):
            values["optimizer"] = optimizer_from_dict({"name": chosen})
        return cls(**values)


def _int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def optimizer_from_dict(data: Mapping[str, Any]) -> Optimizer:
    """``{"name": "adam", "rate": 0.001}`` as an optimizer. Raises ConfigError."""
    values = dict(data)
    kind = OPTIMIZERS.get(values.pop("name", ""))
    if kind is None:
        choices = f"one of: {', '.join(OPTIMIZERS)}"
        raise ConfigError(f"unknown optimizer {data.get('name')!r}", "training.optimizer.name", choices)
    known = [f.name for f in fields(kind)]
    for name in values:
        if name not in known:
            do = f"one of: {', '.join(known)}"
            raise ConfigError(f"the optimizer has no setting {name!r}", f"training.optimizer.{name}", do)
    return kind(**values)


class Data(NamedTuple):
    """Training and validation sets, as loaded."""

    training: Dataset
    validation: Dataset | None


@dataclass(frozen=True)
class Recipe:
    """Where the data come from: ``function(**options)`` gives the training and the validation set.

    The function is known by ``module:name`` and the options are plain JSON values, so a recipe can be hashed and
    repeated anywhere. A function of a module may be given itself.
    """

    function: Callable[..., Any] | str
    options: Mapping[str, Any] = field(default_factory=dict)

    def load(self) -> Data:
        """Both data sets. Raises ConfigError if the function does not exist or does not take the options."""
        function = reference(self.function)
        wrong = problem(function)
        if wrong:
            raise ConfigError(wrong, "data.function")
        try:
            training, validation = resolve(function)(**self.options)
        except TypeError as error:
            raise ConfigError(f"the data function does not fit its options: {error}", "data.options") from error
        return Data(training, validation)


@dataclass(frozen=True, eq=False)
class Job:
    """Graph, data and training settings; see the parts. Two jobs of equal ``hash`` do the same work."""

    graph: Graph
    data: Recipe
    training: Training = field(default_factory=Training)

    @property
    def name(self) -> str:
        """The graph's name."""
        return self.graph.name

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values; :meth:`from_dict` gives the same job back."""
        data = {"function": reference(self.data.function), "options": dict(self.data.options)}
        return {"graph": self.graph.to_dict(), "data": data, "training": self.training.to_dict()}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Job:
        """The job that :meth:`to_dict` described. Raises UsageError."""
        try:
            recipe = Recipe(data["data"]["function"], data["data"].get("options", {}))
            graph, training = data["graph"], data.get("training", {})
        except (KeyError, TypeError, AttributeError) as error:
            raise ConfigError(f"this is no job: {error}", do="a job has graph, data and training") from error
        return cls(Graph.from_dict(graph), recipe, Training.from_dict(training))

    @cached_property
    def hash(self) -> str:
        """SHA-256 over the canonical JSON form."""
        text = json.dumps(self.to_dict(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    def with_training(self, **changes: Any) -> Job:
        """The same job with some training settings changed. Raises ConfigError."""
        return replace(self, training=Training.from_dict({**vars(self.training), **changes}))
