"""`python -m benchmarks.stages`: what each step of an answered call costs, timed in one process, without a socket.

Decided here: where one stage ends and the next begins. The first table times each stage by itself, the second the whole
way from a request's bytes to an answer's bytes, with one thing more in each row. Code that runs alone finds its data in
the processor's caches: in a server the same stages cost about twice as much, in about the same proportions.
"""

import argparse
import asyncio
import logging
import os
import time
from collections.abc import Awaitable, Callable, Coroutine
from itertools import count
from statistics import median
from tempfile import TemporaryFile
from typing import Any

import uvicorn
import uvloop
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from benchmarks import bare, figures
from benchmarks.http import BODY, PATH, SECRET, SETTINGS
from session_service import logs
from session_service.agora.identifiers import Project
from session_service.app import RULES, Service, World, build
from session_service.http import connection, wire
from session_service.http.auth import Auth, Callers, Throttle, key
from session_service.sessions.admission import Admission
from session_service.sessions.model import Clocks, Limits, Offer, Opened, Reason
from session_service.sessions.policy import decide
from session_service.sessions.store.contract import Row
from session_service.sessions.store.memory import MemoryStore
from session_service.settings import Layer, Sources, Times, load
from tests.transports import usual
from tests.virtual_time import NOW

CALLS, AT_ONCE = 2000, 50
MANY = 10**9

REQUEST = (
    f"POST {PATH} HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nContent-Type: application/json\r\n"
    f"X-Cekura-Secret: {SECRET}\r\nContent-Length: {len(BODY)}\r\n\r\n{BODY}"
).encode()
HEADERS = [
    (b"host", b"127.0.0.1:8080"),
    (b"content-type", b"application/json"),
    (b"x-cekura-secret", SECRET.encode()),
    (b"content-length", b"%d" % len(BODY)),
]
SCOPE: dict[str, Any] = {"method": "POST", "path": PATH, "headers": HEADERS, "client": ("127.0.0.1", 50000)}

Step = Callable[[], object]


def microseconds(step: Step, rounds: int) -> list[float]:
    """What one call of `step` takes, once per round."""
    found = []
    for _ in range(rounds):
        began = time.process_time()
        for _ in range(CALLS):
            step()
        found.append((time.process_time() - began) / CALLS * 1e6)
    return found


def _at_once(step: Coroutine[Any, Any, object]) -> None:
    """Run a step that waits for nothing: the store in memory has no other."""
    try:
        step.send(None)
    except StopIteration:
        return
    raise RuntimeError("the step waits for something")


def stages() -> list[tuple[str, Step]]:
    """The stages of an answered call, in the order in which it passes them."""
    transport = usual(Project(SETTINGS["AGORA_APP_ID"], SETTINGS["AGORA_APP_CERTIFICATE"]))
    entropy, session_id = os.urandom(transport.ENTROPY), os.urandom(16).hex()
    limits = Limits(MANY, MANY)
    offer = Offer("default", SETTINGS["SESSION_CLIENT_ID"], transport, None, limits, 7.0, Clocks(3600.0))
    opened = [Opened(offer, "default")]
    auth = Auth("X-Cekura-Secret", [key(SECRET.encode(), opened[0])], Callers((), ()), Throttle(120, time.monotonic))
    store, numbers = MemoryStore("0a1b2c3d"), count()
    admission = Admission(store, limits, lambda: 0)
    request = wire.from_body("application/json", BODY.encode())
    details, _ = transport.join(session_id, NOW, entropy)

    def admitted() -> None:
        name = str(next(numbers))
        row = Row(name, "default", "agora", "cekura-" + name, "none", 1, NOW, NOW)
        _at_once(admission.admit(row, limits))
        _at_once(store.accepted(name, None))
        _at_once(store.ended(name, Reason.SHUTDOWN, NOW, None))

    return [
        ("auth: the secret's header", lambda: auth.opened(SCOPE)),
        ("wire: the body", lambda: wire.from_body("application/json", BODY.encode())),
        ("policy", lambda: decide(request, opened)),
        ("entropy", lambda: os.urandom(16 + transport.ENTROPY)),
        ("admission: taken and given back", admitted),
        ("transport: the tester's token", lambda: transport.join(session_id, NOW, entropy)),
        ("transport: the agent's token", lambda: transport.seat(details.agora_channel, NOW, entropy)),
        ("wire: the answer", lambda: wire.join_details(details)),
    ]


