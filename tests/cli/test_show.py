"""``ampsim show``: the tables of a run from its folder, and its tasks as text."""

from __future__ import annotations

import json
import re
import unicodedata
from pathlib import Path

import numpy as np
import pytest

from ampsim.cli.gantt_text import print_gantt
from ampsim.cli.output import wide
from ampsim.cli.run_text import print_run
from ampsim.cli.screen import Screen
from ampsim.errors import UsageError
from ampsim.result.run import Run
from tests.cli.conftest import Ampsim
from tests.cli.jobs import SMALL
from tests.result.synthetic import make_run, table

PLAIN = Screen(100, None, "ascii", 0)
FANCY = Screen(100, None, "utf-8", 0)
COLOURED = Screen(100, None, "utf-8", 256)
ESCAPE = re.compile(r"\x1b\[[0-9;]*m")
HOSTILE = "\x1b[31m\u202e\r\n</pre>漢字" + "x" * 300


def two_workers(makespan: float = 10.0) -> Run:
    """Worker 0: A all of 0..4, B all of 6..8; worker 1: a tenth of each second of 0..5 in B."""
    run = make_run(2)
    found = [(0, 1, 0.0, 4.0), (0, 2, 6.0, 8.0), *((1, 2, float(s), s + 0.1) for s in range(5))]
    run.tables["tasks"] = table("tasks", [(w, 0, n, s, e, 1, 1, 0.0, 0.0, 0, 0) for w, n, s, e in found])
    run.tables["waits"], run.tables["messages"] = table("waits", []), table("messages", [])
    run.summary |= {"makespan": makespan, "utilization": [0.6, 0.05]}
    return run


def drawn(
    run: Run, capsys: pytest.CaptureFixture[str], screen: Screen = PLAIN, begin: float | None = None,
    end: float | None = None,
) -> list[str]:  # fmt: skip
    capsys.readouterr()
    print_gantt(run, begin, end, screen)
    return capsys.readouterr().out.splitlines()


def chart(lines: list[str], worker: str) -> tuple[str, str]:
    """Cells and share of a worker."""
    (line,) = [line for line in lines if line.startswith(worker)]
    found = re.fullmatch(r"\S+ +(\S.*?)  +([\d.]+ %)", ESCAPE.sub("", line))
    assert found, line
    return found[1], found[2]


# The chart ----------------------------------------------------------------------------------------------------------


def test_a_character_shows_the_node_and_whether_most_of_its_time_was_busy(capsys: pytest.CaptureFixture[str]) -> None:
    lines = drawn(two_workers(), capsys, Screen(15 + 10 * 5, None, "ascii", 0))
    assert chart(lines, "chip0") == ("A" * 20 + "." * 10 + "B" * 10 + "." * 10, "60.0 %")
    assert chart(lines, "chip1") == ("B...." * 5 + "." * 25, "5.0 %")
    assert lines[-2].split() == ["A", "L1", "B", "L2", ".", "idle"]
    assert lines[-1].startswith("one character is 200 ms; letter: ")


def test_a_stretch_is_drawn_as_wide_as_the_whole(capsys: pytest.CaptureFixture[str]) -> None:
    lines = drawn(two_workers(), capsys, Screen(15 + 40, None, "ascii", 0), 3.0, 7.0)
    assert chart(lines, "chip0") == ("A" * 10 + "." * 20 + "B" * 10, "50.0 %")
    assert lines[0] == "pipeline on ring, simulated: 3 to 7 s of 10 s"
    assert lines[-3].split() == ["s", "3", "4", "5", "6", "7"]


def test_labels_stand_below_their_ticks(capsys: pytest.CaptureFixture[str]) -> None:
    for columns in (60, 100, 237):
        lines = drawn(two_workers(), capsys, Screen(columns, None, "ascii", 0), 0.0, 9.0)
        ruler, labels = lines[-4], lines[-3]
        cells = ruler.index("+")
        width = len(ruler) - cells
        marks = [(found.start() - cells, float(found[0])) for found in re.finditer(r"[\d.]+", labels)]
        assert len(marks) >= 3
        for column, time in marks:
            assert ruler[cells + column] == "+"
            assert column == pytest.approx(time / 9 * width, abs=1)


