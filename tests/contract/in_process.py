"""The service called without a socket, on stepped time: fast, and exact in every byte that an ASGI server hands on."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from session_service.app import Service
from session_service.http.connection import HUNG_UP
from tests.contract.answers import Answer
from tests.contract.given import BODY, PATH, QUERY, RIGHT
from tests.virtual_time import SteppedLoop

Headers = Sequence[tuple[bytes, bytes]]
JSON = (b"content-type", b"application/json")


class InProcess:
    """A service on a loop of its own. Close it: that ends its sessions as a server that stops does."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._runner = asyncio.Runner(loop_factory=SteppedLoop)

    def call(
        self,
        method: str = "POST",
        path: str = PATH,
        *,
        query: bytes = b"",
        headers: Headers = (*RIGHT, JSON),
        body: bytes = BODY,
        address: str = "127.0.0.1",
        hangs_up: bool = False,
        answered: Callable[[], object] = lambda: None,
    ) -> Answer:
        """One whole request and its answer. Without arguments it is the platform's own call.

        A caller that `hangs_up` does so once its request is sent. `answered` is called when the answer is out, before
        anything that the service does after it.
        """
        scope = _scope(method, path, query, headers, address)
        return self._runner.run(_answer(self._service, scope, body, hangs_up, answered))

    def at_once(self, count: int) -> list[Answer]:
        """The platform's own call so many times at the same moment."""

        async def calls() -> list[Answer]:
            scopes = [_scope("POST", PATH, b"", RIGHT, "127.0.0.1") for _ in range(count)]
            return await asyncio.gather(*[_answer(self._service, scope, BODY) for scope in scopes])

        return self._runner.run(calls())

    def wait(self, seconds: float) -> None:
        """Let so much stepped time pass."""
        self._runner.run(asyncio.sleep(seconds))

    def time(self) -> float:
        """What the stepped clock shows, in seconds."""
        return self._runner.get_loop().time()

    def get(self, query: bytes = QUERY, *, headers: Headers = RIGHT, body: bytes = b"") -> Answer:
        """The platform's call by GET."""
        return self.call("GET", query=query, headers=headers, body=body)

    def end(self) -> None:
        """Do what the server does when it stops: the lifespan's end."""
        self._runner.run(_lifespan(self._service))

    def close(self) -> None:
        """End the sessions and the loop."""
        self.end()
        self._runner.close()


def _scope(method: str, path: str, query: bytes, headers: Headers, address: str) -> dict[str, Any]:
    return {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "path": path,
        "raw_path": path.encode(errors="replace"),
        "root_path": "",
        "scheme": "http",
        "query_string": query,
        "headers": [(b"host", b"localhost"), *headers],
        "client": (address, 50000),
        "server": ("127.0.0.1", 8080),
    }


async def _answer(
    service: Service,
    scope: dict[str, Any],
    body: bytes,
    hangs_up: bool = False,
    answered: Callable[[], object] = lambda: None,
) -> Answer:
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)
        if message["type"] == "http.response.body" and not message.get("more_body"):
            answered()

    scope["state"] = {HUNG_UP: lambda: hangs_up}
    request = {"type": "http.request", "body": body, "more_body": False}
    await service(scope, _once(request, *[{"type": "http.disconnect"}] * hangs_up), send)
    start, *rest = sent
    headers = [(name.decode("ascii").lower(), value.decode("latin-1")) for name, value in start["headers"]]
    return Answer(start["status"], tuple(headers), b"".join(part.get("body", b"") for part in rest))


def _once(*messages: dict[str, Any]) -> Callable[[], Awaitable[dict[str, Any]]]:
    """A caller who sends these and then waits for the answer for ever."""
    left = list(messages)

    async def receive() -> dict[str, Any]:
        if not left:
            await asyncio.Event().wait()
        return left.pop(0)

    return receive


async def _lifespan(service: Service) -> None:
    async def send(message: dict[str, Any]) -> None:
        assert message["type"].endswith(".complete"), message

    scope: dict[str, Any] = {"type": "lifespan", "state": {}}
    await service(scope, _once({"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}), send)
