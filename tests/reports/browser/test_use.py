"""What a reader does with a page: point, zoom, switch, print, go through it by keyboard, listen to it."""

from __future__ import annotations

import itertools
import re
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest

from ampsim.reports.points import render_points
from tests.reports.browser.watcher import visit
from tests.reports.test_points import AXES, FACTS, dots

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [pytest.mark.slow, pytest.mark.browser]
THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")

# Everything that shows text of its own: its colour against what lies behind it, both with all opacities.
CONTRAST = """async () => {
  const parse = (text) => {
    const found = text.match(/[\\d.]+/g);
    return found ? found.map(Number) : [0, 0, 0, 0];
  };
  const over = (top, below) => {
    const alpha = top.length > 3 ? top[3] : 1;
    return [0, 1, 2].map((i) => alpha * top[i] + (1 - alpha) * below[i]);
  };
  const light = (colour) => {
    const [r, g, b] = colour.map((v) => v / 255).map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const clear = (one) => {
    let opacity = 1;
    for (; one && one.tagName !== "svg"; one = one.parentElement) opacity *= Number(getComputedStyle(one).opacity);
    return opacity;
  };
  // A heat map is a picture: the colour of its point there.
  const pixel = async (image, x, y) => {
    const picture = new Image();
    picture.src = image.getAttribute("href") || image.getAttribute("xlink:href");
    await picture.decode();
    const canvas = Object.assign(document.createElement("canvas"), { width: picture.width, height: picture.height });
    const pen = canvas.getContext("2d");
    pen.drawImage(picture, 0, 0);
    const box = image.getBoundingClientRect();
    const at = [(x - box.x) / box.width * picture.width, (y - box.y) / box.height * picture.height].map(Math.floor);
    const [r, g, b, alpha] = pen.getImageData(...at, 1, 1).data;
    return [r, g, b, alpha / 255];
  };
  // What is written on a bar is written on its colour: all shapes that are painted below the middle of the text.
  const painted = async (text, box, behind) => {
    const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
    for (const shape of text.closest("figure").querySelectorAll("svg path, svg rect, svg image")) {
      const its = shape.getBoundingClientRect();
      if (x <= its.left || x >= its.right || y <= its.top || y >= its.bottom || shape.closest("defs")) continue;
      if (!(shape.compareDocumentPosition(text) & Node.DOCUMENT_POSITION_FOLLOWING)) continue;
      const style = getComputedStyle(shape);
      let colour;
      if (shape.tagName === "image") colour = await pixel(shape, x, y);
      else {
        if (style.fill === "none") continue;
        if (!shape.isPointInFill(new DOMPoint(x, y).matrixTransform(shape.getScreenCTM().inverse()))) continue;
        const [r, g, b, alpha = 1] = parse(style.fill);
        colour = [r, g, b, alpha * Number(style.fillOpacity)];
      }
      behind = over([...colour.slice(0, 3), colour[3] * clear(shape)], behind);
    }
    return behind;
  };
  const bad = [];
  let looked = 0;
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.textContent.trim() || element.closest("script, style, noscript, title")) continue;
    const box = element.getBoundingClientRect();
    if (!box.width || !box.height) continue;
    const style = getComputedStyle(element);
    const layers = [];
    let opacity = 1;
    for (let one = element; one; one = one.parentElement) {
      const its = getComputedStyle(one);
      opacity *= Number(its.opacity);
      if (!(one instanceof SVGElement)) layers.push(parse(its.backgroundColor));
    }
    if (opacity < 0.05 || style.visibility === "hidden") continue;
    const behind = layers.reverse().reduce((below, top) => over(top, below), [255, 255, 255]);
    const ink = parse(element instanceof SVGElement ? style.fill : style.color);
    const ground = element instanceof SVGElement ? await painted(element, box, behind) : behind;
    const shown = over([...ink.slice(0, 3), (ink.length > 3 ? ink[3] : 1) * opacity], ground);
    const [low, high] = [light(shown), light(ground)].sort((a, b) => a - b);
    const ratio = (high + 0.05) / (low + 0.05);
    looked += 1;
    if (ratio < 4.5) bad.push([element.tagName, walker.currentNode.textContent.slice(0, 40), ratio.toFixed(2)]);
  }
  return [looked, bad];
}"""


