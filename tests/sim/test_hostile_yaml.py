"""Files from strangers: one error with file, line and path, exit code 2, quickly and in little memory."""

from __future__ import annotations

import os
import time
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from ampsim import strict_yaml
from ampsim.errors import ConfigError
from ampsim.hw import System, catalogue
from ampsim.hw.files.shipped import FOLDER

GOOD = """\
name: good
chips:
  - count: 4
    matmul: 1 TFLOP/s
    vector: 100 GFLOP/s
    memory_bandwidth: 100 GB/s
    memory_capacity: 64 GiB
    measured:
      "Linear(3, 4) forward": {rows: [1, 8], seconds: [1 us, 2 us]}
links:
  bandwidth: 50 GiB/s
  latency: 500 ns
topology:
  kind: ring
"""

BOMB = "a0: &a0 [x, x]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]\n" for i in range(1, 40))

# what is replaced, by what, and where the error must point
WRONG = [
    ("50 GiB/s", ".nan", "f.yaml:11: links.bandwidth"),
    ("50 GiB/s", ".inf", "f.yaml:11: links.bandwidth"),
    ("50 GiB/s", "-.inf", "f.yaml:11: links.bandwidth"),
    ("50 GiB/s", "-1", "f.yaml:11: links.bandwidth"),
    ("50 GiB/s", "0", "f.yaml:11: links.bandwidth"),
    ("50 GiB/s", "1e400", "f.yaml:11: links.bandwidth"),
    ("50 GiB/s", "9" * 5000, "f.yaml:11: links.bandwidth"),
    ("50 GiB/s", "'1e12'", "f.yaml:11: links.bandwidth"),
    ("50 GiB/s", "50 Gb/s", "f.yaml:11: links.bandwidth"),
    ("50 GiB/s", "50 GiB", "f.yaml:11: links.bandwidth"),
    ("50 GiB/s", "true", "f.yaml:11: links.bandwidth"),
    ("50 GiB/s", "", "f.yaml:11: links.bandwidth"),
    ("50 GiB/s", "[1, 2]", "f.yaml:11: links.bandwidth"),
    ("50 GiB/s", "{a: 1}", "f.yaml:11: links.bandwidth"),
    ("50 GiB/s", "!!python/object/apply:os.system ['true']", "f.yaml:11: links.bandwidth"),
    ("50 GiB/s", "!!float 3", "f.yaml:11: links.bandwidth"),
    ("50 GiB/s", "&x 3", "f.yaml:11: links.bandwidth"),
    ("50 GiB/s", "*x", "f.yaml:11: links.bandwidth"),
    ("500 ns", "-500 ns", "f.yaml:12: links.latency"),
    ("500 ns", "500 parsec", "f.yaml:12: links.latency"),
    ("500 ns", "500 ns\n  latency: 1 s", "f.yaml:13: links.latency"),
    ("500 ns", "500 ns\n  colour: red", "f.yaml:13: links.colour"),
    ("500 ns", "500 ns\n  <<: {duplex: half}", "f.yaml:13: links['<<']"),
    ("500 ns", "500 ns\n  duplex: no", "f.yaml:13: links.duplex"),
    ("count: 4", "count: 0", "f.yaml:3: chips[0].count"),
    ("count: 4", "count: 4.5", "f.yaml:3: chips[0].count"),
    ("count: 4", "count: '4'", "f.yaml:3: chips[0].count"),
    ("count: 4", "count: yes", "f.yaml:3: chips[0].count"),
    ("count: 4", "count: 12:30", "f.yaml:3: chips[0].count"),
    ("count: 4", "count: 1000000000", "f.yaml:3: chips[0].count"),
    ("count: 4", f"count: {10**39}", "f.yaml:3: chips[0].count"),
    ("64 GiB", "64.0000000001 GiB", "f.yaml:7: chips[0].memory_capacity"),
    ("rows: [1, 8]", "rows: [8, 1]", "f.yaml:9: chips[0].measured['Linear(3, 4) forward'].rows[1]"),
    ("rows: [1, 8]", "rows: [1]", "f.yaml:9: chips[0].measured['Linear(3, 4) forward'].seconds"),
    ("rows: [1, 8]", "rows: [1, x]", "f.yaml:9: chips[0].measured['Linear(3, 4) forward'].rows[1]"),
    ("2 us", "-2 us", "f.yaml:9: chips[0].measured['Linear(3, 4) forward'].seconds[1]"),
    ("kind: ring", "kind: blob", "f.yaml:14: topology.kind"),
    ("kind: ring", "kind: [ring]", "f.yaml:14: topology.kind"),
    ("kind: ring", "knd: ring", "f.yaml:13: topology"),
    ("kind: ring", "kind: ring\n  dims: [4]", "f.yaml:15: topology.dims"),
    ("kind: ring", "kind: mesh\n  dims: [3]", "f.yaml:15: topology.dims"),
    ("name: good", "name: 'a b'", "f.yaml:1: name"),
    ("name: good", 'name: "a\\n"', "f.yaml:1: name"),
    ("name: good", "name: <script>", "f.yaml:1: name"),
    ("name: good", "nme: good", "f.yaml:1: nme"),
    ("name: good", "? {a: b}\n: c\nname: good", "f.yaml:1"),
    ("name: good", "name: good\n---", "f.yaml:2"),
    ("name: good", "name: [", "f.yaml:3"),
    ("name: good", "name: good\n\tx: 1", "f.yaml:2"),
    ("name: good", "name: \x01", "f.yaml"),
    ("name: good", "name: " + "[" * 2000, "f.yaml:1"),
    ("name: good", "- " * 2000 + "x", "f.yaml:1"),
    ("name: good", "a: &x [*x]\nname: good", "f.yaml:1: a"),
    ("name: good", BOMB + "name: good", "f.yaml:1: a0"),
    ("name: good", "x: [" + "1," * 200_000 + "]\nname: good", "f.yaml:1: x[99998]"),
    ("name: good", "x: " + "y" * 2**20, "f.yaml"),
    (GOOD, "", "f.yaml"),
    (GOOD, "# nothing\n", "f.yaml"),
    (GOOD, "~", "f.yaml:1"),
    (GOOD, "3", "f.yaml:1"),
    (GOOD, "[1, 2]", "f.yaml:1"),
]


