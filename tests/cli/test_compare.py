"""What ``ampsim compare`` prints: for people the telling rows, for programs all of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ampsim.cli.compare_text import print_comparison
from ampsim.result.compare import compare
from ampsim.result.run import Run
from tests.cli.conftest import Ampsim
from tests.result.synthetic import make_run


def printed(a: Run, b: Run, capsys: pytest.CaptureFixture[str]) -> str:
    capsys.readouterr()
    print_comparison(compare(a, b), Path("first"), Path("second"))
    return capsys.readouterr().out


def parts(text: str) -> dict[str, list[str]]:
    """Lines by the heading above them."""
    found = {}
    for block in text.split("\n\n"):
        heading, *lines = block.rstrip("\n").split("\n")
        found[heading] = lines
    return found


def test_the_parts_of_a_comparison(capsys: pytest.CaptureFixture[str]) -> None:
    slow, fast = make_run(2, mak=1, latency=40960), make_run(2, mak=2)
    found = parts(printed(slow, fast, capsys))
    names = [heading.split(":")[0].split("  ")[0] for heading in found]
    assert names == [
        "A",
        "settings that differ",
        "quantity",
        "why A took 5.924 s more than B",
        "the mean worker's time by cause, in s",
        "service times are equal at every node",
        "traffic by edge",
        "staleness by node",
        "loss and accuracy, segment by segment",
        "what has to be equal",
    ]
    assert found["A: first"] == [
        "   pipeline on ring, simulated, 2 workers, numeric",
        "B: second",
        "   pipeline on ring, simulated, 2 workers, numeric",
    ]
    assert found["settings that differ"][-1].split() == ["training.max_active_keys", "1", "2"]
    slower = parts(printed(make_run(2, compute=8192), fast, capsys))
    assert any(heading.startswith("service times by node: means in ms, totals in ") for heading in slower)


def test_the_explanation_adds_up_on_paper(capsys: pytest.CaptureFixture[str]) -> None:
    """The column of differences, as printed, to its last digit but one; three terms, all else, the sum."""
    text = printed(make_run(3, mak=1, latency=40960), make_run(2, mak=2), capsys)
    heading = next(name for name in parts(text) if name.startswith("why"))
    head, _, *rows = parts(text)[heading]
    assert head.split() == ["term", "A", "B", "A", "-", "B", "of", "it", "tasks"]
    assert rows[0].startswith("blocked by a link")
    assert rows[3].startswith("all else (")
    assert rows[4].startswith("sum ")
    start, end = head.index("A - B"), head.index("A - B") + len("A - B")
    values = [float(row[start - 4 : end].split()[-1]) for row in rows]
    assert sum(values[:4]) == pytest.approx(values[4], abs=0.0021)
    assert heading == f"why A took {values[4]:.3f} s more than B: time on the critical path of each, in s"


def test_a_run_beside_itself_is_short(capsys: pytest.CaptureFixture[str]) -> None:
    run = make_run()
    found = parts(printed(run, run, capsys))
    assert "A and B took equally long, for the same reasons." in found
    assert not any(heading.startswith(("settings", "staleness", "loss")) for heading in found)


def test_the_faster_run_took_less(capsys: pytest.CaptureFixture[str]) -> None:
    fast, slow = make_run(latency=10), make_run(latency=9000)
    (heading,) = (name for name in parts(printed(fast, slow, capsys)) if name.startswith("why"))
    less = slow.tables["tasks"]["end"].max() - fast.tables["tasks"]["end"].max()
    assert heading.startswith(f"why A took {less:.3f} s less than B: ")


def test_what_is_to_be_known_first_stands_first(capsys: pytest.CaptureFixture[str]) -> None:
    lines = printed(make_run(), make_run(instances=10), capsys).splitlines()
    assert lines[4] == "note: different amounts of work: 7,500 rows in A, 4,500 in B; compare throughput, not makespan"


def test_without_a_clock_there_are_counts(capsys: pytest.CaptureFixture[str]) -> None:
    run, still = make_run(), make_run(backend="null")
    for name in ("start", "end"):
        still.tables["tasks"][name] = still.tables["tasks"][name] * 0.0
    still.summary |= {"makespan": 0.0, "throughput": None, "utilization": [None, None]}
    text = printed(still, run, capsys)
    assert "note: A has no clock: only counts are compared" in text
    assert not any(heading.startswith(("why", "service")) for heading in parts(text))
    assert any(heading.startswith("traffic") for heading in parts(text))


@pytest.mark.parametrize("columns", [60, 100])
def test_many_parts_and_long_or_hostile_names(
    columns: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Most of a part is left to --json; names are cut, and steer no terminal."""
    monkeypatch.setenv("COLUMNS", str(columns))
    a, b = (
        make_run(12, compute=4096 + n, latency=n, epochs=1, names=lambda name: f"\x1b[31m{name}{'x' * 80}")
        for n in (5, 9000)
    )
    text = printed(a, b, capsys)
    assert text.count(" more: --json has all") == 3
    assert "\x1b" not in text
    tables = [line for heading, lines in parts(text).items() if heading[:1] != "A" for line in lines]
    assert max(map(len, tables)) <= 110


def test_json_has_everything(ampsim: Ampsim, folder: Path) -> None:
    a, b = make_run(2, latency=9000), make_run(3)
    a.save("a")
    b.save("b")
    done = ampsim("compare", "a", "b", "--json")
    assert (done.code, done.err) == (0, "")
    found = json.loads(done.out)
    assert (found["a"], found["b"]) == ("a", "b")
    assert {name: found[name] for name in found if name not in ("a", "b")} == compare(a, b).to_dict()
    assert len(found["nodes"]) == 9
    assert sum(term["difference"] for term in found["explanation"]["terms"]) == found["explanation"]["difference"]


def test_a_pipe_that_is_not_a_terminal_gets_plain_text(ampsim: Ampsim, folder: Path) -> None:
    make_run(names=lambda name: name + "\u2028").save("a")
    done = ampsim("compare", "a", "a")
    assert done.code == 0
    assert "\u2028" not in done.out
