"""A job made ready to run on so many workers: who owns which node, and which nodes run as one chain.

    Concat -> Linear -> Tanh -> Isu -> Cond      one chain: [Concat, Linear, Tanh]; Isu and Cond run inside its task

Fusing is decided here, before any backend sees the graph, so that every backend runs the same tasks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from ampsim.engine.schedule import Schedule
from ampsim.ir.graph import Edge, Graph
from ampsim.ir.nodes import FanIn, Parameterised, Source, Transform
from ampsim.ir.replicas import Twins, twins
from ampsim.job import Training

ONCE = (Parameterised, FanIn)  # of these a chain has one at most


@dataclass(frozen=True)
class Program:
    """What every worker of a run is built from.

    ``owner[node]`` is the worker that hosts a node; ``numeric`` tells arrays from shapes; ``ordered`` says that every
    worker follows a given order of tasks.
    """

    graph: Graph
    schedule: Schedule
    settings: Training
    owner: tuple[int, ...]
    workers: int
    numeric: bool = True
    ordered: bool = False

    @cached_property
    def chains(self) -> tuple[tuple[int, ...], ...]:
        """Node numbers of every chain: transforms fused to their predecessor, with at most one FanIn among them.

        A chain holds at most one parameterised node, so that a backward group is cut for one update only.
        """
        nodes = self.graph.nodes
        followed = {a: b for a in range(len(nodes)) if (b := self._follower(a)) is not None}
        inner = set(followed.values())
        chains: list[tuple[int, ...]] = []
        for head, node in enumerate(nodes):
            if head in inner or not isinstance(node, Transform | FanIn):
                continue
            chain: list[int] = []
            at: int | None = head
            while at is not None:
                if any(isinstance(nodes[at], kind) and any(isinstance(nodes[n], kind) for n in chain) for kind in ONCE):
                    chains.append(tuple(chain))
                    chain = []
                chain.append(at)
                at = followed.get(at)
            chains.append(tuple(chain))
        return tuple(chains)

    def _follower(self, node: int) -> int | None:
        """The transform or FanIn that can run in the same task, right behind ``node``."""
        graph = self.graph
        if not isinstance(graph.nodes[node], Transform | FanIn):
            return None
        target = graph.edges[graph.outgoing[node][0][0]].target
        after = graph.nodes[target]
        if self.owner[target] != self.owner[node]:
            return None
        if isinstance(after, FanIn):
            return target if self._leads(node, target) else None
        return target if isinstance(after, Transform) and after.key is None else None

    def _leads(self, node: int, join: int) -> bool:
        """Whether the chain of ``node`` may take the FanIn behind it along: it waits for the other parts then.

        Nothing can wait for it in turn, since its output goes nowhere else. But it must not wait for other workers,
        nor a loop be held up by what leads into it; so the first of those that are of one place is taken.
        """
        graph, looped = self.graph, self.graph.looped
        producers = [graph.edges[edges[0]].source for edges in graph.incoming[join]]
        if any(self.owner[producer] != self.owner[join] for producer in producers):
            return False
        alike = [n for n in producers if isinstance(graph.nodes[n], Transform) and (n in looped) == (join in looped)]
        return node == alike[0] if alike else False

    @cached_property
    def sources(self) -> tuple[int, ...]:
        """Numbers of the source nodes."""
        return tuple(i for i, node in enumerate(self.graph.nodes) if isinstance(node, Source))

    @cached_property
    def entry_workers(self) -> tuple[int, ...]:
        """Workers that must be told of an admission."""
        return tuple(sorted({self.owner[node] for node in self.sources}))

    @cached_property
    def update_workers(self) -> tuple[int, ...]:
        """Workers that hold parameters."""
        nodes = enumerate(self.graph.nodes)
        return tuple(sorted({self.owner[i] for i, node in nodes if isinstance(node, Parameterised)}))

    @cached_property
    def _hosts(self) -> tuple[tuple[frozenset[int], ...], ...]:
        """For every number of copies that occurs (1: of no replicas) the workers that host copy 0, copy 1 and so on."""
        found: dict[int, list[set[int]]] = {}
        for node, worker in zip(self.graph.nodes, self.owner, strict=True):
            copy, copies = (node.replica.copy, node.replica.copies) if node.replica else (0, 1)
            found.setdefault(copies, [set() for _ in range(copies)])[copy].add(worker)
        return tuple(tuple(map(frozenset, hosts)) for hosts in found.values())

    def home(self, instance: int) -> int | None:
        """The one worker that an instance never leaves, or None; it needs nobody to tell it that the instance ended."""
        hosts = frozenset[int]().union(*(hosts[instance % len(hosts)] for hosts in self._hosts))
        return next(iter(hosts)) if len(hosts) == 1 else None

    @cached_property
    def twins(self) -> tuple[Twins, ...]:
        """The copies of every replicated node with parameters; referred to by number."""
        return twins(self.graph)

    @cached_property
    def edges(self) -> tuple[Edge, ...]:
        """The edges of the graph, and behind them one from each copy but the first to the first one of its twins."""
        return (*self.graph.edges, *(Edge(n, 0, t.nodes[0], 0) for t in self.twins for n in t.nodes[1:]))

    @cached_property
    def edge_names(self) -> tuple[str, ...]:
        """Names of all :attr:`edges`: ``L1.out -> relu1.in``, and ``L1.1.sync -> L1.0.sync`` between copies."""
        nodes, own = self.graph.nodes, len(self.graph.edges)
        between = (f"{nodes[e.source].name}.sync -> {nodes[e.target].name}.sync" for e in self.edges[own:])
        return (*map(self.graph.edge_name, range(own)), *between)

    @cached_property
    def sync_edges(self) -> tuple[tuple[int, ...], ...]:
        """For all :attr:`twins` the numbers of the edges to the first copy, from the second copy on."""
        found, start = [], len(self.graph.edges)
        for group in self.twins:
            stop = start + len(group.nodes) - 1
            found.append(tuple(range(start, stop)))
            start = stop
        return tuple(found)

    def sync_workers(self, groups: Sequence[int]) -> tuple[int, ...]:
        """Workers that hold a copy of these twins."""
        return tuple(sorted({self.owner[node] for number in groups for node in self.twins[number].nodes}))
