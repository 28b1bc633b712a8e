"""Chakra execution traces: what happened and what had to come before, as the published schema has it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from ampsim.errors import RunError, UsageError
from ampsim.reports.trace import write
from ampsim.reports.trace.chakra_schema import COMM_RECV_NODE, COMM_SEND_NODE, COMP_NODE, messages
from ampsim.result.run import Run
from tests.reports.trace.test_stream import RUNS
from tests.result.synthetic import make_run

Nodes = dict[int, list[Any]]


def pieces(path: Path) -> Iterator[bytes]:
    """The messages of a file, each behind its length as a varint."""
    data, place = path.read_bytes(), 0
    while place < len(data):
        length = shift = 0
        while True:
            byte = data[place]
            place, length, shift = place + 1, length | (byte & 0x7F) << shift, shift + 7
            if byte < 0x80:
                break
        assert place + length <= len(data)
        yield data[place : place + length]
        place += length


def read(folder: Path, classes: dict[str, Any]) -> Nodes:
    found: Nodes = {}
    for path in folder.iterdir():
        first, *rest = pieces(path)
        assert classes["GlobalMetadata"].FromString(first).version == "1.0.0"
        found[int(path.name.split(".")[1])] = [classes["Node"].FromString(piece) for piece in rest]
    return found


def attributes(node: Any) -> dict[str, Any]:
    return {one.name: getattr(one, one.WhichOneof("value")) for one in node.attr}


def judge(run: Run, found: Nodes) -> None:
    tasks, sent = run.tables["tasks"], run.tables["messages"]
    assert sorted(found) == list(range(run.workers))
    far = (sent["source"] >= 0) & (sent["source"] != tasks["worker"][sent["task"]])
    sides: dict[int, dict[tuple[int, int, int], int]] = {COMM_SEND_NODE: {}, COMM_RECV_NODE: {}}
    for worker, nodes in found.items():
        mine = np.flatnonzero(tasks["worker"] == worker)
        seen: dict[int, Any] = {}
        computed: list[int] = []
        for node in nodes:
            assert node.id not in seen
            assert all(number in seen for number in [*node.data_deps, *node.ctrl_deps]), "a cause comes first"
            seen[node.id] = node
            facts = attributes(node)
            assert facts["is_cpu_op"] is False
            if node.type == COMP_NODE:
                assert list(node.ctrl_deps) == computed[-1:]
                assert all(seen[number].type in (COMP_NODE, COMM_RECV_NODE) for number in node.data_deps)
                task = mine[len(computed)]
                length = tasks["end"][task] - tasks["start"][task]
                assert node.duration_micros == round(length * 1e6)
                assert facts["duration_nanos"] == round(length * 1e9)
                assert facts["num_ops"] == tasks["matmul"][task] + tasks["vector"][task]
                taken = (sent["task"] == task) & (sent["source"] >= 0)
                assert len(node.data_deps) == len(set(zip(sent["source"][taken], sent["sent"][taken], strict=True)))
                computed.append(node.id)
            else:
                ends = (facts["comm_src"], facts["comm_dst"], facts["comm_tag"])
                assert ends not in sides[node.type]
                sides[node.type][ends] = facts["comm_size"]
                assert ends[0 if node.type == COMM_SEND_NODE else 1] == worker
                if node.type == COMM_SEND_NODE:
                    assert [seen[number].type for number in node.data_deps] == [COMP_NODE]
                else:
                    assert not node.data_deps
        assert len(computed) == len(mine)
    assert sides[COMM_SEND_NODE] == sides[COMM_RECV_NODE], "every send has its receive"
    assert sum(sides[COMM_SEND_NODE].values()) == sent["bytes"][far].sum()


@settings(max_examples=25)
@given(RUNS)
def test_every_task_computes_every_parcel_is_sent_and_received_and_causes_come_first(
    tmp_path_factory: pytest.TempPathFactory, run: Run
) -> None:
    folder = tmp_path_factory.mktemp("chakra") / "x.chakra"
    written = write(run, folder)
    judge(run, read(folder, messages()))
    assert written.counts["compute"] == len(run.tables["tasks"]["kind"])
    assert written.counts["send"] == written.counts["receive"]


def test_the_published_schema_reads_the_same() -> None:
    pytest.importorskip("chakra.schema.protobuf.et_def_pb2", reason="Chakra's schema (mlc-chakra) is not installed")
    from chakra.schema.protobuf import et_def_pb2

    for name, kind in messages().items():
        ours, published = kind.DESCRIPTOR, getattr(et_def_pb2, name).DESCRIPTOR
        assert ours.full_name == published.full_name
        for field in ours.fields:
            other = published.fields_by_name[field.name]
            assert (field.number, field.type, field.is_repeated) == (other.number, other.type, other.is_repeated)
            assert getattr(field.containing_oneof, "name", "") == getattr(other.containing_oneof, "name", "")
    assert et_def_pb2.COMP_NODE == COMP_NODE
    assert (et_def_pb2.COMM_SEND_NODE, et_def_pb2.COMM_RECV_NODE) == (COMM_SEND_NODE, COMM_RECV_NODE)


def test_files_are_read_by_the_published_schema_and_by_chakras_own_reader(tmp_path: Path) -> None:
    pytest.importorskip("chakra.schema.protobuf.et_def_pb2", reason="Chakra's schema (mlc-chakra) is not installed")
    from chakra.schema.protobuf import et_def_pb2
    from chakra.src.third_party.utils.protolib import decodeMessage, openFileRd
    from google.protobuf.unknown_fields import UnknownFieldSet

    run = make_run(3)
    write(run, tmp_path / "x.chakra")
    found = read(tmp_path / "x.chakra", {"Node": et_def_pb2.Node, "GlobalMetadata": et_def_pb2.GlobalMetadata})
    judge(run, found)
    for nodes in found.values():
        for node in nodes:
            assert not len(UnknownFieldSet(node))
    file = openFileRd(str(tmp_path / "x.chakra" / "trace.1.et"))
    about, node, names = et_def_pb2.GlobalMetadata(), et_def_pb2.Node(), []
    assert decodeMessage(file, about)
    while decodeMessage(file, node):
        names.append(node.name)
    file.close()
    assert names == [node.name for node in found[1]]
    assert {"L2 forward", "L2 backward", "send to chip2", "receive from chip0"} <= set(names)


def test_a_folder_of_traces_is_replaced_whole_and_anything_else_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "x.chakra"
    write(make_run(3), target)
    before = {path.name: path.read_bytes() for path in target.iterdir()}
    with monkeypatch.context() as patched:
        patched.setattr("os.fsync", _full)
        with pytest.raises(RunError, match="No space left"):
            write(make_run(2), target)
    assert {path.name: path.read_bytes() for path in target.iterdir()} == before
    write(make_run(2), target)
    assert sorted(path.name for path in target.iterdir()) == ["trace.0.et", "trace.1.et"]
    (target / "mine.txt").write_text("a note")
    with pytest.raises(UsageError, match="not replaced"):
        write(make_run(2), target)
    assert (target / "mine.txt").read_text() == "a note"
    assert [path.name for path in tmp_path.iterdir()] == ["x.chakra"]


def _full(_: int) -> None:
    raise OSError(28, "No space left on device")


def test_part_of_a_run_a_run_without_a_clock_and_a_missing_package_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run(2)
    with pytest.raises(UsageError, match="of a whole run"):
        write(run, tmp_path / "x.chakra", begin=1.0)
    run.summary["makespan"] = 0.0
    run.tables["tasks"]["end"][:] = 0
    with pytest.raises(UsageError, match="no clock"):
        write(run, tmp_path / "x.chakra")
    messages.cache_clear()
    monkeypatch.setitem(sys.modules, "google.protobuf", None)
    with pytest.raises(UsageError, match="needs the package protobuf"):
        write(make_run(2), tmp_path / "x.chakra")
    messages.cache_clear()
    assert not list(tmp_path.iterdir())