@pytest.mark.parametrize("scheme", THEMES)
def test_text_can_be_read(scheme: Literal["light", "dark"], report: Path, browser: Browser) -> None:
    with visit(browser, report, scheme=scheme) as found:
        found.page.evaluate("() => document.querySelectorAll('details').forEach((one) => { one.open = true; })")
        looked, bad = found.ask(CONTRAST)
        assert looked > 300
        assert bad == []


def test_contrast_is_seen_where_it_lacks(single: Path, browser: Browser) -> None:
    with visit(browser, single) as found:
        found.ask("() => { document.querySelector('.under').style.color = '#bbb'; }")
        assert [one[0] for one in found.ask(CONTRAST)[1]] == ["P"]


def test_pointing_shows_a_label(single: Path, browser: Browser) -> None:
    with visit(browser, single) as found:
        assert found.page.locator(".hovertext").count() == 0
        assert found.point(1) == 1
        found.page.locator(".hovertext").first.wait_for()
        assert found.page.locator(".hovertext").first.text_content()
        assert found.silent, found.noise


def test_dragging_zooms_and_a_double_click_goes_back(single: Path, browser: Browser) -> None:
    ranges = "() => document.querySelector('#tasks .plot').layout.xaxis.range"
    with visit(browser, single) as found:
        area = found.page.locator("#tasks .plot .nsewdrag").first
        area.scroll_into_view_if_needed()
        before = found.ask(ranges)
        box = area.bounding_box()
        assert box
        mouse, y = found.page.mouse, box["y"] + box["height"] / 2
        mouse.move(box["x"] + 0.25 * box["width"], y)
        mouse.down()
        mouse.move(box["x"] + 0.5 * box["width"], y, steps=5)
        mouse.up()
        found.page.wait_for_function(f"(before) => ({ranges})()[1] !== before", arg=before[1])
        low, high = found.ask(ranges)
        whole = before[1] - before[0]
        assert 0.2 * whole < high - low < 0.3 * whole
        area.dblclick()
        found.page.wait_for_function(f"(high) => ({ranges})()[1] > high", arg=high)
        assert found.silent, found.noise


def test_the_legend_hides_and_shows(single: Path, browser: Browser) -> None:
    with visit(browser, single) as found:
        button = found.page.locator("#tasks .legend button").first
        button.click()
        assert button.get_attribute("aria-pressed") == "false"
        index = found.ask("() => JSON.parse(document.querySelector('#tasks .legend button').dataset.traces)[0]")
        assert found.ask("(i) => document.querySelector('#tasks .plot').data[i].visible", index) is False
        button.click()
        assert found.ask("(i) => document.querySelector('#tasks .plot').data[i].visible", index) is not False


def test_dark_is_another_page_and_the_button_goes_there_and_back(single: Path, browser: Browser) -> None:
    colours = """() => [getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color,
      getComputedStyle(document.querySelector('.plot .xtick text, .plot .ytick text')).fill]"""
    with visit(browser, single, scheme="light") as found:
        light = found.ask(colours)
        found.page.get_by_role("button", name="Dark page").click()
        dark = found.ask(colours)
        assert all(a != b for a, b in zip(light, dark, strict=True))
        found.page.get_by_role("button", name="Light page").click()
        assert found.ask(colours) == light
        found.page.emulate_media(color_scheme="dark")
    with visit(browser, single, scheme="dark") as found:
        assert found.ask(colours) == dark


def test_parallel_lines_are_picked_by_dragging(browser: Browser, tmp_path: Path) -> None:
    path = render_points(tmp_path / "page.html", "a study", dots(), AXES, FACTS)
    plot = "document.querySelector('#parallel .plot')"
    with visit(browser, path) as found:
        area = found.page.locator("#parallel .nsewdrag").first
        area.scroll_into_view_if_needed()
        box = area.bounding_box()
        assert box
        assert found.ask(f"() => {plot}.data.at(-1).x.length") == 0
        mouse = found.page.mouse
        mouse.move(box["x"] + 2, box["y"] + 5)
        mouse.down()
        mouse.move(box["x"] + 0.1 * box["width"], box["y"] + 0.3 * box["height"], steps=4)
        mouse.up()
        found.page.wait_for_function(f"() => {plot}.data.at(-1).x.length > 0")
        axes = found.ask(f"() => {plot}.layout.xaxis.tickvals.length")
        assert found.ask(f"() => {plot}.data.at(-1).x.length") == axes + 1  # one run, and the gap after it
        assert found.silent, found.noise


