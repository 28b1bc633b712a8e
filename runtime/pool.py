"""Worker processes and their owner.

The pool is a context manager: leaving it, by whatever way, ends and joins every worker. The owner listens to all of
them at once, to their control pipes and to the sentinels that tell of their death, and hears of a death within a
millisecond or so. The other way round, a thread in every worker ends it when its control pipe closes, which it does
when the controller dies, however it dies.
"""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Sequence
from typing import Any, Self

import msgspec

from ampsim import errors
from ampsim.errors import AmpsimError, RunError, UsageError, WorkerDied
from ampsim.runtime import entry as worker_side
from ampsim.runtime.descriptor import Descriptor
from ampsim.runtime.endpoint import SPIN, Endpoint, naps
from ampsim.runtime.entry import Failure
from ampsim.runtime.mesh import RingMesh
from ampsim.runtime.pipes import PipeMesh
from ampsim.runtime.shared import ArrayStore
from ampsim.runtime.start import context, start

_GRACE = 1.0  # seconds a worker has to end after it was told to, before it is killed
_STACK = 1 << 16  # bytes of a crash's stack that are read
_OURS = f'  File "{worker_side.__file__}"'  # from here on it is the same in every worker


class Said(msgspec.Struct, frozen=True):
    """A worker has said something over its control pipe."""

    worker: int
    message: bytes


class Ended(msgspec.Struct, frozen=True):
    """A worker process has ended.

    ``exitcode`` is that of the process, or minus the number of the signal that killed it. ``failure`` is the exception
    that ended it, ``stack`` the Python stacks at a crash (empty if there was none).
    """

    worker: int
    pid: int
    exitcode: int
    failure: Failure | None = None
    stack: str = ""

    @property
    def well(self) -> bool:
        """Whether its entry function returned."""
        return self.exitcode == 0 and self.failure is None

    @property
    def cause(self) -> str:
        """What ended it, in a few words, as the rest of a sentence about the worker."""
        if self.failure is not None:
            return f"raised {self.failure.kind}: {self.failure.text}"
        if self.exitcode >= 0:
            return f"exited with code {self.exitcode}"
        try:
            name = signal.Signals(-self.exitcode).name
        except ValueError:
            name = f"signal {-self.exitcode}"
        hint = ", by hand or by the kernel for want of memory" if name == "SIGKILL" else ""
        return f"was killed by {name}{hint}"

    def error(self, where: str | None = None, do: str | None = None) -> AmpsimError:
        """The error to raise for it: one of ampsim's own as the worker raised it, else a WorkerDied.

        ``where`` says what the worker had to do (its nodes), ``do`` what the user may do (the last checkpoint).
        """
        failure = self.failure
        if failure is not None and failure.parts is not None:
            kind = getattr(errors, failure.kind, RunError)
            what, inner, step = failure.parts
            if isinstance(kind, type) and issubclass(kind, AmpsimError):
                return kind(what, inner or where, step or do) if kind is not errors.GraphError else kind(what, (), step)
        detail = failure.traceback if failure is not None else self.stack
        text = f"worker {self.worker} (process {self.pid}) {self.cause}"
        return WorkerDied(f"{text}\n{detail.rstrip()}" if detail else text, where, do)


Event = Said | Ended


class _Member:
    """One worker as the controller sees it."""

    def __init__(self, process: Any, pipe: Any, stack: int) -> None:
        self.process, self.pipe, self.stack = process, pipe, stack
        self.started = self.ended = False
        self.failure: Failure | None = None
        self.silent = 0.0  # when its control pipe closed


