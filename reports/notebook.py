"""A run as a notebook shows it: a few sentences, the numbers to remember, and how busy each worker was.

Nothing here runs and nothing is fetched. Texts and frames take the colours of the notebook; the colours of bars lie
between light and dark, so that they can be told from both.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ampsim.reports import text, words
from ampsim.reports.markup import words as quoted
from ampsim.reports.model import Shown, shown
from ampsim.result.analysis.idle import BUSY, CAUSES
from ampsim.result.run import Run
from ampsim.result.schema import Array

MOST_TASKS = 200_000
"""Idle time of more is left to the report: a cell of a notebook is there at once."""
MOST_ROWS = 12
COLOURS = dict(zip(
    CAUSES, ("#3d7fc4", "#5f9e8f", "#9a80c0", "#7f8fa3", "#d98a35", "#bf5560", "#8a9c35", "rgba(128,138,150,.22)"),
    strict=True,
))  # fmt: skip
STYLE = """
.ampsim-run{max-width:60rem;overflow-wrap:anywhere;line-height:1.45;font-size:13px;margin:.3rem 0}
.ampsim-run p{margin:0 0 .5rem}
.ampsim-run .t{font-size:15px;font-weight:600;margin-bottom:.35rem}
.ampsim-run .t span,.ampsim-run .s,.ampsim-run dt{font-weight:400;opacity:.72}
.ampsim-run dl{display:flex;flex-wrap:wrap;gap:.45rem;margin:.6rem 0 .7rem;padding:0}
.ampsim-run dl div{border:1px solid rgba(128,138,150,.38);border-radius:7px;padding:.3rem .65rem;min-width:6.2rem}
.ampsim-run dt,.ampsim-run dd{margin:0;padding:0;float:none;width:auto;text-align:left}
.ampsim-run dt{font-size:11px}
.ampsim-run dd{font-size:15px;font-weight:600;font-variant-numeric:tabular-nums;white-space:nowrap}
.ampsim-run .r{display:grid;grid-template-columns:var(--n) minmax(8rem,1fr) 3.6rem;gap:.6rem;
align-items:center;margin:0 0 3px}
.ampsim-run .r>:first-child{overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
.ampsim-run .r>:last-child{text-align:right;font-variant-numeric:tabular-nums}
.ampsim-run .b{display:flex;height:14px;border-radius:3px;overflow:hidden}
.ampsim-run .b i{display:block;height:100%}
.ampsim-run .k{display:flex;flex-wrap:wrap;gap:.15rem .9rem;margin:.5rem 0 .45rem;font-size:12px}
.ampsim-run .k i{display:inline-block;width:.8rem;height:.65rem;border-radius:2px;margin-right:.35rem}
""".replace("\n", "")


def html(run: Run) -> str:
    """The display as HTML, without scripts; every name is shown as text, short."""
    found = shown([run])[0]
    small = _small(run)
    label = f"<span>{quoted(found.label)}</span>"
    parts = [f'<p class="t"><bdi>{quoted(run.job, 80)}</bdi> {label}</p>']
    parts += [f"<p>{quoted(sentence, 1000)}</p>" for sentence in _sentences(found)]
    cards = "".join(f"<div><dt>{quoted(name)}</dt><dd>{quoted(value)}</dd></div>" for name, value in _cards(found))
    parts.append(f"<dl>{cards}</dl>")
    busy = [share for share in run.utilization if share is not None]
    if len(busy) == run.workers and busy:
        parts += _bars(found, found.idle.shares if small else None, np.asarray(busy))
    more = 'run.figures() draws it, run.report("report.html") explains it.'
    if not small:
        more = f"{len(run.tables['tasks']['kind']):,} tasks: why workers were idle is left to the report. {more}"
    parts.append(f'<p class="s">{quoted(more)}</p>')
    return f'<div class="ampsim-run"><style>{STYLE}</style>{"".join(parts)}</div>'


def plain(run: Run) -> str:
    """The display as text: what the run is, and its numbers."""
    found = shown([run])[0]
    cards = _cards(found)
    width = max(len(name) for name, _ in cards)
    head = f"{text.name(run.job, 80)}, {found.label}"
    return "\n".join([head, *(f"  {name:<{width}}  {value.replace(text.SPACE, ' ')}" for name, value in cards)])


def _small(run: Run) -> bool:
    return len(run.tables["tasks"]["kind"]) <= MOST_TASKS


def _cards(found: Shown) -> list[tuple[str, str]]:
    """What applies of the page's cards. A large run's come from its summary."""
    if _small(found.run):
        cards = words.cards(found)
    else:
        run = found.run
        busy = [share for share in run.utilization if share is not None]
        accuracy = run.epochs[-1].get("validation_accuracy") if run.epochs else None
        cards = [
            ("makespan", text.seconds(run.makespan)), ("throughput (rows/s)", text.rate(run.throughput, "")),
            ("utilization, mean", text.percent(sum(busy) / len(busy) if busy else None)),
            ("validation accuracy", text.percent(accuracy)), ("time to target", text.seconds(run.time_to_target)),
            ("updates", text.number(run.summary["updates"])),
        ]  # fmt: skip
    return [(name, value) for name, value in cards if value != text.NONE]


def _sentences(found: Shown) -> list[str]:
    """Those at the top of the page; of a large run, what its summary knows."""
    if _small(found.run):
        return [sentence for sentence in words.sentences([found]) if sentence]
    run = found.run
    epochs = f"{len(run.epochs):,} epoch{'s' * (len(run.epochs) != 1)}"
    said = f"{epochs} on {run.workers:,} worker{'s' * (run.workers != 1)} took {text.seconds(run.makespan)}"
    if run.throughput is not None:
        said += f", {text.rate(run.throughput, 'training rows')} a second"
    return [f"{said}."]


def _bars(found: Shown, shares: Array | None, busy: Array) -> list[str]:
    """A bar a worker, split by cause where that is known; of many workers the most and the least busy, and the mean."""
    names = [text.name(name, 60) for name in found.run.summary["worker_names"]]
    split = np.zeros((len(names), len(CAUSES))) if shares is None else shares
    if shares is None:
        split[:, BUSY] = busy
    rows = list(range(len(names)))
    note = ""
    if len(rows) > MOST_ROWS:
        order, half = np.argsort(-busy, kind="stable").tolist(), MOST_ROWS // 2
        rows = [*order[:half], *order[-half:]]
        note = f'<p class="s">The {half} busiest and the {half} least busy of {len(names):,} workers.</p>'
    lines = [_bar(names[row], split[row]) for row in rows]
    if len(names) > 1:
        lines.append(_bar("mean", split.mean(axis=0)))
    seen = [cause for cause, name in enumerate(CAUSES) if cause == BUSY or split[:, cause].mean() >= 0.0005]
    keys = "".join(f'<span><i style="background:{COLOURS[CAUSES[c]]}"></i>{CAUSES[c]}</span>' for c in seen)
    wide = min(24, max(len(names[row]) for row in rows)) + 1
    return [f'<div style="--n:{max(wide, 6)}ch">', *lines, "</div>", f'<div class="k">{keys}</div>', note]


def _bar(name: str, shares: Sequence[float] | Array) -> str:
    """One line: name, bar, share of busy time. Every piece says what it is when the pointer is over it."""
    parts = [(cause, COLOURS[cause], float(share)) for cause, share in zip(CAUSES, shares, strict=True)]
    parts.append(("idle", COLOURS[CAUSES[-1]], 1 - sum(share for _, _, share in parts)))
    pieces = "".join(
        f'<i style="width:{100 * share:.2f}%;background:{colour}" title="{name}: {text.percent(share)}"></i>'
        for name, colour, share in parts
        if share >= 0.0005
    )
    busy = text.percent(float(shares[BUSY]))
    said = quoted(f"{name}: busy {busy}", 120)
    bar = f'<span class="b" role="img" aria-label="{said}">{pieces}</span>'
    return f'<div class="r"><bdi title="{quoted(name)}">{quoted(name, 24)}</bdi>{bar}<span>{busy}</span></div>'
