"""A job: the graph, where its data come from, and how it is trained. Frozen, hashable, the same on every backend."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from math import isfinite
from typing import Any, NamedTuple

from ampsim.engine.optimizer import OPTIMIZERS, SGD, Optimizer
from ampsim.engine.plain import hint, optimizer_from_dict, optimizer_to_dict
from ampsim.errors import ConfigError
from ampsim.ir.data import Dataset
from ampsim.ir.graph import Graph
from ampsim.ir.nodes import Parameterised
from ampsim.ir.reference import problem, reference, resolve
from ampsim.ir.replicas import twins

OF_NODES = ("optimizer", "min_update_frequency", "update", "gradient")


@dataclass(frozen=True)
class Training:
    """How a job is trained.

    ``max_active_keys`` (mak) caps the training instances in flight. ``min_update_frequency`` (muf) is the number of
    gradients a parameterised node collects before it updates itself; with ``update="instance"`` nodes update when an
    instance is complete instead. ``gradient`` is the ``mean`` or the ``sum`` over the collected messages.
    ``instances`` is how many training instances an epoch has (None: all that there are; shuffled, each epoch chooses
    anew). ``max_batch`` bounds how many waiting messages one task may take. ``validate_every`` counts training
    instances (None: at the end of each epoch only). The run stops when the validation accuracy reaches ``target``, or
    the validation loss comes down to ``target_loss``. ``nodes`` maps names of nodes to those of :data:`OF_NODES` that
    are theirs alone, e.g. ``{"cell": {"optimizer": Adam(1e-4), "min_update_frequency": 10}}``.
    """

    epochs: int = 1
    max_active_keys: int = 1
    min_update_frequency: int = 1
    update: str = "muf"
    gradient: str = "mean"
    max_batch: int = 1
    optimizer: Optimizer = field(default_factory=SGD)
    validate_every: int | None = None
    instances: int | None = None
    target: float | None = None
    target_loss: float | None = None
    shuffle: bool = True
    seed: int = 0
    nodes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        def need(holds: bool, name: str, rule: str) -> None:
            if not holds:
                raise ConfigError(f"training.{name} is {getattr(self, name)!r}; {rule}", f"training.{name}")

        for name in ("epochs", "max_active_keys", "min_update_frequency", "max_batch", "validate_every", "instances"):
            value = getattr(self, name)
            absent = value is None and name in ("validate_every", "instances")
            need(absent or (_int(value) and 1 <= value <= 10**9), name, "it must be an int from 1 to 10^9")
        need(self.update in ("muf", "instance"), "update", "it must be 'muf' or 'instance'")
        need(self.gradient in ("mean", "sum"), "gradient", "it must be 'mean' or 'sum'")
        target, loss = self.target, self.target_loss
        need(target is None or (_number(target) and 0 < target <= 1), "target", "it must be an accuracy in (0, 1]")
        need(loss is None or (_number(loss) and isfinite(loss)), "target_loss", "it must be a finite number")
        need(type(self.optimizer) in OPTIMIZERS.values(), "optimizer", f"it must be one of: {', '.join(OPTIMIZERS)}")
        need(type(self.shuffle) is bool, "shuffle", "it must be true or false")
        need(_int(self.seed) and 0 <= self.seed < 2**63, "seed", "it must be an int from 0 to 2^63 - 1")
        need(isinstance(self.nodes, Mapping), "nodes", "it must be a mapping of names of nodes to their settings")
        object.__setattr__(self, "nodes", {name: own for name in self.nodes if (own := self._checked(name))})

    def _checked(self, name: Any) -> dict[str, Any]:
        """What is set of a node, without what is left as it is everywhere. Raises ConfigError."""
        own: Any = self.nodes[name]
        where = f"training.nodes.{name}"
        if own is None:
            return {}
        if not isinstance(name, str) or not isinstance(own, Mapping):
            what = f"{where} is {own!r}; it must be a mapping of settings"
            raise ConfigError(what, where, f"set {where}.SETTING, one of: {', '.join(OF_NODES)}")
        for setting in own:
            if setting not in OF_NODES:
                raise ConfigError(f"a node has no setting {setting!r} of its own", f"{where}.{setting}",
                                  hint(setting, OF_NODES))  # fmt: skip
        found = {setting: own[setting] for setting in OF_NODES if own.get(setting) is not None}
        try:
            found.update((n, _as_optimizer(v)) for n, v in found.items() if n == "optimizer")
            replace(self, nodes={}, **found)
        except ConfigError as error:
            what, place, do = (text and text.replace("training.", f"{where}.", 1) for text in error.args)
            raise ConfigError(what, place, do) from None
        return found

    def of_node(self, name: str, base: str | None = None) -> Training:
        """The settings of one node: its own, else those of ``base``, else the job's.

        ``base`` is what a replicated node was called; left out, the name without the number at its end.
        """
        base = unnumbered(name) if base is None else base
        return replace(self, nodes={}, **{**self.nodes.get(base, {}), **self.nodes.get(name, {})})

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        values["optimizer"] = optimizer_to_dict(self.optimizer)
        values["nodes"] = {
            name: {s: optimizer_to_dict(v) if s == "optimizer" else v for s, v in own.items()}
            for name, own in self.nodes.items()
        }
        return values

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Training:
        """Settings from plain values. Raises ConfigError for an unknown name or a bad value."""
        values = dict(data)
        known = [f.name for f in fields(cls)]
        for name in values:
            if name not in known:
                raise ConfigError(f"training has no setting {name!r}", f"training.{name}", hint(name, known))
        if "optimizer" in values:
            values["optimizer"] = _as_optimizer(values["optimizer"])
        if values.get("nodes", {}) is None:
            del values["nodes"]
        return cls(**values)


def unnumbered(name: str) -> str:
    """``cell`` for ``cell.1``, the name of a copy; other names as they are."""
    return re.sub(r"\.\d+$", "", name)


def _as_optimizer(given: Any) -> Any:
    return optimizer_from_dict(given) if isinstance(given, str | Mapping) else given


def _int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _number(value: object) -> bool:
    return _int(value) or isinstance(value, float)


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
    """Graph, data and training settings; see the parts. Two jobs of equal ``hash`` do the same work.

    Raises ConfigError for settings of nodes that the graph does not have: here the names and the graph first meet.
    """

    graph: Graph
    data: Recipe
    training: Training = field(default_factory=Training)

    def __post_init__(self) -> None:
        known = {
            n: node for node in self.graph.nodes if isinstance(node, Parameterised) for n in (node.base, node.name)
        }
        for name in self.training.nodes:
            if name not in known:
                exists = name in {n for node in self.graph.nodes for n in (node.base, node.name)}
                what = f"node {name!r} has no parameters" if exists else f"the graph has no node {name!r}"
                raise ConfigError(f"{what}, so nothing can be set of it", f"training.nodes.{name}", hint(name, known))
        for group in twins(self.graph):
            nodes = [self.graph.nodes[n] for n in group.nodes]
            slots = {self.training.of_node(node.name, node.base).optimizer.slots for node in nodes}
            if group.slots == "average" and len(slots) > 1:
                what = (
                    f"the copies of {group.base!r} have optimizers of different kinds, whose state cannot be averaged"
                )
                do = f"give all copies one optimizer, or use {group.base}.replicas(..., slots='keep')"
                raise ConfigError(what, f"training.nodes.{group.base}", do)

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
        """The same job with some training settings changed. Raises ConfigError.

        ``nodes`` changes the settings of the nodes it names and leaves those of others as they are; None in the place
        of a setting, of a node's settings, or of ``nodes`` takes them back.
        """
        if isinstance(nodes := changes.get("nodes"), Mapping):
            present = self.training.nodes
            merged = {n: {**present.get(n, {}), **own} if isinstance(own, Mapping) else own for n, own in nodes.items()}
            changes["nodes"] = {**present, **merged}
        return replace(self, training=Training.from_dict({**vars(self.training), **changes}))