def test_a_short_stretch_far_from_the_beginning_counts_from_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    lines = drawn(two_workers(), capsys, PLAIN, 6.0, 6.0001)
    assert lines[0].endswith(": 6 to 6.0001 s of 10 s")
    assert lines[-3].split()[:2] == ["us", "+0"]


def test_lines_are_as_wide_as_the_screen_and_no_wider(capsys: pytest.CaptureFixture[str]) -> None:
    run = make_run(3, names=lambda name: f"{name} {HOSTILE}")
    for screen in (PLAIN, FANCY, COLOURED, Screen(61, None, "utf-8", 16), Screen(250, None, "latin-1", 0)):
        for begin in (None, 0.01):
            lines = [ESCAPE.sub("", line) for line in drawn(run, capsys, screen, begin)]
            bodies = [line for line in lines if line.endswith("%")]
            assert {wide(line) for line in bodies} == {screen.columns}
            notes = lines[-1:]  # one sentence that a narrow terminal may wrap
            assert max(wide(line) for line in lines if line not in notes) <= screen.columns


@pytest.mark.parametrize("screen", [PLAIN, FANCY, COLOURED, Screen(80, None, "latin-1", 0)])
def test_names_do_not_steer_the_terminal(screen: Screen, capsys: pytest.CaptureFixture[str]) -> None:
    run = make_run(2, names=lambda name: HOSTILE + name)
    capsys.readouterr()
    print_gantt(run, None, None, screen)
    print_run(run, Path("x"), screen)
    text = ESCAPE.sub("", capsys.readouterr().out)
    assert [c for c in text if c != "\n" and unicodedata.category(c).startswith("C")] == []
    text.encode(screen.encoding)


def test_colours_stand_for_nodes_and_heights_for_load(capsys: pytest.CaptureFixture[str]) -> None:
    lines = drawn(two_workers(), capsys, Screen(15 + 50, None, "utf-8", 256))
    assert chart(lines, "chip0")[0] == "▇" * 20 + "·" * 10 + "▇" * 10 + "·" * 10
    assert chart(lines, "chip1")[0] == "▄····" * 5 + "·" * 25
    (line,) = [line for line in lines if line.startswith("chip0")]
    first, second = re.findall(r"\x1b\[38;5;(\d+)m▇+\x1b\[0m", line)
    assert first != second
    legend = lines[-2]
    assert f"\x1b[38;5;{first}m▇▇\x1b[0m L1" in legend
    assert f"\x1b[38;5;{second}m▇▇\x1b[0m L2" in legend
    assert "height: how busy" in lines[-1]
    assert "\x1b[34m" in "".join(drawn(two_workers(), capsys, Screen(80, None, "utf-8", 16)))


def test_without_colours_there_is_no_escape_and_letters_tell_nodes_apart(capsys: pytest.CaptureFixture[str]) -> None:
    for screen in (PLAIN, FANCY):
        assert "\x1b" not in "".join(drawn(make_run(3), capsys, screen))
    assert "".join(drawn(make_run(3), capsys, PLAIN)).isascii()
    assert "┬" in "".join(drawn(make_run(3), capsys, FANCY))
    coloured = drawn(make_run(3), capsys, Screen(100, None, "ascii", 16))
    assert "\x1b" in "".join(coloured)
    assert "".join(coloured).isascii()


def test_more_nodes_than_letters_are_shown_together(capsys: pytest.CaptureFixture[str]) -> None:
    run = two_workers(40.0)
    run.summary["nodes"] = [f"n{n}" for n in range(40)]
    found = [(0, 0, n, float(n), n + (0.25 if n < 5 else 1.0), 1, 1, 0.0, 0.0, 0, 0) for n in range(40)]
    run.tables["tasks"] = table("tasks", found)
    lines = drawn(run, capsys, Screen(15 + 40, None, "ascii", 0))
    cells = chart(lines, "chip0")[0]
    assert cells[:5] == "+++++"
    assert cells.count("#") == 40 - 26 - 5
    assert "14 other nodes" in " ".join(lines)
    coloured = "".join(drawn(run, capsys, COLOURED))
    assert "30 other nodes" in coloured


