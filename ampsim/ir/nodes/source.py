"""Where an instance enters the graph."""

from __future__ import annotations

from dataclasses import dataclass

from ampsim.ir.nodes.base import Node


@dataclass(eq=False)
class Source(Node):
    """Emits one field of the data set for every admitted instance: ``reads``, or left out the one of the node's name.

    The worker that hosts the source builds the payload. Nothing in front of it, so its edges need no gradient. A copy
    of a replicated source emits its own instances only.
    """

    reads: str = ""

    @property
    def data_field(self) -> str:
        """The field of the data set it emits."""
        return self.reads or self.base

    def emits(self, instance: int) -> bool:
        """Whether an instance is one of this source's."""
        return self.replica is None or self.replica.handles(instance)

    @property
    def inputs(self) -> tuple[str, ...]:
        return ()
