"""Calls that come at a fixed rate, whether or not earlier ones are answered, for `starts`.

Decided here: how calls are spread and what is timed: from the instant at which a call is sent until its answer is read.
Three callers: `through_the_service` writes bytes to kept connections, which costs next to nothing; the others call the
agent server with the body that a launcher would send: `directly` with the service's own client of agent servers, and
`plainly` with httpx2's as it is. Each runs as a process.
"""

import asyncio
import gc
import json
import re
import time
from collections import deque
from collections.abc import Awaitable, Callable

import httpx2
import uvloop

from benchmarks.http import BODY, PATH, SECRET
from session_service.agents import handover
from session_service.agents.contract import AgentSpec
from session_service.agents.outgoing import Outgoing, Request
from session_service.agora.transport import Seat

RATE = 400
PATIENCE = 10.0
"""Seconds after which a call that is not answered is given up, which ends the measurement."""

JSON = {"Content-Type": "application/json"}

_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)

Call = Callable[[int], Awaitable[int]]
"""Calls once, under a number, and returns the answer's status."""


async def _timed(call: Call, count: int) -> dict[str, object]:
    """Call once, and then so often at RATE: milliseconds of each call, statuses, seconds until the last was sent."""
    took: list[float] = []
    statuses: set[int] = set()

    async def once(number: int) -> None:
        began = time.perf_counter()
        statuses.add(await call(number))
        took.append((time.perf_counter() - began) * 1e3)

    statuses.add(await call(count))  # makes what is made for the first call
    began = time.perf_counter()
    async with asyncio.timeout(count / RATE + PATIENCE), asyncio.TaskGroup() as calls:
        for number in range(count):
            await asyncio.sleep(began + number / RATE - time.perf_counter())
            calls.create_task(once(number))
        lasted = time.perf_counter() - began
    return {"milliseconds": took, "statuses": sorted(statuses), "seconds": lasted}


def _service(port: int) -> Call:
    request = (
        f"POST {PATH} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
        f"X-Cekura-Secret: {SECRET}\r\nContent-Length: {len(BODY)}\r\n\r\n{BODY}"
    ).encode()
    idle: deque[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = deque()

    async def call(_: int) -> int:
        reader, writer = idle.pop() if idle else await asyncio.open_connection("127.0.0.1", port)
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = _LENGTH.search(head)
        await reader.readexactly(int(length[1]) if length else 0)
        idle.append((reader, writer))
        return int(head.split(b" ", 2)[1])

    return call


def _agent_server(port: int) -> Call:
    client = Outgoing("The agent server")

    async def call(number: int) -> int:
        request = Request("start", "POST", _url(port), JSON, content=_body(number))
        return (await client.send(request, asyncio.get_running_loop().time() + PATIENCE)).status

    return call


def _agent_server_plainly(port: int) -> Call:
    client = httpx2.AsyncClient(limits=httpx2.Limits(max_connections=None, max_keepalive_connections=100))

    async def call(number: int) -> int:
        return (await client.post(_url(port), content=_body(number), headers=JSON)).status_code

    return call


def _url(port: int) -> str:
    return f"http://127.0.0.1:{port}/agents"


def _body(number: int) -> bytes:
    name = f"direct-{time.time_ns()}-{number}"
    return handover.write(AgentSpec(name, Seat("0" * 32, f"cekura-{name}", "007" + "t" * 200, 1001, 1)))


def through_the_service(port: int, count: int) -> None:
    """Print what became of so many calls, and one before them, of the service."""
    gc.disable()  # it is not this caller that is measured
    print(json.dumps(uvloop.run(_timed(_service(port), count))))


def plainly(port: int, count: int) -> None:
    """Print what became of so many calls, and one before them, of the agent server by httpx2's client."""
    print(json.dumps(uvloop.run(_timed(_agent_server_plainly(port), count))))


def directly(port: int, count: int) -> None:
    """Print what became of so many calls, and one before them, of the agent server."""
    print(json.dumps(uvloop.run(_timed(_agent_server(port), count))))
