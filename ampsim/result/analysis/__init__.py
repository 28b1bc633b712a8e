"""From tables to arrays: pure functions, vectorised, without any idea of how the arrays will be drawn."""

from __future__ import annotations