def strokes(pdf: bytes) -> int:
    """Lines and curves that a PDF draws."""
    found = 0
    for stream in re.findall(rb"stream\r?\n(.*?)endstream", pdf, re.DOTALL):
        try:
            found += len(re.findall(rb" [lc]\n", zlib.decompress(stream)))
        except zlib.error:  # a font or a picture
            continue
    return found


def test_it_prints_light_with_all_figures(single: Path, browser: Browser) -> None:
    with visit(browser, single, scheme="dark") as found:
        found.ask("() => window.dispatchEvent(new Event('beforeprint'))")
        found.page.wait_for_function(
            "() => [...document.querySelectorAll('.plot')].every((plot) => plot._fullLayout.width === 680)"
        )
        assert found.ask("() => document.documentElement.dataset.theme") == "light"
        assert found.figures[0] == found.figures[1]
        found.ask("() => window.dispatchEvent(new Event('afterprint'))")
        assert found.ask("() => document.documentElement.dataset.theme") == "dark"
        whole = found.page.pdf(format="A4", print_background=True)
        found.ask("() => document.querySelectorAll('.plot').forEach((plot) => plot.remove())")
        bare = found.page.pdf(format="A4", print_background=True)
        assert whole.startswith(b"%PDF")
        assert strokes(whole) > 5 * strokes(bare) + 1000


@pytest.mark.parametrize("width", [400, 800])
def test_a_narrow_page_need_not_be_pushed_sideways(width: int, single: Path, browser: Browser) -> None:
    with visit(browser, single, width=width) as found:
        assert found.ask("() => document.documentElement.scrollWidth") <= width
        assert found.figures[0] == found.figures[1]


def test_the_keyboard_reaches_everything_that_can_be_used(single: Path, browser: Browser) -> None:
    with visit(browser, single) as found:
        wanted = found.ask(
            """() => [...document.querySelectorAll("a[href], button, summary, [tabindex='0']")].filter((one) =>
              !one.closest("svg") && one.checkVisibility()).map((one, i) => { one.dataset.stop = i; return i; })"""
        )
        reached = []
        for _ in range(len(wanted) + 5):
            found.page.keyboard.press("Tab")
            reached.append(found.ask("() => document.activeElement.dataset.stop"))
        assert {int(stop) for stop in reached if stop is not None} == set(wanted)
        assert reached[0] == "0"  # the way past the rail


def test_keys_do_what_clicks_do(single: Path, browser: Browser) -> None:
    with visit(browser, single) as found:
        found.page.locator(".theme").focus()
        found.page.keyboard.press("Enter")
        assert found.ask("() => document.documentElement.dataset.theme") == "dark"
        summary = found.page.locator("details:not([open]) > summary").first
        handle = summary.element_handle()
        summary.focus()
        found.page.keyboard.press("Enter")
        assert handle.evaluate("(one) => one.parentElement.open")
        found.page.locator(".rail a[href='#memory']").focus()
        found.page.keyboard.press("Enter")
        found.page.wait_for_function(
            "() => Math.abs(document.getElementById('memory').getBoundingClientRect().top) < 60"
        )
        outline = "() => getComputedStyle(document.activeElement).outlineStyle"
        found.page.keyboard.press("Tab")
        assert found.ask(outline) != "none"


def test_what_is_read_out_has_names_and_an_order(report: Path, browser: Browser) -> None:
    with visit(browser, report) as found:
        assert found.ask("() => document.documentElement.lang") == "en"
        nameless = found.ask(
            """() => [...document.querySelectorAll("a, button, summary, [role], nav, th, h1, h2, h3")].filter((one) =>
              !one.closest("svg") && !(one.getAttribute("aria-label") || one.textContent).trim()
            ).map((one) => one.outerHTML.slice(0, 200))"""
        )
        assert nameless == []
        levels = found.ask("() => [...document.querySelectorAll('h1,h2,h3,h4')].map((one) => Number(one.tagName[1]))")
        assert levels.count(1) == 1
        assert levels[0] == 1
        assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
        for role in ("navigation", "main"):
            assert found.page.get_by_role(role).count() == 1, role
        assert found.page.locator(".plot[role=img][aria-label]").count() == found.figures[0]
        tables = found.ask(
            "() => [...document.querySelectorAll('table')].every((one) => one.querySelector('th[scope]'))"
        )
        assert tables
        assert found.ask(
            "() => new Set([...document.querySelectorAll('[id]')].map((one) => one.id)).size"
        ) == found.ask("() => document.querySelectorAll('[id]').length")
