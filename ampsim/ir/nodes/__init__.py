"""The node types of the IR, one file a family."""

from __future__ import annotations

from ampsim.ir.nodes.activation import LogSoftmax, Relu, Sigmoid, Tanh
from ampsim.ir.nodes.base import Node, Parameterised, Port, RowGradient, ShapeError, Transform
from ampsim.ir.nodes.columns import Columns
from ampsim.ir.nodes.embedding import Embedding
from ampsim.ir.nodes.fan import Add, Bcast, Concat, FanIn, FanOut, Split
from ampsim.ir.nodes.gru import Gru
from ampsim.ir.nodes.linear import Linear
from ampsim.ir.nodes.loss import Loss, NllLoss, Score
from ampsim.ir.nodes.lstm import BranchLstm, LeafLstm
from ampsim.ir.nodes.readout import GatedReadout
from ampsim.ir.nodes.regression import AbsoluteLoss, SquareLoss
from ampsim.ir.nodes.regroup import Flatmap, Group, Regroup, Ungroup
from ampsim.ir.nodes.routing import Cond, Detach, Isu, Phi, Routing
from ampsim.ir.nodes.source import Source

__all__ = [
    "AbsoluteLoss",
    "Add",
    "Bcast",
    "BranchLstm",
    "Columns",
    "Concat",
    "Cond",
    "Detach",
    "Embedding",
    "FanIn",
    "FanOut",
    "Flatmap",
    "GatedReadout",
    "Group",
    "Gru",
    "Isu",
    "LeafLstm",
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
    "Score",
    "ShapeError",
    "Sigmoid",
    "Source",
    "Split",
    "SquareLoss",
    "Tanh",
    "Transform",
    "Ungroup",
]
