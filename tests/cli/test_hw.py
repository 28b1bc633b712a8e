"""``ampsim hw check``, ``draw`` and ``schema``: what they say, what they write, and how they refuse."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ampsim.hw import catalogue, load
from ampsim.hw.drawing.overview import overview
from ampsim.hw.files import json_schema
from tests.cli.conftest import Ampsim
from tests.cli.jobs import SMALL

TINY = """\
name: tiny
chips:
  - {count: 4, matmul: 1 TFLOP/s, vector: 1 GFLOP/s, memory_bandwidth: 1 GB/s, memory_capacity: 16 KiB}
links: {bandwidth: 1 GB/s, latency: 1 us}
topology: {kind: ring}
"""


@pytest.mark.parametrize("name", catalogue())
def test_every_system_of_the_catalogue_checks(name: str, ampsim: Ampsim) -> None:
    done = ampsim("hw", "check", name)
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines()[0] == name
    for what, value in overview(load(name)).rows():
        assert any(line.startswith(what) and line.endswith(value) for line in done.out.splitlines()), what
    as_json = json.loads(ampsim("hw", "check", name, "--json").out)
    assert as_json == {**overview(load(name)).to_dict(), "memory": None, "stale": []}


def test_a_file_is_checked_and_told(ampsim: Ampsim, folder: Path) -> None:
    (folder / "tiny.yaml").write_text(TINY)
    assert ampsim("hw", "check", "tiny.yaml").out == (
        "tiny\n"
        "--------------------------------  ----------------\n"
        "chips                             4\n"
        "chip: chips                       4\n"
        "chip: format                      fp32\n"
        "chip: products, a chip            1 TFLOP/s\n"
        "chip: elementwise, a chip         1 GFLOP/s\n"
        "chip: memory, a chip              16 KiB at 1 GB/s\n"
        "peak rate of products, all chips  4 TFLOP/s\n"
        "topology                          ring\n"
        "links                             8\n"
        "bandwidth of a link               1 GB/s\n"
        "latency of a link                 1 us\n"
        "diameter                          2 links\n"
        "bisection bandwidth               2 GB/s\n"
    )


def test_the_memory_of_a_job_before_it_runs(ampsim: Ampsim) -> None:
    done = ampsim("hw", "check", "fpga_ring_16", "--job", "mlp", *SMALL)
    assert (done.code, done.err) == (0, "")
    table = done.out.partition("memory for mlp, with one instance in flight:\n")[2].splitlines()
    assert table[0].split()[:2] == ["chip", "parameters"]
    assert [line.split()[0] for line in table[1:5]] == ["fpga0", "fpga1", "fpga2", "fpga3"]
    rows = json.loads(ampsim("hw", "check", "fpga_ring_16", "--json", "-w", 2, "--job", "mlp", *SMALL).out)["memory"]
    assert [row["chip"] for row in rows] == ["fpga0", "fpga1"]
    assert all(row["parameters"] > 0 and row["missing"] == 0 for row in rows)


def test_a_job_that_does_not_fit_is_an_error_after_the_table(ampsim: Ampsim, folder: Path) -> None:
    (folder / "tiny.yaml").write_text(TINY)
    done = ampsim("hw", "check", "tiny.yaml", "--job", "mlp", *SMALL)
    assert done.code == 2
    assert "would fit" in done.out or "could hold" in done.out
    assert done.err.startswith("error: the job does not fit the memory of chip0")
    assert ampsim("simulate", "mlp", *SMALL, "--system", "tiny.yaml").code == 2
    as_json = ampsim("hw", "check", "tiny.yaml", "--json", "--job", "mlp", *SMALL)
    assert as_json.code == 2
    assert json.loads(as_json.out)["memory"][0]["missing"] > 0


def test_a_drawing_is_a_picture_or_a_page(ampsim: Ampsim, folder: Path) -> None:
    assert ampsim("hw", "draw", "wafer_mesh") == (0, "drawing: wafer_mesh.svg\n", "")
    assert (folder / "wafer_mesh.svg").read_text().startswith("<svg ")
    assert ampsim("hw", "draw", "wafer_mesh", "-o", "page.html").code == 0
    assert (folder / "page.html").read_text().startswith("<!DOCTYPE html>")
    again = ampsim("hw", "draw", "host", "-o", "page.html")
    assert again.code == 2
    assert again.err.startswith("error: page.html exists already")
    assert ampsim("hw", "draw", "host", "-o", "page.html", "--force").code == 0


def test_the_schema_is_the_shipped_one(ampsim: Ampsim) -> None:
    assert ampsim("hw", "schema") == (0, json_schema.text(), "")


@pytest.mark.parametrize(
    "line,error",
    [
        ("check", "missing argument 'SYSTEM'\n  do: see ampsim hw check -h"),
        ("check wafer_mash", "there is no system called 'wafer_mash'\n  do: did you mean wafer_mesh?"),
        ("check bad.yaml", "'GB' is no unit of bandwidth\n  where: bad.yaml:4: links.bandwidth\n  do: "),
        ("check none.yaml", "cannot read the file: No such file or directory\n  where: none.yaml"),
        ("check host --job mpl", "there is no workload 'mpl'\n  do: did you mean mlp?"),
        ("check host -w 2", "there is no job to place or to change\n  where: --job\n  do: add --job JOB"),
        ("check host --set options.width=1", "there is no job to place or to change"),
        ("check host --job mlp --placement 0", "'0' places nothing\n  where: --placement\n  do: "),
        ("draw bad.yaml", "'GB' is no unit of bandwidth\n  where: bad.yaml:4: links.bandwidth\n  do: "),
        ("draw host -o x.png", "x.png is called neither a picture nor a page\n  where: x.png\n  do: end it in .svg"),
        ("draw host -o no/x.svg", "..."),
        ("draw host -o con.svg", "'con.svg' is no name to write to\n  do: choose another name"),
        ("schema extra", "got unexpected extra argument (extra)"),
    ],
)
def test_wrong_use_is_one_error_and_writes_nothing(line: str, error: str, ampsim: Ampsim, folder: Path) -> None:
    (folder / "bad.yaml").write_text(TINY.replace("bandwidth: 1 GB/s, latency", "bandwidth: 1 GB, latency"))
    done = ampsim("hw", *line.split())
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("error: " + error.removesuffix("..."))
    assert "Traceback" not in done.err
    assert len(done.err.splitlines()) <= 3
    assert [path.name for path in folder.iterdir()] == ["bad.yaml"]
