"""The five workloads in PyTorch, as fast as its CPU backend makes them: what a user would get instead of ampsim."""

from __future__ import annotations