class Pool:
    """``count`` processes, each of which calls the function ``entry`` = ``module:qualname`` with a ``Worker``.

    ``config``: bytes for all workers, or a sequence of one for each. ``mesh`` and ``arrays`` stay the caller's, to be
    closed after the pool. ``spin``: how long a worker's ``wait`` yields before it sleeps, in seconds.
    Raises UsageError for a function of the main script, RunError if the processes cannot be started.
    """

    def __init__(
        self,
        entry: str,
        count: int,
        config: bytes | Sequence[bytes] = b"",
        *,
        mesh: RingMesh | PipeMesh | None = None,
        arrays: ArrayStore | None = None,
        method: str = "forkserver",
        spin: float = SPIN,
    ) -> None:
        module, _, qualname = entry.partition(":")
        if module == "__main__":
            raise UsageError(
                f"workers cannot call {entry!r}: it lives in the main script, which they do not run",
                do="move it into a module that can be imported",
            )
        if not (module and qualname):
            raise UsageError(f"{entry!r} names no function", do="write it as module:qualname")
        self._context = context(method)
        self._entry = entry
        self._configs = [config] * count if isinstance(config, bytes) else list(config)
        self._mesh, self._arrays, self._spin = mesh, arrays, spin
        self._members: list[_Member] = []
        self._poll = select.poll()
        self._where: dict[int, _Member] = {}

    @property
    def pids(self) -> list[int]:
        """The process of each worker."""
        return [member.process.pid for member in self._members]

    @property
    def running(self) -> list[int]:
        """The workers of whose end :meth:`watch` has not told yet."""
        return [index for index, member in enumerate(self._members) if not member.ended]

    def __enter__(self) -> Self:
        try:
            for index in range(len(self._configs)):
                self._start(index)
        except BaseException as error:
            self.close()
            if isinstance(error, (OSError, EOFError)):
                raise RunError(f"a worker process could not be started: {error}") from error
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def say(self, worker: int, message: bytes) -> None:
        """Send bytes down the control pipe of a worker; nothing if it has ended."""
        try:
            self._members[worker].pipe.send_bytes(message)
        except OSError:
            return

    def watch(self, timeout: float | None = None, endpoint: Endpoint | None = None) -> list[Event]:
        """Sleep until a worker says something or ends, ``endpoint`` has work, or ``timeout`` seconds have passed.

        Returns what happened to workers; may be empty. What has come to the endpoint is the caller's to receive.
        """
        if endpoint is None:
            return self._collect(timeout)
        if not endpoint.pump():
            timeout = 0.01 if timeout is None else min(timeout, 0.01)
        for nap in naps(timeout):
            armed = endpoint.arm()
            self._poll.register(endpoint, select.POLLIN)
            try:
                events = self._collect(nap if armed else 0)
            finally:
                self._poll.unregister(endpoint)
                endpoint.disarm()
            if events or not armed or endpoint.wait(0):
                return events
        return self._collect(0)

    def finish(self, timeout: float) -> list[Said]:
        """Until every worker has returned by itself; what they said meanwhile.

        Raises what ``Ended.error`` gives for the first that ended otherwise, WorkerDied if some are still there after
        ``timeout`` seconds.
        """
        said: list[Said] = []
        deadline = time.monotonic() + timeout
        while self.running:
            left = deadline - time.monotonic()
            if left <= 0:
                raise WorkerDied(f"worker {self.running[0]} did not end within {timeout:g} s after its work was done")
            for event in self.watch(left):
                if isinstance(event, Said):
                    said.append(event)
                elif not event.well:
                    raise event.error()
        return said

    def close(self) -> None:
        """End all workers and give everything back. Twice is no error."""
        members, self._members = self._members, []
        alive = [member.process for member in members if member.started and member.process.exitcode is None]
        for how in ("terminate", "kill"):
            for process in alive:
                getattr(process, how)()
            deadline = time.monotonic() + _GRACE
            for process in alive:
                process.join(max(0.0, deadline - time.monotonic()))
            alive = [process for process in alive if process.exitcode is None]
        for member in members:
            member.pipe.close()  # whoever is still there, for want of a server that tells of its end, ends by this
            os.close(member.stack)
            if member.started and member.process.exitcode is not None:
                member.process.close()

    def _start(self, index: int) -> None:
        ours, theirs = self._context.Pipe()
        stack = -1
        try:
            stack = os.memfd_create("ampsim-stack", os.MFD_CLOEXEC)
            arguments = (
                self._entry,
                index,
                len(self._configs),
                self._configs[index],
                self._mesh.ticket(index) if self._mesh is not None else None,
                self._arrays.ticket() if self._arrays is not None else None,
                self._spin,
                Descriptor(stack),
                theirs,
            )
            process = self._context.Process(
                target=worker_side.main, args=arguments, name=f"ampsim-{index}", daemon=True
            )
            member = _Member(process, ours, stack)
            self._members.append(member)
            start(process)
            member.started = True
        finally:
            theirs.close()  # as long as we hold it, the worker's death would not close the pipe
        for waitable in (process.sentinel, ours.fileno()):
            self._poll.register(waitable, select.POLLIN)
            self._where[waitable] = member

    def _collect(self, timeout: float | None) -> list[Event]:
        deaf = [member for member in self._members if member.silent and not member.ended]
        if deaf:
            timeout = min(_GRACE, _GRACE if timeout is None else timeout)
        ready = {fd for fd, _ in self._poll.poll(None if timeout is None else timeout * 1000)}
        events: list[Event] = []
        for index, member in enumerate(self._members):
            if member.ended:
                continue
            if not member.silent and member.pipe.fileno() in ready:
                self._listen(index, member, events)
            if member.process.sentinel in ready:
                self._bury(index, member, events)
            elif member.silent and time.monotonic() > member.silent + _GRACE:
                member.process.kill()  # it has given its pipe up, and hangs
        return events

    def _listen(self, index: int, member: _Member, events: list[Event]) -> None:
        """Take everything out of a control pipe."""
        try:
            while member.pipe.poll():
                message = member.pipe.recv_bytes()
                if message[:1] == worker_side.SAID:
                    events.append(Said(index, message[1:]))
                else:
                    member.failure = msgspec.msgpack.decode(message[1:], type=Failure)
        except (EOFError, OSError):
            self._poll.unregister(member.pipe.fileno())
            member.silent = time.monotonic()

    def _bury(self, index: int, member: _Member, events: list[Event]) -> None:
        """A worker has ended: what it still said, and then its end."""
        if not member.silent:
            self._listen(index, member, events)
        self._poll.unregister(member.process.sentinel)
        member.process.join(_GRACE)  # a spawned process closes its sentinel a moment before it has an exit code
        if not member.silent:
            self._poll.unregister(member.pipe.fileno())
        member.ended = True
        stack, _, _ = os.pread(member.stack, _STACK, 0).decode("utf-8", "replace").partition(_OURS)
        events.append(Ended(index, member.process.pid, member.process.exitcode, member.failure, stack.rstrip()))
