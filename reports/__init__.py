"""HTML pages about runs. Importing this lets :meth:`ampsim.result.run.Run.report` write them, and runs show themselves.

plotly is imported when a page is rendered or a figure asked for, not before.
"""

from __future__ import annotations

from typing import Any

from ampsim.reports.page import render
from ampsim.result.notebook import register_display
from ampsim.result.run import Run, register_renderer


class Display:
    """Runs in notebooks, by :mod:`ampsim.reports.notebook` and :mod:`ampsim.reports.standalone`."""

    def html(self, run: Run) -> str:
        from ampsim.reports.notebook import html

        return html(run)

    def plain(self, run: Run) -> str:
        from ampsim.reports.notebook import plain

        return plain(run)

    def figure(self, run: Run, name: str, theme: str | None) -> Any:
        from ampsim.reports.standalone import one

        return one(run, name, theme)

    def figures(self, run: Run, theme: str | None) -> dict[str, Any]:
        from ampsim.reports.standalone import every

        return every(run, theme)


display = Display()
register_renderer(render)
register_display(lambda: display)

__all__ = ["render"]
