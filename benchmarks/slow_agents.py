"""An agent server that takes 200 ms to accept an agent: `python -m benchmarks.slow_agents PORT`, for `starts`.

It is as cheap as Python lets it be, so that it is not what is measured. GET /told tells what it did since it was last
asked: how many agents it accepted, how many different ones, and how long that really took, in seconds (median).
"""

import asyncio
import gc
import json
import re
import sys
import time
from collections.abc import Callable
from statistics import median
from typing import cast

import uvloop

TAKES = 0.2

_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_SESSION = re.compile(rb'"session_id": ?"([^"]+)"')
_ACCEPTED = (
    b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: 20\r\n\r\n" + b'{"status":"running"}'
)
_GONE = b"HTTP/1.1 204 No Content\r\n\r\n"


class Told:
    """What was done since it was last asked for."""

    def __init__(self) -> None:
        self._names: list[bytes] = []
        self._took: list[float] = []

    def add(self, name: bytes, took: float) -> None:
        """One agent more."""
        self._names.append(name)
        self._took.append(took)

    def answer(self) -> bytes:
        """An HTTP answer; what it says is forgotten."""
        took = median(self._took) if self._took else 0.0
        told = {"accepted": len(self._names), "different": len(set(self._names)), "took": took}
        body = json.dumps(told).encode()
        self._names, self._took = [], []
        return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


class Connection(asyncio.Protocol):
    """One request at a time, answered in turn."""

    def __init__(self, told: Told) -> None:
        self._told = told
        self._heard = b""
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep where to answer."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's own is none of asyncio's classes

    def data_received(self, data: bytes) -> None:
        """Act once a request is there as a whole."""
        self._heard += data
        head, end, body = self._heard.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if end and len(body) >= (int(length[1]) if length else 0):
            self._heard = b""
            self._act(head.split(b" ", 2)[:2], body)

    def _act(self, asked: list[bytes], body: bytes) -> None:
        if asked[0] == b"POST":
            loop = asyncio.get_running_loop()
            loop.call_later(TAKES, self._accept, body, time.perf_counter())
        else:
            self._transport.write(self._told.answer() if asked == [b"GET", b"/told"] else _GONE)

    def _accept(self, body: bytes, began: float) -> None:
        name = _SESSION.search(body)
        self._transport.write(_ACCEPTED)
        self._told.add(name[1] if name else b"", time.perf_counter() - began)


async def serve(port: int) -> None:
    """Until the process is told to end."""
    told = Told()
    made: Callable[[], Connection] = lambda: Connection(told)  # noqa: E731 - a name for its type
    server = await asyncio.get_running_loop().create_server(made, "127.0.0.1", port, backlog=1024)
    await server.serve_forever()


if __name__ == "__main__":
    gc.disable()  # it makes no cycles, and is not what is measured
    uvloop.run(serve(int(sys.argv[1])))
