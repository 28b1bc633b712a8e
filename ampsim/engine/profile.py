"""All that a chain's tasks have in common when they have equally many rows: costs, shapes, bytes. Worked out once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ampsim.engine.task import Part
from ampsim.ir.message import BACKWARD, FORWARD, Payload, Spec
from ampsim.ir.nodes import FanIn, Parameterised, Transform


@dataclass(frozen=True)
class Profile:
    """Of one number of rows. ``inputs[i]`` is the input of step i; ``at[i]:at[i + 1]`` is its share of ``kept``.

    ``backward`` holds the parts of those steps that a gradient reaches.
    """

    forward: tuple[Part, ...]
    backward: tuple[Part, ...]
    inputs: tuple[Spec, ...]
    output: Spec
    kept: tuple[Payload, ...]
    at: tuple[int, ...]
    deferred: tuple[Payload, ...]

    @property
    def nbytes(self) -> int:
        """Bytes that a training group leaves in the cache."""
        return sum(payload.nbytes for payload in self.kept if payload is not None)


def profile(
    steps: Sequence[tuple[Transform, bool]], x: Spec, join: FanIn | None, parts: Sequence[Spec], gradient: bool
) -> Profile:
    """The Profile of a chain: its transforms, each with whether its input wants a gradient, on an input like ``x``.

    ``parts`` are what the ``join`` at its head merged; ``gradient`` says whether one comes back at all.
    """
    forward: list[Part] = []
    if join:
        forward.append(Part(f"{type(join).__name__} forward", parts[0].shape[0], join.work(parts)))
    backward: list[Part] = []
    inputs: list[Spec] = []
    kept: list[Payload] = []
    at = [0]
    deferred: tuple[Payload, ...] = ()
    for node, input_gradient in steps:
        inputs.append(x)
        forward.append(Part(f"{node.operation} forward", x.shape[0], node.work(x, FORWARD, input_gradient)))
        way = "backward" if input_gradient else "backward without dx"
        backward.append(Part(f"{node.operation} {way}", x.shape[0], node.work(x, BACKWARD, input_gradient)))
        kept.extend(node.saves(x))
        at.append(len(kept))
        if isinstance(node, Parameterised):
            deferred = node.defers(x)
        x = node.infer(x)
    reached = len(steps) if gradient else 0
    lowest = next((i for i in range(len(steps) - 1, -1, -1) if not steps[i][1]), 0)
    pulled = tuple(reversed(backward[lowest:reached]))
    return Profile(tuple(forward), pulled, tuple(inputs), x, tuple(kept), tuple(at), deferred)
