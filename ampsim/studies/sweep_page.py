"""What a finished sweep leaves for people: a table for other programs, and one page with the Pareto front."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ampsim import __version__
from ampsim.result.metrics import SCALARS
from ampsim.studies.pareto import objectives

if TYPE_CHECKING:
    from ampsim.studies.sweep import Sweep

TABLE, PAGE = "table.csv", "pareto.html"


def columns(result: Sweep) -> list[str]:
    """The scalars that at least one row has."""
    return [name for name in SCALARS if any(row.scalars.get(name) is not None for row in result.rows)]


def csv_text(result: Sweep) -> str:
    """A line a point: what the grid says of it, whether it is Pareto optimal, its scalars, its error."""
    names, best, text = columns(result), set(result.best), io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*result.study.grid, "best", *names, "seconds", "error"])
    for number, row in enumerate(result.rows):
        varied = [shown(row.varied[name]) for name in result.study.grid]
        scalars = [row.scalars.get(name) for name in names]
        writer.writerow([*varied, int(number in best), *scalars, row.seconds, row.error])
    return text.getvalue()


def shown(value: Any) -> str:
    """A value of the grid as text: words as they are, all else as JSON."""
    return value if isinstance(value, str) else json.dumps(value)


def write_page(result: Sweep, path: Path) -> None:
    """The page with the figure. Raises UsageError if it cannot be written there."""
    from ampsim.reports.grid import Axis, Dot
    from ampsim.reports.points import render_points

    study, best = result.study, set(result.best)
    axes = [Axis(n, SCALARS[n].unit if n in SCALARS else "", goal) for n, goal in study.objectives.items()]
    dots = [
        Dot(
            {name: shown(row.varied[name]) for name in study.grid},
            objectives(study.objectives, row.scalars, row.varied),
            number in best,
            row.error,
        )
        for number, row in enumerate(result.rows)
    ]
    facts = [("job", study.job), ("system", study.system), ("mode", study.mode), ("points", f"{study.size:,}"),
             ("ampsim", __version__)]  # fmt: skip
    render_points(path, study.name, dots, axes, facts)
