"""The page is one file that needs nothing, names cannot break it, and it stands whole or not at all."""

from __future__ import annotations

import base64
import hashlib
import re
import subprocess
import sys
from pathlib import Path

import pytest
from plotly.offline import get_plotlyjs

import ampsim.reports
from ampsim.errors import UsageError
from ampsim.reports import base
from ampsim.reports.markup import MOST_ROWS, Markup, sheet
from ampsim.reports.model import Plot, Sheet
from ampsim.reports.page import page, render
from ampsim.result.run import Run
from ampsim.result.schema import TIMES
from tests.reports.pages import Page
from tests.result.synthetic import make_run

HOSTILE = (
    "</script><script>alert(1)</script>",
    "\" onmouseover='alert(1)' x=\"",
    "\u202eright to left\u2066",
    "a" * 10_000,
    "{}%s%(x)s${title}$title\\",
    "<b>bold</b>&lt;&#60;\u2028\u0000\n",
    "<a href='javascript:alert(1)'>x</a>",
    "$\\int_0^1$ %{x} %{fullData.name}",
    "\U0001f600\u0301",
)


@pytest.fixture(scope="module")
def single() -> Page:
    return Page(page([make_run(2)]))


@pytest.fixture(scope="module")
def plain() -> Page:
    return Page(page([make_run(2), make_run(2)]))


def test_importing_reports_lets_runs_report(tmp_path: Path) -> None:
    assert make_run().report(tmp_path / "page.html").read_text().startswith("<!DOCTYPE html>")
    assert ampsim.reports.__all__ == ["render"]


def test_plotly_is_not_imported_before_a_page_is_rendered() -> None:
    program = "import sys, ampsim.reports; sys.exit('plotly' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_the_page_holds_plotly_once_and_asks_for_nothing(single: Page) -> None:
    assert single.source.count(get_plotlyjs()) == 1
    assert single.code[0] == get_plotlyjs()
    assert len(single.code) == 2
    for tag, attributes in single.elements:
        assert "src" not in attributes, tag
        assert not re.match(r"\w+://|//", attributes.get("href") or ""), (tag, attributes)
    rest = single.source.replace(get_plotlyjs(), "")
    assert not re.findall(r"https?://", rest)
    assert "@import" not in rest
    assert "url(" not in rest


def test_the_policy_allows_exactly_our_two_scripts(single: Page) -> None:
    policy = next(a["content"] for tag, a in single.elements if tag == "meta" and "http-equiv" in a)
    assert policy is not None
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    hashes = [base64.b64encode(hashlib.sha256(code.encode()).digest()).decode() for code in single.code]
    assert rules["script-src"].split() == [f"'sha256-{found}'" for found in hashes]
    assert rules["default-src"] == "'none'"
    assert not any(name.startswith("on") for _, attributes in single.elements for name in attributes)


def test_with_cdn_the_page_is_small_and_pins_what_it_loads() -> None:
    found = Page(page([make_run(2, epochs=1)], plotlyjs="cdn"))
    assert len(found.source) < 700_000
    (script,) = [attributes for tag, attributes in found.elements if tag == "script" and "src" in attributes]
    assert str(script["src"]).startswith("https://cdn.plot.ly/plotly-")
    digest = base64.b64encode(hashlib.sha256(get_plotlyjs().encode()).digest()).decode()
    assert script["integrity"] == f"sha256-{digest}"


def test_every_section_is_in_the_rail_and_every_figure_has_data_and_words(single: Page) -> None:
    links = [str(a["href"])[1:] for tag, a in single.elements if tag == "a" and str(a.get("href")).startswith("#")]
    assert set(links) <= set(single.ids)
    assert len(single.ids) == len(set(single.ids))
    plots = [a for _, a in single.elements if a.get("class") == "plot"]
    assert len(plots) == len(single.figures) >= 10
    for plot, figure in zip(plots, single.figures, strict=True):
        assert f"data-{plot['id']}" in single.ids
        assert plot["role"] == "img"
        assert plot["aria-label"]
        assert figure["data"], plot
    assert sum(tag == "details" for tag, _ in single.elements) >= 8


def test_the_glossary_has_what_the_page_measures(single: Page) -> None:
    start = single.source.index('<section id="glossary">')
    glossary = Page(single.source[start : single.source.index("</section>", start)]).text
    for word in (
        "loss", "accuracy", "bottleneck", "shorter by at most", "load", "occupied time", "queue", "memory level",
        "peak memory", "FLOP", "arithmetic intensity", "rate reached", "roof", "energy", "instances in flight",
        "Pareto optimal",
    ):  # fmt: skip
        assert f"<dt>{word}</dt>" in single.source, word
    assert "`" not in glossary


