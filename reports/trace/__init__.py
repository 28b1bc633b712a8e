"""Traces of a run for timeline viewers and for other simulators.

``stream`` says what is in a trace, whatever the format; ``chrome`` and ``perfetto`` write it; ``chakra`` writes the
tasks of a run and what each waited for. Nothing outside the core is imported before a trace is written.
"""

from __future__ import annotations

from ampsim.reports.trace.write import FORMATS, Written, write

__all__ = ["FORMATS", "Written", "write"]
