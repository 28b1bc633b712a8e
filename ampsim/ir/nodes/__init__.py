"""The node types of the IR, one file a family."""

from __future__ import annotations

from ampsim.ir.nodes.activation import LogSoftmax, Relu, Tanh
from ampsim.ir.nodes.base import Node, Parameterised, Port, RowGradient, ShapeError, Transform
from ampsim.ir.nodes.embedding import Embedding
from ampsim.ir.nodes.fan import Bcast, Concat, FanIn, FanOut, Split
from ampsim.ir.nodes.linear import Linear
from ampsim.ir.nodes.loss import Loss, NllLoss
from ampsim.ir.nodes.regroup import Flatmap, Group, Regroup, Ungroup
from ampsim.ir.nodes.routing import Cond, Isu, Phi, Routing
from ampsim.ir.nodes.source import Source

__all__ = [
    "Bcast",
    "Concat",
    "Cond",
    "Embedding",
    "FanIn",
    "FanOut",
    "Flatmap",
    "Group",
    "Isu",
    "Linear",
    "LogSoftmax",
    "Loss",
    "NllLoss",
    "Node",
    "Parameterised",
    "Phi",
    "Port",
    "Regroup",
    "Relu",
    "Routing",
    "RowGradient",
    "ShapeError",
    "Source",
    "Split",
    "Tanh",
    "Transform",
    "Ungroup",
]
