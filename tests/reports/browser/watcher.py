"""A page opened in chromium with the network off, and all that it says, asks for or throws meanwhile."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Dialog, Page, Request

CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), ""
)
OPTIONS = (
    "--no-sandbox", "--disable-dev-shm-usage", "--disable-background-networking", "--disable-component-update",
    # Whatever asks for a name is sent nowhere.
    "--host-resolver-rules=MAP * ~NOTFOUND", "--proxy-server=127.0.0.1:9",
)  # fmt: skip
WAIT = 60_000
"""Milliseconds after which a page that has not drawn its figures is given up."""


@dataclass
class Visit:
    """A page and what it did: lines of the console, errors nobody caught, addresses asked for, windows it opened."""

    page: Page
    own: str
    console: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    windows: list[str] = field(default_factory=list)

    @property
    def silent(self) -> bool:
        """Whether it did nothing of the kind."""
        return not (self.console or self.errors or self.requests or self.windows)

    @property
    def noise(self) -> str:
        """All of it, for a message."""
        return repr((self.console, self.errors, self.requests, self.windows))

    def listen(self) -> None:
        """From here on."""
        self.page.on("console", self._said)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("request", self._asked)
        self.page.on("dialog", self._opened)
        self.page.on("popup", lambda popup: self.windows.append(popup.url))

    def _said(self, message: ConsoleMessage) -> None:
        self.console.append(f"{message.type}: {message.text}")

    def _opened(self, dialog: Dialog) -> None:
        self.windows.append(dialog.message)
        dialog.dismiss()

    def _asked(self, request: Request) -> None:
        """The page itself is asked for once; what is written into it (data:) goes nowhere."""
        first = request.url == self.own and request.is_navigation_request()
        if not first and not request.url.startswith(("data:", "blob:")):
            self.requests.append(request.url)

    def ask(self, script: str, *given: Any) -> Any:
        """The value of a function of JavaScript, called with ``given`` if there is one."""
        return self.page.evaluate(script, *given)

    def point(self, most: int) -> int:
        """Move the pointer to dots and bars of the page, ``most`` of them from top to bottom; how many there were."""
        marks = """(most) => {
          const all = [...document.querySelectorAll(".plot .points path, .plot .point path")].filter((one) => {
            const box = one.getBoundingClientRect();
            return box.width > 3 && box.height > 3;
          });
          window.marks = all.filter((_, i) => i % Math.ceil(all.length / most) === 0);
          return window.marks.length;
        }"""
        place = """(i) => {
          window.marks[i].scrollIntoView({ block: "center" });
          const box = window.marks[i].getBoundingClientRect();
          return [box.x + box.width / 2, box.y + box.height / 2];
        }"""
        found = int(self.ask(marks, most))
        for number in range(found):
            x, y = self.ask(place, number)
            self.page.mouse.move(x - 1, y)
            self.page.mouse.move(x, y)
        return found

    @property
    def figures(self) -> tuple[int, int]:
        """Places for figures, and those in which something visible has been drawn."""
        return tuple(self.ask(
            """() => {
              const plots = [...document.querySelectorAll(".plot")];
              const drawn = plots.filter((plot) => [...plot.querySelectorAll("svg.main-svg")].some(
                (svg) => svg.getBoundingClientRect().width > 50 && svg.querySelector("path, image, text")));
              return [plots.length, drawn.length];
            }"""
        ))  # fmt: skip


@contextmanager
def visit(
    browser: Browser, path: Path, *, scheme: Literal["light", "dark"] = "light", width: int = 1280, ready: bool = True
) -> Iterator[Visit]:
    """The page of a file, its figures drawn if ``ready``; closed at the end."""
    context = browser.new_context(
        color_scheme=scheme, viewport={"width": width, "height": 900}, offline=True, reduced_motion="reduce"
    )
    try:
        page = context.new_page()
        page.set_default_timeout(WAIT)
        found = Visit(page, path.absolute().as_uri())
        found.listen()
        page.goto(found.own)
        if ready:
            page.wait_for_selector("html[data-ready]", state="attached")
        yield found
    finally:
        context.close()