def test_workers_beyond_the_screen_are_said_to_be_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    run = make_run(40, instances=4, validation=0, epochs=1)
    for height in (8, 24, 45):
        lines = drawn(run, capsys, Screen(100, height, "ascii", 0))
        shown = [line for line in lines if line.startswith("chip")]
        assert 4 <= len(shown) < 40
        assert len(lines) <= max(height - 1, 16)
        assert lines[-1].startswith(f"{40 - len(shown)} more workers of 40 left out: the screen has {height} lines;")
    assert sum(line.startswith("chip") for line in drawn(run, capsys)) == 40
    assert "left out" not in " ".join(drawn(run, capsys, Screen(100, 70, "ascii", 0)))


def test_what_cannot_be_drawn_is_an_error_that_says_what_can(capsys: pytest.CaptureFixture[str]) -> None:
    run = two_workers()
    for begin, end in ((5.0, 5.0), (6.0, 2.0), (10.0, None), (-1.0, None), (float("nan"), None), (0.0, float("-inf"))):
        with pytest.raises(UsageError) as error:
            print_gantt(run, begin, end, PLAIN)
        assert str(error.value.where).startswith("--from")
    assert drawn(run, capsys, PLAIN, 0.0, 99.0) == drawn(run, capsys)
    run.summary["makespan"] = 0.0
    run.tables["tasks"] = table("tasks", [])
    with pytest.raises(UsageError, match="no clock"):
        print_gantt(run, None, None, PLAIN)


def test_widths_are_those_of_a_terminal() -> None:
    assert [wide(text) for text in ("ab", "漢字", "e\u0301", "")] == [2, 4, 1, 0]
    assert (FANCY.fitted("漢字漢字", 5), PLAIN.fitted("abcdef", 4)) == ("漢字…", "abc~")
    assert PLAIN.text("é漢\x1b") == "???"


