"""The page in a real browser with the network off: figures are there, the console is silent, nothing is asked for."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Sequence
from html import unescape
from pathlib import Path

import pytest

from ampsim.reports.page import render
from ampsim.result.run import Run
from tests.reports.test_page import HOSTILE, no_clock
from tests.result.synthetic import make_run

CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), ""
)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM, reason="there is no chromium; apt-get install chromium"),
]

# Written beside the page, not into it: what the page itself does must not depend on being watched.
LOG = re.compile(r'CONSOLE[:(].*?"(.*)", source: (\S*)')


def browse(page: Path, tmp_path: Path, *options: str) -> tuple[str, list[str]]:
    """The document after its scripts have run, and what the console says: errors, and whatever the policy refused."""
    command = [
        CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
        "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
        f"--user-data-dir={tmp_path / 'profile'}", "--enable-logging=stderr", "--v=0", "--window-size=1360,900",
        # Whatever asks for a name is sent nowhere.
        "--host-resolver-rules=MAP * ~NOTFOUND", "--proxy-server=127.0.0.1:9",
        "--virtual-time-budget=20000", *options, page.as_uri(),
    ]  # fmt: skip
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        out, err = process.communicate(timeout=100)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        raise
    return out, [match[0] for match in LOG.findall(err)]


def opened(runs: Sequence[Run], tmp_path: Path, *options: str) -> str:
    page = render(runs, tmp_path / "page.html")
    out, console = browse(page, tmp_path, "--dump-dom", *options)
    assert console == []
    return out


def drawn(document: str) -> tuple[int, int]:
    """Places for figures, and those in which plotly has drawn something."""
    # The library itself is a part of the document; look at markup only.
    body = re.sub(r"<script.*?</script>", "", document, flags=re.DOTALL)
    return len(re.findall(r'id="figure-\d+"', body)), body.count('class="main-svg"') // 3


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_figure_is_drawn_and_the_console_is_silent(tmp_path: Path, theme: str) -> None:
    scheme = "--blink-settings=preferredColorScheme=" + ("0" if theme == "dark" else "1")
    document = opened([make_run(3), make_run(3, backend="runtime", latency=64)], tmp_path, scheme)
    places, found = drawn(document)
    assert places == found >= 15
    assert f'data-theme="{theme}"' in document
    assert f'data-ready="{places}"' in document


def test_hostile_names_are_shown_and_nothing_runs(tmp_path: Path) -> None:
    def hostile(name: str) -> Run:
        return make_run(2, names=lambda part: part + name)

    document = opened([hostile(name) for name in HOSTILE[:4]], tmp_path)
    places, found = drawn(document)
    assert places == found
    body = re.sub(r"<script.*?</script>", "", document, flags=re.DOTALL)
    assert "alert(1)" in unescape(body)
    assert "<script>alert" not in body
    assert "onmouseover=" not in re.sub(r'"[^"]*"', "", re.sub(r">[^<]*<", "><", body))


def test_a_run_without_a_clock_opens(tmp_path: Path) -> None:
    places, found = drawn(opened([no_clock()], tmp_path))
    assert places == found


def test_the_page_prints(tmp_path: Path) -> None:
    page = render([make_run(2)], tmp_path / "page.html")
    browse(page, tmp_path, f"--print-to-pdf={tmp_path / 'page.pdf'}")
    raw = (tmp_path / "page.pdf").read_bytes()
    assert raw.startswith(b"%PDF")
    assert len(raw) > 50_000


def test_the_watcher_would_notice(tmp_path: Path) -> None:
    """A page that breaks its policy, throws and asks for a file from outside is caught by this test's own means."""
    page = render([make_run(2)], tmp_path / "page.html")
    raw = page.read_text()
    bad = '<script>document.title = "ran"</script><img src="https://cdn.example.org/plot.png"></body>'
    page.write_text(raw.replace("</body>", bad))
    out, console = browse(page, tmp_path, "--dump-dom")
    assert any("Content Security Policy" in line for line in console), json.dumps(console)
    assert "<title>ran" not in out
