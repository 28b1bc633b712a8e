"""Three runs or more that differ in settings: which are best, and what each setting does."""

from __future__ import annotations

from collections.abc import Sequence

from ampsim.reports import grid, text
from ampsim.reports.grid import Axis, Dot
from ampsim.reports.model import Plot, Section, Sheet, Shown
from ampsim.reports.parallel import CAPTION as LINES
from ampsim.reports.parallel import parallel
from ampsim.result.analysis.pareto import front
from ampsim.result.compare.settings import varied
from ampsim.result.metrics import SCALARS

FEWEST = 3
MOST_COLUMNS = 8
GAIN = "throughput"
COSTS = ("time_to_target", "energy", "peak_memory")
FURTHER = ("validation_accuracy", "utilization", "busiest_link", "staleness")
CAPTION = (
    "What was set differently in these runs, and what came of it. Every point of the first figures is a run; those on "
    "the line are Pareto optimal: no other run is better in one of the two and no worse in the other. "
)


def section(runs: Sequence[Shown]) -> Section | None:
    """The section; None for fewer than three runs, or if no setting differs."""
    if len(runs) < FEWEST:
        return None
    settings = _settings(runs)
    if not settings:
        return None
    values = {name: [SCALARS[name].of(shown.run) for shown in runs] for name in (GAIN, *COSTS, *FURTHER)}
    known = [name for name, found in values.items() if len({value for value in found if value is not None}) > 1]
    fronts = [_front(runs, settings, values, cost) for cost in COSTS if {GAIN, cost} <= set(known)]
    table = Sheet(
        ("run", *list(settings)[:MOST_COLUMNS], *(_axis(name).title for name in known)),
        [
            [shown.label, *[texts[i] for texts in settings.values()][:MOST_COLUMNS],
             *(text.number(values[name][i], 4) for name in known)]
            for i, shown in enumerate(runs)
        ],
        "Runs", "l" * (1 + min(len(settings), MOST_COLUMNS)) + "r" * len(known), open=True,
    )  # fmt: skip
    lines = _lines(runs, settings, values, known)
    return Section("sweep", "Sweep", CAPTION + LINES, [*fronts, *([lines] if lines else []), table])


def _settings(runs: Sequence[Shown]) -> dict[str, list[str]]:
    """Differing settings by name; of several that are alike in every run, the first, with how many more there are."""
    alike: dict[tuple[str, ...], list[str]] = {}
    for name, texts in varied([shown.run for shown in runs]).items():
        alike.setdefault(tuple(texts), []).append(name)
    return {
        f"{names[0]} and {len(names) - 1:,} more" if names[1:] else names[0]: list(texts)
        for texts, names in alike.items()
    }


def _axis(name: str) -> Axis:
    return Axis(name.replace("_", " "), SCALARS[name].unit, SCALARS[name].goal)


def _dots(
    runs: Sequence[Shown], settings: dict[str, list[str]], values: dict[str, list[float | None]], names: Sequence[str],
    best: set[int],
) -> list[Dot]:  # fmt: skip
    return [
        Dot({name: texts[i] for name, texts in settings.items()}, [values[name][i] for name in names], i in best,
            name=shown.label)
        for i, shown in enumerate(runs)
    ]  # fmt: skip


def _best(values: dict[str, list[float | None]], names: Sequence[str]) -> set[int]:
    rows = list(zip(*(values[name] for name in names), strict=True))
    return set(front(rows, [SCALARS[name].goal for name in names]))


def _front(
    runs: Sequence[Shown], settings: dict[str, list[str]], values: dict[str, list[float | None]], cost: str
) -> Plot:
    names = (GAIN, cost)
    dots = [dot for dot in _dots(runs, settings, values, names, _best(values, names)) if None not in dot.values]
    return grid.front(dots, [_axis(name) for name in names])


def _lines(
    runs: Sequence[Shown], settings: dict[str, list[str]], values: dict[str, list[float | None]], known: Sequence[str]
) -> Plot | None:
    """Best is what is Pareto optimal in all that every run has, of the gain and the costs."""
    judged = [name for name in (GAIN, *COSTS) if name in known and None not in values[name]]
    best = _best(values, judged) if judged else set()
    return parallel(_dots(runs, settings, values, known, best), [_axis(name) for name in known])