def test_the_good_file_is_good() -> None:
    assert System.from_text(GOOD).chip_names == ("chip0", "chip1", "chip2", "chip3")


@pytest.mark.parametrize("old,new,where", WRONG, ids=[f"{i}-{new[:20]!r}" for i, (_, new, _) in enumerate(WRONG)])
def test_one_error_with_file_line_and_path(old: str, new: str, where: str) -> None:
    with pytest.raises(ConfigError) as caught:
        System.from_text(GOOD.replace(old, new, 1), "f.yaml")
    assert caught.value.where is not None
    assert caught.value.where == where or (":" not in where and caught.value.where.startswith(where))
    assert caught.value.exit_code == 2
    assert len(str(caught.value)) < 1000, "the document must not be repeated"
    assert len(str(caught.value).splitlines()) <= 3


@pytest.mark.parametrize(
    "raw",
    [
        b"\x89PNG\r\n\x1a\n\x00\x00",
        b"\xff\xfen\x00a\x00",
        bytes(range(256)) * 4000,
        BOMB.encode() * 100,
        b"[" * 2**20,
        b"{a: " * 2**18,
        b"- a\n" * 2**18,
        b"a: 1\n" * 100_000,
        b"".join(b"k%d: 1\n" % i for i in range(110_000))[: 2**20],
        b"x" * (2**20 + 1),
        b"!" * 2**20,
        b'"' + b"\\x41" * 200_000,
        b"%YAML 9.9\n---\na: 1",
        b"a: >\n" + b" x\n" * 300_000,
    ],
    ids=range(14),
)
def test_hostile_bytes_are_refused_in_a_second_and_100_mib(raw: bytes) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(ConfigError):
            System.from_text(raw, "f.yaml")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 100 * 2**20
    start = time.process_time()
    with pytest.raises(ConfigError):
        System.from_text(raw, "f.yaml")
    # The promise to whoever opens a stranger's file; PyYAML without its C parser is ten times slower.
    assert time.process_time() - start < (1.0 if hasattr(yaml, "CSafeLoader") else 20.0)


