"""Two runs side by side: what differs by how much, why one took longer, and what has to agree."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ampsim.result.compare.explain import Explanation, Term, explain
from ampsim.result.compare.facts import Fact, agreement
from ampsim.result.compare.learning import Learnt, NodeStaleness, Segment, curves, node_staleness
from ampsim.result.compare.quantities import Row, rows
from ampsim.result.compare.remarks import remarks
from ampsim.result.compare.settings import Setting, settings
from ampsim.result.compare.times import CauseTime, NodeTime, cause_times, node_times
from ampsim.result.compare.traffic import EdgeTraffic, edge_traffic
from ampsim.result.run import Run

__all__ = [
    "CauseTime",
    "Comparison",
    "EdgeTraffic",
    "Explanation",
    "Fact",
    "Learnt",
    "NodeStaleness",
    "NodeTime",
    "Row",
    "Segment",
    "Setting",
    "Term",
    "agreement",
    "compare",
    "rows",
]


@dataclass(frozen=True)
class Comparison:
    """Everything about two runs, each part worked out when it is first asked for. Differences are a - b."""

    a: Run
    b: Run

    @cached_property
    def remarks(self) -> list[str]:
        """What to know before the rest is believed: different jobs, different amounts of work, a machine not idle."""
        return remarks(self.a, self.b)

    @cached_property
    def settings(self) -> list[Setting]:
        """Settings that differ."""
        return settings(self.a, self.b)

    @cached_property
    def rows(self) -> list[Row]:
        """Quantities that depend on time or on the order of updates."""
        return rows(self.a, self.b)

    @cached_property
    def explanation(self) -> Explanation | None:
        """Why one took longer, in terms that add up; None without a clock."""
        return explain(self.a, self.b)

    @cached_property
    def causes(self) -> list[CauseTime]:
        """The mean worker's time by cause."""
        return cause_times(self.a, self.b)

    @cached_property
    def nodes(self) -> list[NodeTime]:
        """Service times by node and kind of task."""
        return node_times(self.a, self.b)

    @cached_property
    def edges(self) -> list[EdgeTraffic]:
        """Messages and bytes by edge and direction."""
        return edge_traffic(self.a, self.b)

    @cached_property
    def staleness(self) -> list[NodeStaleness]:
        """Staleness of gradients by node."""
        return node_staleness(self.a, self.b)

    @cached_property
    def curves(self) -> list[Segment]:
        """Losses segment by segment."""
        return curves(self.a, self.b)

    @cached_property
    def agreement(self) -> list[Fact]:
        """What has to be equal whatever the clock."""
        return agreement(self.a, self.b)

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain values, under the names of the properties."""
        return {
            "remarks": self.remarks,
            "settings": [setting._asdict() for setting in self.settings],
            "rows": [row._asdict() for row in self.rows],
            "explanation": self.explanation.to_dict() if self.explanation else None,
            "causes": [cause._asdict() for cause in self.causes],
            "nodes": [node._asdict() for node in self.nodes],
            "edges": [edge._asdict() for edge in self.edges],
            "staleness": [node._asdict() for node in self.staleness],
            "curves": [segment.to_dict() for segment in self.curves],
            "agreement": [fact._asdict() for fact in self.agreement],
        }


def compare(a: Run, b: Run) -> Comparison:
    """Run ``a`` against run ``b``; for an error of prediction, a is predicted and b is measured."""
    return Comparison(a, b)
