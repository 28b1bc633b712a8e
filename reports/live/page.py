"""The page itself and the scripts it asks for."""

from __future__ import annotations

from pathlib import Path
from string import Template
from typing import NamedTuple

from ampsim.reports import base
from ampsim.reports.live.server import Answer
from ampsim.reports.markup import figure_data, words

HERE = Path(__file__).parent
RULES = (
    "default-src 'none'",
    "script-src 'self'",  # plotly.js and live.js; all else that is served is JSON, and said not to be sniffed at
    "connect-src 'self'",
    "style-src 'unsafe-inline'",  # plotly sets styles as it draws
    "img-src data: blob:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
)


class Panel(NamedTuple):
    """A section: its figures, each (key, title, y axis, height), and what to see in them."""

    id: str
    title: str
    caption: str
    figures: tuple[tuple[str, str, str, int], ...]


def panels(*, simulated: bool) -> tuple[Panel, ...]:
    """The sections of the page; ``simulated``: time is that of the run's own clock."""
    clock = "second of simulated time" if simulated else "second"
    return (
        Panel(
            "throughput", "Throughput",
            f"Instances completed a {clock}. Validation only goes forward, so it is quicker: the line rises there.",
            (("throughput", "", "instances/s", 260),),
        ),
        Panel(
            "learning", "Loss and accuracy",
            "Lines are the training instances of each moment, dots are passes over the validation set.",
            (("loss", "Loss", "loss", 270), ("accuracy", "Accuracy", "accuracy (%)", 270)),
        ),
        Panel(
            "workers", "Utilization",
            "The share of its time that a worker computes. A worker near 100 % bounds the throughput. A task "
            "counts when it ends.",
            (("busy", "", "busy (%)", 270),),
        ),
        Panel(
            "instances", "Instances in flight",
            "Admitted and not yet completed; the dashed line is max_active_keys, the most there may be in training. "
            "Where the line falls, the pipeline drains: before a validation and at the end of an epoch.",
            (("flight", "", "instances in flight", 220),),
        ),
    )  # fmt: skip


def answers(title: str, about: str, *, simulated: bool) -> dict[str, Answer]:
    """What the server has to hand out, by name."""
    from plotly.offline import get_plotlyjs

    script = "text/javascript; charset=utf-8"
    return {
        "": Answer(page(title, about, simulated=simulated).encode(), "text/html; charset=utf-8",
                   {"Content-Security-Policy": "; ".join(RULES)}),
        "plotly.js": Answer(get_plotlyjs().encode(), script),
        "live.js": Answer((HERE / "live.js").read_bytes(), script),
    }  # fmt: skip


def page(title: str, about: str, *, simulated: bool) -> str:
    """The page as text; it holds no number, they come with the state."""
    found = panels(simulated=simulated)
    style = "\n".join(
        path.read_text(encoding="utf-8").strip() for path in (HERE.parent / "page.css", HERE / "live.css")
    )
    data = [
        figure_data(number, base.frame(height, "time", y))
        for number, (_, _, y, height) in enumerate((f for panel in found for f in panel.figures), 1)
    ]
    numbers = iter(range(1, len(data) + 1))
    return Template((HERE / "live.html").read_text(encoding="utf-8")).substitute(
        title=words(title, 200),
        about=words(about, 400),
        simulated="yes" if simulated else "no",
        style=style,
        rail="\n".join(f'<li><a href="#{panel.id}">{words(panel.title)}</a></li>' for panel in found),
        sections="\n".join(_section(panel, numbers) for panel in found),
        data="\n".join(data),
    )


def _section(panel: Panel, numbers: object) -> str:
    figures = "\n".join(
        f'<figure data-figure="{key}">'
        f'<div class="head"><h3>{words(title)}</h3></div><ul class="keys"></ul>'
        f'<div class="plot" id="figure-{next(numbers)}" role="img" '  # type: ignore[call-overload]
        f'aria-label="{words(f"{title or panel.title} over time")}" style="height:{height}px"></div>'
        f'<p class="note"></p></figure>'
        for key, title, _, height in panel.figures
    )
    return (
        f'<section id="{panel.id}">\n<h2>{words(panel.title)}</h2>\n<p class="caption">{words(panel.caption)}</p>\n'
        f'<p class="empty" hidden></p>\n{figures}\n</section>'
    )
