"""Where an instance enters the graph."""

from __future__ import annotations

from dataclasses import dataclass

from ampsim.ir.nodes.base import Node


@dataclass(eq=False)
class Source(Node):
    """Emits one field of the data set for every admitted instance; the field's name is the node's.

    The worker that hosts the source builds the payload. Nothing in front of it, so its edges need no gradient.
    """

    @property
    def inputs(self) -> tuple[str, ...]:
        return ()
