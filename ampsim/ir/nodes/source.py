"""Where an instance enters the graph."""

from __future__ import annotations

from dataclasses import dataclass

from ampsim.ir.nodes.base import Node


@dataclass(eq=False)
class Source(Node):
    """Emits one field of the data set for every admitted instance: ``reads``, or left out the one of the node's name.

    The worker that hosts the source builds the payload. Nothing in front of it, so its edges need no gradient.
    """

    reads: str = ""

    @property
    def data_field(self) -> str:
        """The field of the data set it emits."""
        return self.reads or self.name

    @property
    def inputs(self) -> tuple[str, ...]:
        return ()
