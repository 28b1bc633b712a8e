"""Gives a Run what lies above it: its report, how it shows itself, and the score of its parameters.

The result layer imports neither plotly pages nor the engine; the roof registers both, and they are imported when used.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ampsim.result.notebook import Display, register_display
from ampsim.result.run import Run, register_evaluator, register_renderer


def _render(runs: Sequence[Run], path: Path) -> object:
    from ampsim.reports import render

    return render(list(runs), path)


def _evaluate(run: Run, data: Any) -> Any:
    from ampsim.engine.evaluate import evaluate

    return evaluate(run, data)


def _display() -> Display:
    from ampsim.reports import display

    return display


register_renderer(_render)
register_display(_display)
register_evaluator(_evaluate)

__all__ = ["Run"]
