"""The gated graph network of AMPNet (after Li et al. 2016) as a loop of nodes; bAbI 15 and QM9 are built on it.

h0 -> phi -> fan --old--------------------------------------------------------------> join.h
       ^      +--along--> edges -> type --0--> type0 --> messages -> into -> join.m     join -> gru -> next -> more?
       |                             +---1--> type1 -->+                                                       | |
       +------------------------------------------------------------------------------------------yes----------+ +-no->

A state is (instance, t), and (instance, t, type) on the way along the edges. ``edges`` gathers, for each type, the
states of the nodes where its edges begin; ``type0`` ... are one Linear a type; ``into`` adds up what arrives at each
node. So every product has a row for each edge that there is, where the dense form multiplies by a block matrix of all
pairs of nodes that is mostly zero.
"""

from __future__ import annotations

from ampsim.ir.message import State
from ampsim.ir.nodes import Bcast, Concat, Cond, Flatmap, Group, Gru, Isu, Linear, Node, Phi
from ampsim.ir.nodes.base import Port
from ampsim.ir.rows import Rows
from ampsim.workloads.graphs import Union


def by_type(state: State, union: Union) -> list[State]:
    """A message for every type of edge: (instance, t) becomes (instance, t, type)."""
    return [(*state, kind) for kind in range(union.types)]


def along(state: State, union: Union) -> Rows:
    """What travels: for every edge the row of the node where it begins."""
    return union.along


def type_of(state: State, union: Union) -> int:
    """The type of edge."""
    return state[2]


def step_of(state: State, union: Union) -> State:
    """All types of a step belong together: (instance, t, type) becomes (instance, t)."""
    return state[:2]


def into(state: State, union: Union) -> Rows:
    """Where it arrives: at the nodes where the edges end."""
    return union.into


def one_more(state: State, union: Union) -> State:
    """A step has been made: (instance, t) becomes (instance, t + 1)."""
    return (state[0], state[1] + 1)


def one_less(state: State, union: Union) -> State:
    """The inverse of :func:`one_more`."""
    return (state[0], state[1] - 1)


def steps_left(state: State, union: Union) -> bool:
    """Whether messages are to be passed again."""
    return state[1] < union.steps


def graphs(state: State, union: Union) -> State:
    """The state of an instance's readout."""
    return (state[0],)


def last_step(state: State, union: Union) -> list[State]:
    """What the readout is made of: the one message after the last step."""
    return [(state[0], union.steps)]


def readout(state: State, union: Union) -> Rows:
    """To which graph of the union each node belongs."""
    return union.readout


def propagate(start: Node, types: int, hidden: int, first_unit: int = 0) -> Port:
    """The loop, fed by ``start``, whose messages (nodes, hidden) have state (instance, 0); where it is left.

    Units from ``first_unit``: one for each type's Linear, then one for the gated unit.
    """
    gated = first_unit + types  # everything but the products stands with the gated unit: states take no detours
    phi, fan = Phi("phi", ports=("start", "again")).affinity(gated), Bcast("fan", ports=("along", "old"))
    kinds = tuple(f"type{kind}" for kind in range(types))
    choose, messages = Cond("type", type_of, ports=kinds), Phi("messages", ports=kinds).affinity(gated)
    join, more = Concat("join", ports=("m", "h")), Cond("more", steps_left, ports=("no", "yes"))
    _ = start >> phi["start"]
    _ = phi >> fan
    _ = fan["along"] >> Flatmap("edges", by_type, rows=along) >> choose
    for kind, name in enumerate(kinds):
        linear = Linear(name, hidden, hidden, gain=1.0).affinity(first_unit + kind)
        _ = choose[name] >> linear >> messages[name]
    _ = messages >> Group("into", step_of, by_type, rows=into) >> join["m"]
    _ = fan["old"] >> join["h"]
    _ = join >> Gru("gru", hidden, hidden).affinity(gated) >> Isu("next", one_more, one_less) >> more
    _ = more["yes"] >> phi["again"]
    return more["no"]
