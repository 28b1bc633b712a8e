"""What a run leaves behind: tables, scalars, parameters and where they came from. The only thing reports read."""

from __future__ import annotations