def test_what_the_environment_asks_for_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    for variable in ("NO_COLOR", "COLORTERM"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("COLUMNS", "90")
    monkeypatch.setenv("LINES", "33")
    for term, colours in (("xterm-256color", 256), ("linux", 16), ("dumb", 0), ("", 0)):
        monkeypatch.setenv("TERM", term)
        assert Screen.of_stdout().colours == colours
    monkeypatch.setenv("TERM", "xterm-256color")
    found = Screen.of_stdout()
    assert (found.columns, found.lines, found.fancy) == (90, 33, True)
    assert not Screen.of_stdout(plain=True).fancy
    monkeypatch.setenv("NO_COLOR", "1")
    assert Screen.of_stdout().colours == 0
    monkeypatch.setattr("sys.stdout.isatty", lambda: False)
    monkeypatch.delenv("NO_COLOR")
    assert (Screen.of_stdout().colours, Screen.of_stdout().lines) == (0, None)
    assert not Screen(80, None, "no such encoding", 0).fancy


def test_the_tables_of_a_large_run_are_drawn_in_bounded_pieces(capsys: pytest.CaptureFixture[str]) -> None:
    count = 300_000
    run = make_run(2)
    start = np.arange(count) * 1e-3
    run.tables["tasks"] = {
        **table("tasks", []), "worker": (np.arange(count) % 2).astype("i4"), "start": start,
        "end": start + 5e-4, "node": np.full(count, 1, "i4"), "kind": np.zeros(count, "i1"),
    }  # fmt: skip
    run.summary["makespan"] = count * 1e-3
    assert [chart(drawn(run, capsys), name)[1] for name in ("chip0", "chip1")] == ["25.0 %", "25.0 %"]


# The tables ---------------------------------------------------------------------------------------------------------


def test_show_prints_what_simulate_printed(ampsim: Ampsim) -> None:
    simulated = ampsim("simulate", "mlp", *SMALL, "-s", "gpu_switch_8", "-o", "run")
    shown = ampsim("show", "run")
    assert (simulated.code, shown.code, shown.err) == (0, 0, "")
    assert shown.out == simulated.out
    assert "idle mainly" in shown.out
    plain = ampsim("show", "run", "--ascii")
    assert plain.out.isascii()
    as_json = json.loads(ampsim("show", "run", "--json").out)
    assert as_json == json.loads(ampsim("simulate", "mlp", *SMALL, "-s", "gpu_switch_8", "-o", "b", "--json").out) | {
        "folder": "run"
    }
    Path("run/report.html").touch()
    assert json.loads(ampsim("show", "run", "--json").out)["report"] == "run/report.html"


def test_show_draws_from_a_folder(ampsim: Ampsim, folder: Path) -> None:
    make_run(3).save("run")
    done = ampsim("show", "run", "--gantt", "--from", "10ms", "--to", "2e-2", "--ascii")
    assert (done.code, done.err) == (0, "")
    assert done.out.isascii()
    assert done.out.splitlines()[0].startswith("pipeline on ring, simulated: 10 to 20 ms of ")


@pytest.mark.parametrize(
    "words, told",
    [
        (("nowhere",), "nowhere is no folder"),
        (("run", "--from", "1"), "--from and --to say which part"),
        (("run", "--gantt", "--json"), "a chart is no JSON object"),
        (("run", "--gantt", "--from", "1e8"), "--from 1e+08 lies behind the end of the run"),
        (("run", "--gantt", "--from", "soon"), "'soon' is no time"),
        (("run", "--gantt", "--to", "nan"), "'nan' is no time"),
    ],
)
def test_what_show_refuses(words: tuple[str, ...], told: str, ampsim: Ampsim) -> None:
    make_run(2).save("run")
    done = ampsim("show", *words)
    assert (done.code, done.out) == (2, "")
    assert told in done.err
    assert "Traceback" not in done.err


def test_each_of_few_workers_has_a_line_and_of_many_three(capsys: pytest.CaptureFixture[str]) -> None:
    few = two_workers()
    print_run(few, Path("run"), PLAIN)
    lines = capsys.readouterr().out.splitlines()
    assert "chip0   60.0 %  ############........  messaging 40.0 %" in lines
    assert "chip1    5.0 %  #...................  messaging 95.0 %" in lines
    many = make_run(12, instances=4, validation=0, epochs=1)
    print_run(many, Path("run"), FANCY)
    names = [line.partition("  ")[0] for line in capsys.readouterr().out.splitlines()]
    assert [name for name in names if name.startswith(("least: chip", "most: chip", "mean"))] == names[-5:-2]


def test_a_run_without_a_clock_has_no_utilization(capsys: pytest.CaptureFixture[str]) -> None:
    run = make_run(2)
    run.summary |= {"throughput": None, "utilization": [None, None], "makespan": 0.0}
    print_run(run, Path("run"), PLAIN)
    out = capsys.readouterr().out
    assert "busy" not in out
    assert "makespan" not in out
    assert out.endswith("run folder: run\n")


def test_a_run_that_was_counted_is_not_said_to_be_measured(capsys: pytest.CaptureFixture[str]) -> None:
    run = make_run(2)
    run.summary |= {"backend": "null"}
    run.config["run"] = {"backend": "null"}
    print_run(run, Path("run"), PLAIN)
    assert capsys.readouterr().out.startswith("pipeline on workers without a clock")


def test_a_loss_below_nothing_is_a_loss(capsys: pytest.CaptureFixture[str]) -> None:
    run = make_run(2)
    run.summary["epochs"][-1]["train_loss"] = -2.5
    print_run(run, Path("run"), PLAIN)
    assert re.search(r"^training loss +-2\.5$", capsys.readouterr().out, re.MULTILINE)


@pytest.mark.parametrize("columns", [20, 60, 80, 100])
def test_lines_of_workers_are_not_broken(
    columns: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    for name in ("chip", "漢字" * 5):
        print_run(make_run(3, names=lambda part, name=name: name + part), Path("run"), FANCY)  # type: ignore[misc]
        table = capsys.readouterr().out.partition("\n\n")[2].splitlines()[:6]
        assert all(line.endswith("%") for line in table[2:])
        assert len({wide(line[: line.index("%")]) for line in table[2:]}) == 1  # shares stand below each other
        assert max(map(wide, table)) <= max(columns, 60)


def test_of_too_many_tasks_idle_time_is_not_explained(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ampsim.cli.run_text.MOST_TASKS", 10)
    print_run(make_run(2), Path("run"), PLAIN)
    assert "idle mainly" not in capsys.readouterr().out
