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
    inner: tuple[Spec, ...]  # what passes between neighbours
    merged: tuple[Spec, ...]  # what the FanIn merges, port by port
    output: Spec
    kept: tuple[Payload, ...]
    at: tuple[int, ...]
    deferred: tuple[Payload, ...]

    @property
    def nbytes(self) -> int:
        """Bytes that a training group leaves in the cache."""
        return sum(payload.nbytes for payload in self.kept if payload is not None)


@dataclass(frozen=True)
class Merge:
    """The FanIn of a chain: it stands in front of step ``at``; ``lead`` is the port that the chain itself feeds."""

    node: FanIn
    at: int
    lead: int | None
    wanted: bool  # whether what the chain feeds it wants a gradient
    parts: tuple[Spec, ...]  # what comes in on each port, before the chain


def profile(steps: Sequence[tuple[Transform, bool]], x: Spec, merge: Merge | None, gradient: bool) -> Profile:
    """The Profile of a chain on an input like ``x``: its transforms, each with whether its input wants a gradient.

    ``gradient`` says whether one comes back at all.
    """
    forward: list[Part] = []
    backward: list[Part] = []
    inputs: list[Spec] = []
    inner: list[Spec] = []
    kept: list[Payload] = []
    at = [0]
    deferred: tuple[Payload, ...] = ()
    merged: list[Spec] = []
    for position in range(len(steps) + 1):
        if merge and position == merge.at:
            merged = [part.with_rows(x.shape[0]) for part in merge.parts]
            if merge.lead is not None:
                merged[merge.lead] = x
                inner.append(x)
            forward.append(Part(f"{type(merge.node).__name__} forward", x.shape[0], merge.node.work(merged)))
            x = merge.node.infer(merged)
        if position == len(steps):
            break
        node, input_gradient = steps[position]
        if position or merged:
            inner.append(x)
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
    if merge and not merge.wanted:
        lowest = max(lowest, merge.at)
    pulled = tuple(reversed(backward[lowest:reached]))
    return Profile(
        tuple(forward), pulled, tuple(inputs), tuple(inner), tuple(merged), x, tuple(kept), tuple(at), deferred
    )