class Wire(asyncio.Transport):
    """The other end of all connections: counts answers by their heads, and tells when the last of them has come."""

    def __init__(self) -> None:
        super().__init__()
        self._left = 0
        self.done = asyncio.Event()

    def expect(self, answers: int) -> None:
        """Count anew."""
        self._left = answers
        self.done.clear()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Take what is written; a body comes with its head, or in the same turn."""
        if bytes(data[:5]) == b"HTTP/":
            self._left -= 1
            if self._left == 0:
                self.done.set()

    def is_closing(self) -> bool:
        """Never."""
        return False

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Addresses, as a socket of loopback would give them."""
        return ("127.0.0.1", 50000) if name in ("peername", "sockname") else default

    def pause_reading(self) -> None:
        """Nothing to hold back."""

    def resume_reading(self) -> None:
        """Nothing was held back."""


App = Callable[..., Awaitable[None]]


async def whole(app: App, protocol: type[HttpToolsProtocol], request: bytes) -> float:
    """Microseconds from a call's bytes to its answer's bytes, with AT_ONCE connections that ask again and again."""
    config = uvicorn.Config(
        app, http=protocol, ws="none", lifespan="off", log_config=None, access_log=False, proxy_headers=False
    )
    config.load()
    state = ServerState()
    state.default_headers = [(b"date", b"Thu, 01 Jan 1970 00:00:00 GMT")]
    connections = [protocol(config=config, server_state=state, app_state={}) for _ in range(AT_ONCE)]
    other = Wire()
    for each in connections:
        each.connection_made(other)
    began = time.process_time()
    for _ in range(CALLS // AT_ONCE):
        other.expect(AT_ONCE)
        for each in connections:
            each.data_received(request)
        await other.done.wait()
        await asyncio.sleep(0)
    return (time.process_time() - began) / CALLS * 1e6


def service(launcher: str) -> Service:
    """The whole service, as `serve` builds it."""
    values = SETTINGS | {"SESSION_LAUNCHER": launcher, "SESSION_PYTHON_CALLABLE": "benchmarks.agent:run"}
    found = load(Sources(Layer("environment", values)), RULES).settings
    return build(found, World(time.time, time.monotonic, os.urandom, {}))


def _protocol(app: Service) -> type[HttpToolsProtocol]:
    return connection.protocol(app.request_ids, Times(first_byte=5, receipt=10, drain=0))


Way = tuple[str, App, type[HttpToolsProtocol], bytes, int]


def ways() -> list[Way]:
    """From a bare answer to a whole session: name, application, protocol, call, and the level that is logged."""
    plain, none, python = type("Plain", (HttpToolsProtocol,), {}), service("none"), service("python")
    wrong = REQUEST.replace(SECRET.encode(), SECRET[::-1].encode())
    return [
        ("uvicorn: a bare answer", bare.app, plain, REQUEST, logging.ERROR),
        ("+ our caps, and one write per answer", bare.app, _protocol(none), REQUEST, logging.ERROR),
        ("a wrong secret, without its log line", none, _protocol(none), wrong, logging.ERROR),
        ("a wrong secret", none, _protocol(none), wrong, logging.INFO),
        ("launcher none, without its log line", none, _protocol(none), REQUEST, logging.ERROR),
        ("launcher none", none, _protocol(none), REQUEST, logging.INFO),
        ("launcher python, without its log lines", python, _protocol(python), REQUEST, logging.ERROR),
        ("launcher python", python, _protocol(python), REQUEST, logging.INFO),
    ]


def _whole_ways(count: int) -> list[list[str]]:
    measured = ways()
    found: list[list[float]] = [[] for _ in measured]
    for _ in range(count):
        for (_, app, protocol, request, level), results in zip(measured, found, strict=True):
            logging.getLogger("session_service").setLevel(level)
            results.append(uvloop.run(whole(app, protocol, request)))
    least = median(found[0])
    rows = zip(measured, found, strict=True)
    return [[way[0], figures.spread(each, "{:.1f}"), f"{median(each) / least:.1f}"] for way, each in rows]


def main() -> None:
    """Measure and print both tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.stages", description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=9, help="times that everything is measured (9)")
    options = parser.parse_args()
    each = [[name, figures.spread(microseconds(step, options.rounds), "{:.2f}")] for name, step in stages()]
    print(figures.table(["stage, by itself", "CPU us/call"], each), end="\n\n")
    with TemporaryFile("w") as log:
        logs.configure("json", [SECRET], stream=log)
        print(figures.table(["the whole way", "CPU us/call", "of bare"], _whole_ways(options.rounds)))


if __name__ == "__main__":
    main()
