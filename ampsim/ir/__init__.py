"""What a job is: messages, the graph and its nodes, the rules of a legal graph."""

from __future__ import annotations
