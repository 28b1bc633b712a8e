"""HTML pages about runs. Importing this lets :meth:`ampsim.result.run.Run.report` write them.

plotly is imported when a page is rendered, not before.
"""

from __future__ import annotations

from ampsim.reports.page import render
from ampsim.result.run import register_renderer

register_renderer(render)

__all__ = ["render"]