def test_files_that_are_no_files(tmp_path: Path) -> None:
    huge = tmp_path / "huge.yaml"
    with huge.open("wb") as file:
        file.truncate(2**30)
    fifo = tmp_path / "fifo.yaml"
    os.mkfifo(fifo)
    for path in (tmp_path, tmp_path / "missing.yaml", huge, fifo, Path("/dev/zero"), Path("a\0b"), Path("x" * 5000)):
        with pytest.raises(ConfigError) as caught:
            System.from_yaml(path)
        assert str(path)[:20].replace("\0", "?") in str(caught.value).replace("\0", "?")


def test_byte_order_marks_and_line_ends_do_not_matter() -> None:
    plain = System.from_text(GOOD)
    assert System.from_text(b"\xef\xbb\xbf" + GOOD.encode()) == plain
    assert System.from_text(GOOD.replace("\n", "\r\n")) == plain


@pytest.mark.parametrize(
    "text,value",
    [
        ("1e12", 1e12),
        ("1.0e12", 1e12),
        ("1.0e+12", 1e12),
        ("-.5", -0.5),
        ("1.", 1.0),
        ("010", 10),
        ("0o10", 8),
        ("0x1F", 31),
        ("+3", 3),
        ("12:30", "12:30"),
        ("1_000", "1_000"),
        ("no", "no"),
        ("on", "on"),
        ("y", "y"),
        ("True", True),
        ("~", None),
        ("null", None),
        ("'3'", "3"),
        ('"3"', "3"),
        ("! 3", "3"),
        ("2026-01-01", "2026-01-01"),
        ("=", "="),
        ("<<", "<<"),
        ("1e", "1e"),
        (".", "."),
        ("0b1", "0b1"),
        ("|\n  3", "3"),
    ],
)
def test_scalars_follow_yaml_1_2(text: str, value: Any) -> None:
    found = strict_yaml.loads(f"a: {text}").value["a"]
    assert found == value
    assert type(found) is type(value)


def test_a_key_is_text_and_lines_are_those_of_keys() -> None:
    document = strict_yaml.loads("1: a\nno:\n  - b\n  - c: [d,\n      e]\n", "f")
    assert document.value == {"1": "a", "no": ["b", {"c": ["d", "e"]}]}
    assert document.where(("no",)) == "f:2: no"
    assert document.where(("no", 1, "c", 1)) == "f:5: no[1].c[1]"
    assert document.where(("no", 1, "x", 7)) == "f:4: no[1].x[7]"
    with pytest.raises(ConfigError, match="repeated"):
        strict_yaml.loads("1: a\n'1': b")


FILES = [GOOD, *(path.read_text() for path in sorted(FOLDER.glob("*.yaml")))]
NOISE = st.sampled_from([*"[]{}:,-?&*!|>'\"%@`#\n\t 019eE.~\\", "\x00", "é", "- ", ": ", "\n  ", "nan", ".inf"])


@settings(max_examples=300)
@given(st.sampled_from(FILES), st.data())
def test_mutated_files_are_read_or_refused(text: str, data: st.DataObject) -> None:
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(text)))
        cut = data.draw(st.integers(0, 12))
        text = text[:at] + "".join(data.draw(st.lists(NOISE, max_size=4))) + text[at + cut :]
    refused: list[ConfigError] = []
    try:
        system = System.from_text(text, "f.yaml")
        assert System.from_text(system.to_yaml()) == system
    except ConfigError as error:
        refused.append(error)
    for refusal in refused:
        assert (refusal.where or "").startswith("f.yaml")
        assert len(str(refusal)) < 1500


@given(st.binary(max_size=400))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    with pytest.raises(ConfigError):
        System.from_text(raw, "f.yaml")


def test_every_catalogue_file_is_among_the_mutated() -> None:
    assert len(FILES) == len(catalogue()) + 1
