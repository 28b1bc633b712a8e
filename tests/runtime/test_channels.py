"""The contract of a mesh, over rings and over sockets: whole, once, in order; sending never blocks."""

from __future__ import annotations

import os
import random
import select
import stat
import threading
from collections import defaultdict
from itertools import pairwise

import numpy as np
import pytest

from ampsim.errors import RunError
from ampsim.runtime.endpoint import Endpoint, naps
from ampsim.runtime.mesh import Layout, RingMesh, make_mesh
from ampsim.runtime.packet import packet
from ampsim.runtime.pool import Pool, Said
from ampsim.runtime.ring import ring_bytes
from tests.runtime.conftest import Make

PATIENCE = 30.0


def collect(endpoint: Endpoint, count: int, *others: Endpoint) -> list[tuple[int, bytes]]:
    """The next ``count`` messages, while the others push on what waits."""
    found: list[tuple[int, bytes]] = []
    while len(found) < count:
        for other in others:
            other.pump()
        assert endpoint.wait(PATIENCE)
        found += [(source, bytes(message)) for source, message in endpoint.receive()]
    return found


def readable(endpoint: Endpoint, timeout: float = 0.0) -> bool:
    return bool(select.select([endpoint], [], [], timeout)[0])


def test_messages_arrive_whole_once_and_in_order(make: Make) -> None:
    mesh = make(3)
    ends: list[Endpoint] = [*(mesh.endpoint(worker, 0.0) for worker in range(3)), mesh.controller]
    draw = random.Random(1)
    sent, got = defaultdict(list), defaultdict(list)

    def receive(end: Endpoint) -> None:
        for source, message in end.receive():
            got[source, end.index].append(bytes(message))

    for _ in range(3000):
        end = draw.choice(ends)
        to = draw.choice([other.index for other in ends if other is not end])
        content = draw.randbytes(draw.choice([0, 1, 63, 64, 500, 2000, 2040, 2041, 4096, 5000, 41000]))
        cut = draw.randint(0, len(content))
        end.send(to, packet(content[:cut], content[cut:]))
        sent[end.index, to].append(content)
        if draw.random() < 0.5:
            receive(draw.choice(ends))
        if draw.random() < 0.2:
            draw.choice(ends).pump()
    while got != sent:
        for end in ends:
            end.pump()
            receive(end)
    for end in ends:
        assert end.pump()
        assert end.receive() == []
        passed = end.statistics()
        assert passed.sent_messages == sum(len(each) for (source, _), each in sent.items() if source == end.index)
        assert passed.received_messages == sum(len(each) for (_, to), each in sent.items() if to == end.index)
        assert passed.received_bytes == sum(sum(map(len, e)) for (_, to), e in sent.items() if to == end.index)
        assert (passed.outbox_messages, passed.outbox_bytes, end.outbox_bytes) == (0, 0, 0)
        end.close()


def test_two_that_flood_one_another_do_not_deadlock(make: Make) -> None:
    mesh = make(2)
    one, two = mesh.endpoint(0), mesh.endpoint(1)
    contents = [bytes([serial % 256]) * 10_000 for serial in range(300)]
    for content in contents:
        one.send(1, packet(content))
        two.send(0, packet(content))
    waiting = one.statistics()
    assert waiting.blocked > 200
    assert waiting.outbox_bytes == waiting.outbox_high == waiting.outbox_messages * 10_000
    got_one: list[bytes] = []
    got_two: list[bytes] = []
    while len(got_one) + len(got_two) < 600:
        got_one += [bytes(message) for _, message in one.receive()]
        got_two += [bytes(message) for _, message in two.receive()]
        one.pump()
        two.pump()
    assert got_one == got_two == contents
    assert one.statistics().outbox_bytes == 0
    assert one.statistics().outbox_high == waiting.outbox_high
    one.close()
    two.close()


def test_processes_that_flood_one_another_do_not_deadlock(make: Make) -> None:
    mesh = make(3)
    with Pool("tests.runtime.entries:flood", 3, mesh=mesh, spin=0.0002) as pool:
        said = pool.finish(PATIENCE)
        assert sorted(said, key=lambda each: each.worker) == [Said(worker, b"whole") for worker in range(3)]
        assert pool.running == []


