"""A run while it goes on, as its page sees it; and its end, by whatever way."""

from __future__ import annotations

import json
import re
import socket
import threading
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

import ampsim
from ampsim.engine.controller import Controller
from ampsim.job import Job
from ampsim.reports import live as module
from ampsim.reports.live import Live
from ampsim.reports.live.page import RULES
from tests.reports.live.client import PATIENCE, ask, state
from tests.reports.pages import Page
from tests.reports.test_page import HOSTILE

pytestmark = pytest.mark.usefixtures("nothing_left")


def job(**settings: object) -> Job:
    found = ampsim.workload("mlp", data="generated", training=1000, validation=200, width=16)
    return found.with_training(**{"target": None, "epochs": 2, **settings})


def gone(live: Live) -> bool:
    parts = urlsplit(live.url)
    try:
        socket.create_connection((str(parts.hostname), parts.port or 0), 5).close()
    except OSError:
        return True
    return False


def following(live: Live, into: list[Any]) -> threading.Thread:
    """A page: it asks for news until it hears of the end. It has had its first answer when this returns."""
    begun = threading.Event()

    def page() -> None:
        seen = -1
        while True:
            into.append(state(live.url, f"?seen={seen}&page=p"))
            begun.set()
            seen = into[-1]["version"]
            if into[-1]["over"]:
                return

    thread = threading.Thread(target=page)
    thread.start()
    assert begun.wait(PATIENCE)
    return thread


def test_a_page_that_follows_a_simulation_sees_it_go_by() -> None:
    told: list[Any] = []
    with Live("mlp", simulated=True, every=0.0) as live:
        page = following(live, told)
        assert state(live.url)["phase"] == "starting"
        run = ampsim.simulate(job(), "host", progress=live)
        live.saving()
        assert state(live.url)["phase"] == "saving"
        live.ended("the run is in run")
        page.join(PATIENCE)
    last = told[-1]
    assert (last["phase"], last["over"], last["message"]) == ("ended", True, "the run is in run")
    assert last["run"]["done"] == last["run"]["total"] == len(run.tables["instances"]["instance"])
    assert last["run"]["clock"] == pytest.approx(run.makespan)
    assert last["run"]["busy"] == pytest.approx(run.summary["utilization"])
    assert last["run"]["left"] == 0
    assert last["validations"][2] == pytest.approx([epoch["validation_accuracy"] for epoch in run.epochs])
    assert last["validations"][0] == pytest.approx([epoch["time"] for epoch in run.epochs])
    assert [epoch["train_loss"] for epoch in last["epochs"]] == [epoch["train_loss"] for epoch in run.epochs]
    dones = [one["run"]["done"] for one in told if one["run"]]
    assert dones == sorted(dones)
    versions = [one["version"] for one in told]
    assert versions == sorted(set(versions))


def test_shapes_have_no_loss() -> None:
    with Live("mlp", simulated=True, every=0.0) as live:
        ampsim.simulate(job(), "fpga_ring_16", mode="shapes", progress=live)
        found = state(live.url)
    assert found["run"]["loss"] is None
    assert found["history"]["loss"] == [None] * len(found["history"]["time"])
    assert found["run"]["utilization"] > 0


def test_a_run_that_fails_says_so_and_the_server_is_gone() -> None:
    told: list[Any] = []
    live = Live("mlp", every=0.0)
    page = following(live, told)
    with pytest.raises(ampsim.AmpsimError), live:
        ampsim.simulate(job(optimizer=ampsim.SGD(9e5)), "host", progress=live)
    page.join(PATIENCE)
    assert told[-1]["phase"] == "failed"
    assert "do: lower the learning rate" in told[-1]["message"]
    assert gone(live)


def test_ctrl_c_says_so_and_the_server_is_gone() -> None:
    told: list[Any] = []
    live = Live("mlp", every=0.0)
    page = following(live, told)

    def progress(controller: Controller, now: float) -> None:
        live(controller, now)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), live:
        ampsim.simulate(job(), "host", progress=progress)
    page.join(PATIENCE)
    assert (told[-1]["phase"], told[-1]["over"]) == ("interrupted", True)
    assert gone(live)


def test_a_second_ctrl_c_while_pages_are_told_still_ends_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    live = Live("mlp")

    def linger(seconds: float, *, report: bool) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(live._server, "linger", linger)
    with pytest.raises(KeyboardInterrupt), live:
        pass
    assert gone(live)