def test_the_summary_speaks_in_numbers_of_the_run(single: Page) -> None:
    run = make_run(2)
    busy = [value for value in run.utilization if value is not None]
    assert f"{100 * sum(busy) / 2:.1f}\u00a0%" in single.text.replace(" %", "\u00a0%")
    assert "3 epochs on 2 workers took" in single.text
    assert "the target of" in single.text


@pytest.mark.parametrize(
    "goals, said",
    [
        ({"target": None, "target_loss": 0.25}, "the target of a loss of 0.25 was"),
        ({"target": 0.5, "target_loss": 0.25}, "the target of 50.0 % or a loss of 0.25 was"),
    ],
)
def test_a_target_loss_is_named(goals: dict[str, float | None], said: str) -> None:
    run = make_run(2)
    run.summary |= goals
    text = Page(page([run])).text.replace("\u00a0", " ")
    assert said in text
    assert ", the loss to " in text


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_text(name: str, plain: Page) -> None:
    found = Page(page([make_run(2, names=lambda part: part[:3] + name + part) for _ in range(2)]))
    assert found.code == plain.code
    assert [tag for tag, _ in found.elements] == [tag for tag, _ in plain.elements]
    assert [set(a) for _, a in found.elements] == [set(a) for _, a in plain.elements]
    assert found.source.count("<script") == plain.source.count("<script")
    assert found.ids == plain.ids
    assert not set("\u202e\u2066\u2028\u0000") & set(found.source)
    assert max(map(len, found.texts)) < 2_000
    for figure in found.figures:  # the tags in it are those of our own hover texts
        assert set(re.findall(r"</?[^ >]*>?", str(figure))) <= {"<br>", "<extra>", "</extra>"}


def test_a_table_that_is_cut_says_so_beside_its_own_note() -> None:
    rows = [["a", "1"]] * (MOST_ROWS + 1)
    assert f"Mine. The first {MOST_ROWS} rows of {MOST_ROWS + 1}." in sheet(Sheet(("x", "y"), rows, note="Mine."))
    assert "The first" not in sheet(Sheet(("x", "y"), rows[1:], note="Mine."))


def test_notes_and_captions_are_not_cut() -> None:
    long = " ".join(["word"] * 150)
    made = Markup().plot(Plot(base.frame(200), long, note=long))
    assert made.count(long) == 2


def test_the_title_is_given_or_the_job(tmp_path: Path) -> None:
    assert "<title>Mine &amp; yours</title>" in page([make_run()], title="Mine & yours")
    assert "<title>pipeline</title>" in page([make_run(), make_run()])


def test_runs_are_told_apart() -> None:
    found = Page(page([make_run(backend="sim"), make_run(backend="runtime", latency=64), make_run(backend="sim")]))
    for label in ("simulated on ring", "measured on 2 workers", "simulated on ring (2)"):
        assert label in found.text
    assert "predicted" in found.text
    assert "comparison" in found.ids


def no_clock() -> Run:
    run = make_run()
    for name, columns in run.tables.items():
        for column, values in columns.items():
            if column in TIMES[name]:
                values[...] = 0
    run.summary |= {"makespan": 0.0, "throughput": None, "utilization": [None, None], "time_to_target": None}
    run.summary["backend"] = "null"
    return run


def test_a_run_without_a_clock_has_a_page() -> None:
    found = Page(page([no_clock()]))
    assert "counted without a clock" in found.text
    assert "These runs have no clock" in found.text
    assert "nan" not in found.text.lower().split()
    Page(page([no_clock(), make_run()]))


def test_a_run_with_nothing_in_it_has_a_page() -> None:
    found = Page(page([make_run(epochs=0)]))
    assert "There are no tasks with a time." in found.text


def test_one_worker_has_a_page() -> None:
    assert "Nothing crossed a link" in Page(page([make_run(1)])).text


def test_the_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    target = tmp_path / "page.html"
    target.write_text("old")
    with pytest.raises(UsageError, match="at least one"):
        render([], target)
    with pytest.raises(UsageError, match="inline"):
        render([make_run()], target, plotlyjs="http://x")
    with pytest.raises(UsageError, match="no folder"):
        render([make_run()], tmp_path / "missing" / "page.html")
    assert target.read_text() == "old"
    render([make_run()], target)
    assert target.read_text().startswith("<!DOCTYPE html>")
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]


def test_a_link_is_replaced_and_what_it_points_at_is_kept(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("old")
    (tmp_path / "link.html").symlink_to(tmp_path / "real")
    render([make_run()], tmp_path / "link.html")
    assert (tmp_path / "real").read_text() == "old"
    assert not (tmp_path / "link.html").is_symlink()
