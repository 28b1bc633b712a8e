"""One self-contained HTML page about one run, or several side by side."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from string import Template
from typing import Any

from ampsim.errors import UsageError
from ampsim.reports import words as summary
from ampsim.reports.glossary import TERMS
from ampsim.reports.markup import Markup, sheet, words
from ampsim.reports.model import Section, Sheet, Shown, shown
from ampsim.reports.text import number
from ampsim.result.aside import checked_target, replace_file
from ampsim.result.run import Run

HERE = Path(__file__).parent
CDN = "https://cdn.plot.ly"


def render(
    runs: Sequence[Run],
    path: str | os.PathLike[str],
    *,
    plotlyjs: str = "inline",
    title: str | None = None,
) -> Path:
    """Write one HTML file about ``runs`` and return its absolute path.

    ``plotlyjs="inline"`` puts plotly.js into the file, which then needs nothing from outside; with ``"cdn"`` the page
    is small and loads it from the web. The file appears whole or not at all. Raises UsageError if there is no run,
    or the file cannot be written there.
    """
    if not runs:
        raise UsageError("there is no run to report on", "runs", "give at least one")
    if plotlyjs not in ("inline", "cdn"):
        raise UsageError(f"unknown way to include plotly.js: {plotlyjs!r}"[:100], "plotlyjs", "use 'inline' or 'cdn'")
    target = checked_target(path)
    replace_file(target, page(runs, plotlyjs, title).encode("utf-8"))
    return target


def page(runs: Sequence[Run], plotlyjs: str = "inline", title: str | None = None) -> str:
    """The page as text."""
    found = shown(runs)
    return assemble(
        title if title is not None else " and ".join(dict.fromkeys(run.job for run in runs)),
        " · ".join(one.label for one in found),
        [text for text in summary.sentences(found) if text],
        "\n".join(_cards(one) for one in found),
        _sections(found),
        [sheet(_provenance(one)) for one in found],
        plotlyjs,
    )


def assemble(
    title: str,
    under: str,
    sentences: Sequence[str],
    cards: str,
    sections: Sequence[Section],
    provenance: Sequence[str],
    plotlyjs: str,
) -> str:
    """A page of these parts; ``cards`` and ``provenance`` are markup, all else is text."""
    markup = Markup()
    body = "\n".join(markup.section(section) for section in sections)
    scripts, policy = _scripts(plotlyjs)
    rail = [("summary", "Summary"), *((s.id, s.title) for s in sections), ("glossary", "Glossary"),
            ("provenance", "Provenance")]  # fmt: skip
    return Template((HERE / "page.html").read_text(encoding="utf-8")).substitute(
        policy=policy,
        title=words(title, 200),
        style=(HERE / "page.css").read_text(encoding="utf-8").strip(),
        rail="\n".join(f'<li><a href="#{name}">{words(text)}</a></li>' for name, text in rail),
        under=words(under),
        summary="\n".join(f"<p>{words(text, 1000)}</p>" for text in sentences),
        cards=cards,
        sections=body,
        footer=_footer(provenance),
        data="\n".join(markup.data),
        scripts=scripts,
    )


def _sections(runs: Sequence[Shown]) -> list[Section]:
    from ampsim.reports.figures import (
        comparison,
        energy,
        gantt,
        instances,
        learning,
        links,
        memory,
        path,
        placement,
        queues,
        roofline,
        staleness,
        sweep,
        utilization,
    )

    ahead = [found for found in (comparison.section(runs), sweep.section(runs)) if found]
    parts = (utilization, placement, path, gantt, learning, queues, links, staleness, instances, memory, roofline,
             energy)  # fmt: skip
    return [*ahead, *(part.section(runs) for part in parts)]


def card_list(cards: Sequence[tuple[str, str]]) -> str:
    """Names and values as cards."""
    found = (f'<div class="card"><dt>{words(name)}</dt><dd>{words(value)}</dd></div>' for name, value in cards)
    return f'<dl class="cards">{"".join(found)}</dl>'


def _cards(one: Shown) -> str:
    swatch = f'<span class="swatch" style="background:{one.colour}"></span>'
    heading = f'<p class="cards-title">{swatch}<bdi>{words(one.label)}</bdi></p>' if one.several else ""
    return heading + card_list(summary.cards(one))


def _footer(provenance: Sequence[str]) -> str:
    terms = "\n".join(f"<dt>{words(term)}</dt><dd>{words(meaning)}</dd>" for term, meaning in TERMS)
    glossary = f'<section id="glossary">\n<h2>Glossary</h2>\n<dl class="terms">\n{terms}\n</dl></section>'
    sheets = "\n".join(provenance)
    caption = '<p class="caption">What ran where, so that it can be run again.</p>'
    return f'{glossary}\n<section id="provenance">\n<h2>Provenance</h2>\n{caption}\n{sheets}\n</section>'


def _provenance(one: Shown) -> Sheet:
    facts = {"job hash": one.run.summary["job_hash"], **one.run.provenance}
    rows = [[name.replace("_", " "), _flat(value)] for name, value in facts.items()]
    return Sheet(("fact", "value"), rows, one.label, "ll", open=True)


def _flat(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_flat(item)}" for key, item in value.items())
    if isinstance(value, list):
        return " ".join(_flat(item) for item in value)
    if isinstance(value, float):
        return number(value)
    return "unknown" if value is None else str(value)


def _scripts(plotlyjs: str) -> tuple[str, str]:
    """Both scripts, and a policy under which no other script runs and nothing is fetched."""
    from plotly.offline import get_plotlyjs, get_plotlyjs_version

    library, own = get_plotlyjs(), (HERE / "page.js").read_text(encoding="utf-8")
    if plotlyjs == "inline":
        first, origin = f"<script>{library}</script>", _digest(library)
    else:
        integrity = _digest(library).strip("'")
        url = f"{CDN}/plotly-{get_plotlyjs_version()}.min.js"
        first = f'<script src="{url}" integrity="{integrity}" crossorigin="anonymous"></script>'
        origin = CDN
    rules = (
        "default-src 'none'",
        f"script-src {origin} {_digest(own)}",
        "style-src 'unsafe-inline'",  # plotly sets styles as it draws
        "img-src data: blob:",
        "base-uri 'none'",
        "form-action 'none'",
    )
    return f"{first}\n<script>{own}</script>", "; ".join(rules)


def _digest(script: str) -> str:
    return "'sha256-" + base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode() + "'"