def test_without_a_page_nothing_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever was told, and whoever never asked, holds nothing up: the server would wait for an hour otherwise."""
    monkeypatch.setattr(module, "LINGER", 3600.0)
    monkeypatch.setattr(module, "LINGER_REPORT", 3600.0)
    live = Live("mlp")
    ask(live.url)
    state(live.url)
    live.close()
    live.close()
    assert gone(live)


def test_an_open_page_gets_the_report_before_the_server_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LINGER_REPORT", 3600.0)
    (tmp_path / "report.html").write_text("<p>all of it")
    got: list[Any] = []
    with Live("mlp", every=0.0) as live:

        def page() -> None:
            told: list[Any] = []
            following(live, told).join(PATIENCE)
            assert told[-1]["report"] is True
            got.append(ask(live.url, "report?page=p"))

        thread = threading.Thread(target=page)
        thread.start()
        ampsim.simulate(job(), "host", progress=live)
        assert ask(live.url, "report").code == 404
        live.ended("", tmp_path / "report.html")
    thread.join(PATIENCE)
    assert got[0][:2] == (200, b"<p>all of it")
    # Another policy on top of the report's own would forbid its scripts.
    assert got[0].headers["content-security-policy"] == "frame-ancestors 'none'"
    assert gone(live)


def test_a_run_begun_anew_has_no_history_of_the_one_before() -> None:
    with Live("mlp", simulated=True, every=0.0) as live:
        ampsim.simulate(job(epochs=3), "host", progress=live)
        before = state(live.url)
        ampsim.simulate(job(epochs=1), "host", progress=live)
        after = state(live.url)
    assert (before["restarts"], after["restarts"]) == (0, 1)
    assert after["run"]["total"] < before["run"]["total"]
    assert max(after["history"]["time"]) < max(before["history"]["time"])
    assert len(after["validations"][0]) == 1


def test_many_validations_are_thinned_and_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "VALIDATIONS", 6)
    with Live("mlp", simulated=True, every=0.0) as live:
        run = ampsim.simulate(job(epochs=20), "host", progress=live)
        found = state(live.url)
    every = [epoch["validation_accuracy"] for epoch in run.epochs]
    assert found["thinned"] is True
    assert found["validations"][2] == pytest.approx(every[:: live._stride])
    assert len(found["validations"][2]) <= 6


# The page -----------------------------------------------------------------------------------------------------------


def test_the_page_asks_for_nothing_but_its_own_scripts() -> None:
    with Live("mlp", "on 2 workers") as live:
        got = ask(live.url)
        page = Page(got.body.decode())
        sources = [attributes["src"] for attributes, text in page.scripts if attributes.get("src")]
        assert sources == ["plotly.js", "live.js"]
        for source in sources:
            script = ask(live.url, str(source))
            assert script.code == 200
            assert script.headers["content-type"].startswith("text/javascript")
    assert got.headers["content-security-policy"] == "; ".join(RULES)
    # No script in the page itself is code: the policy would not let it run.
    inline = [attributes for attributes, _ in page.scripts if not attributes.get("src")]
    assert all(attributes["type"] == "application/json" for attributes in inline)
    assert len(inline) == len([1 for tag, a in page.elements if a.get("class") == "plot"]) == 5
    links = [a["href"] for tag, a in page.elements if tag == "a"]
    assert all(str(link).startswith("#") for link in links)
    ids = {a["id"] for _, a in page.elements if a.get("id")}
    assert {str(link)[1:] for link in links} <= ids
    assert not re.search(rb'(src|href)="?(https?:)?//', got.body)


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_text(name: str) -> None:
    with Live(name, name) as live:
        page = Page(ask(live.url).body.decode())
        plain = Page(ask(live.url).body.decode().replace(name, "x"))
        live.ended(name)
        assert state(live.url)["message"] == name
    assert [tag for tag, _ in page.elements] == [tag for tag, _ in plain.elements]
    assert len([1 for tag, _ in page.elements if tag == "script"]) == 7
    assert not [a for _, a in page.elements if any(key.startswith("on") for key in a)]


def test_the_page_has_what_a_reader_without_sight_or_mouse_needs() -> None:
    with Live("mlp") as live:
        page = Page(ask(live.url).body.decode())
    attributes = [a for _, a in page.elements]
    assert [a for a in attributes if a.get("role") == "progressbar" and a.get("aria-label")]
    assert [a for a in attributes if a.get("role") == "status"]
    assert all(a.get("aria-label") for a in attributes if a.get("role") == "img")
    assert json.dumps([a for a in attributes if a.get("class") == "skip"])


def test_the_script_puts_no_text_into_markup() -> None:
    with Live("mlp") as live:
        script = ask(live.url, "live.js").body.decode()
    for way in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function"):
        assert way not in script