def test_a_parcel_of_ten_rings_goes_to_another_process_and_back(make: Make) -> None:
    mesh = make(1, 1 << 16)
    array = np.random.default_rng(1).integers(0, 256, 10 << 16, np.uint8)
    with Pool("tests.runtime.entries:echo", 1, mesh=mesh) as pool:
        mesh.controller.send(0, packet(array))
        mesh.controller.send(0, packet(b"after"))
        mesh.controller.send(0, packet())
        first, second, third = collect(mesh.controller, 3)
        assert first == (0, array.tobytes())
        assert (second, third) == ((0, b"after"), (0, b""))
        pool.finish(PATIENCE)


def test_a_single_look_does_not_wait(make: Make) -> None:
    mesh = make(2)
    one, two = mesh.endpoint(0), mesh.endpoint(1)
    assert not one.wait(0)
    assert not one.wait(0.01)
    two.send(0, packet(b"x"))
    assert one.wait(0)
    assert one.wait()
    assert one.receive() == [(1, b"x")]
    one.close()
    two.close()


def test_a_sleeping_receiver_is_woken(make: Make) -> None:
    mesh = make(1)
    worker, controller = mesh.endpoint(0), mesh.controller
    assert controller.arm()
    assert not readable(controller)
    worker.send(1, packet(b"x"))
    assert readable(controller, PATIENCE)
    controller.disarm()
    assert not controller.arm(), "with a message here, sleeping is no good idea"
    assert controller.receive() == [(0, b"x")]
    assert controller.arm()
    assert not readable(controller)
    controller.disarm()
    worker.close()


def test_a_sleeping_sender_is_woken_when_there_is_room(make: Make) -> None:
    mesh = make(2)
    one, two = mesh.endpoint(0, 0.0), mesh.endpoint(1, 0.0)
    count = 0
    while not one.statistics().outbox_messages:
        one.send(1, packet(bytes(1000)))
        count += 1
    assert one.arm()
    assert not readable(one)
    got = len(two.receive())
    assert readable(one, PATIENCE)
    one.disarm()
    assert one.pump()
    assert got + len(two.receive()) == count
    one.close()
    two.close()


def test_waiting_pushes_the_outbox_on(make: Make) -> None:
    mesh = make(2)
    one, two = mesh.endpoint(0, 0.0), mesh.endpoint(1, 0.0)
    for _ in range(500):
        one.send(1, packet(bytes(2000)))
    one_waits = threading.Thread(target=one.wait)
    one_waits.start()
    assert len(collect(two, 500)) == 500
    two.send(0, packet(b"enough"))
    one_waits.join(PATIENCE)
    assert not one_waits.is_alive()
    assert one.receive() == [(1, b"enough")]
    one.close()
    two.close()


def test_closing_twice_is_no_error(make: Make) -> None:
    mesh = make(2)
    end = mesh.endpoint(0)
    end.close()
    end.close()
    mesh.close()
    mesh.close()


def test_naps_use_up_the_time_that_is_left() -> None:
    assert sum(naps(0.2)) == pytest.approx(0.2)
    assert list(naps(0)) == []
    assert next(naps(None)) == 0.001


# -- rings only --------------------------------------------------------------------------------------------------------


def test_rings_do_not_overlap() -> None:
    layout = Layout(3, 1024, 512)
    spans = []
    for source in range(4):
        for destination in range(4):
            if source != destination:
                base, capacity = layout.ring(source, destination)
                assert base % 64 == 0
                assert capacity == (512 if 3 in (source, destination) else 1024)
                spans.append((base, base + ring_bytes(capacity)))
    spans.sort()
    assert spans[0][0] >= 4 * 128, "the sleep flags come first"
    assert all(end <= start for (_, end), (start, _) in pairwise(spans))
    assert spans[-1][1] == layout.size


def test_the_memory_is_for_this_user_only() -> None:
    with RingMesh(2, 4096) as mesh:
        assert stat.S_IMODE(os.fstat(mesh._memory).st_mode) == 0o600


def test_too_little_memory_is_an_error_that_names_sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(fd: int, offset: int, size: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.posix_fallocate", full)
    with pytest.raises(RunError, match=r"24\.\d MiB of shared memory are needed, \d+\.\d MiB are available") as error:
        RingMesh(3, 4 << 20)
    assert "12 channels" in error.value.what
    assert error.value.do is not None


def test_the_size_of_rings_is_bounded_by_the_number_of_workers() -> None:
    for workers in (1, 2, 5, 16):
        with make_mesh(workers, rings=True) as mesh:
            assert isinstance(mesh, RingMesh)
            assert mesh.layout.size < 80 << 20
            assert mesh.layout.capacity >= 1 << 16


def test_other_processors_take_sockets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "aarch64")
    with make_mesh(1) as mesh:
        assert not isinstance(mesh, RingMesh)
