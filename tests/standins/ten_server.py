"""A stand-in for a TEN agents server, with the shapes and the traps of its source (ai_agents/server).

Errors are HTTP 200, and carry the status that was meant under `data`. A list begins with as many nulls as it has
workers. A worker that is not pinged within its timeout is ended, and a request's timeout counts only if it is positive.
What that server lets pass and should not (unknown fields, a missing graph name) is refused here.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.standins.faults import Act, Fault
from tests.standins.playing import Playing

MESSAGES = {
    "0": "success",
    "10000": "params invalid",
    "10001": "workers limit",
    "10002": "channel not existed",
    "10003": "channel existed",
    "10004": "channel empty",
    "10100": "process property json failed",
    "10101": "start worker failed",
    "10102": "stop worker failed",
}
MEANT = {"10001": 429, "10100": 500, "10101": 500, "10102": 500}
DEFAULT_TIMEOUT = 60
_UID = range(1, 2**32)


@dataclass
class Worker:
    """One agent. `pinged` is an instant of the server's clock."""

    body: Mapping[str, Any]
    timeout: int
    pinged: float


@dataclass
class TenServer(Playing):
    """Workers by channel; at most `most`, of graphs that it knows. Time stands still until the test moves `now`."""

    most: int = 20
    graphs: frozenset[str] = frozenset({"voice_assistant"})
    now: float = 0.0
    workers: dict[str, Worker] = field(default_factory=dict)
    codes: list[str] = field(default_factory=list)

    def app(self) -> Starlette:
        """The server as an application."""
        return Starlette(
            routes=[
                Route("/start", self._route("start", self._start), methods=["POST"]),
                Route("/stop", self._route("stop", self._stop), methods=["POST"]),
                Route("/ping", self._route("ping", self._ping), methods=["POST"]),
                Route("/list", self._route("list", self._list), methods=["GET"]),
            ]
        )

    def _route(self, call: str, handle: Callable[[Mapping[str, Any]], str]) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            content = await request.body()

            async def act() -> Response:
                self._sweep()
                code = handle(_body(content))
                self.codes.append(code)
                return coded(code, self._listed() if call == "list" else None)

            return await self.answer(call, act)

        return endpoint

    def _sweep(self) -> None:
        """End the workers that nobody pinged in time."""
        for channel, worker in list(self.workers.items()):
            if worker.timeout != -1 and worker.pinged + worker.timeout < self.now:
                del self.workers[channel]

    def _start(self, body: Mapping[str, Any]) -> str:
        if not _is_start(body):
            return "10000"
        channel = body["channel_name"]
        if not channel.strip():
            return "10004"
        if len(self.workers) >= self.most:
            return "10001"
        if channel in self.workers:
            return "10003"
        if body["graph_name"] not in self.graphs:
            return "10100"
        timeout = body["timeout"] if body["timeout"] > 0 else DEFAULT_TIMEOUT
        self.workers[channel] = Worker(body, timeout, self.now)
        return "0"

    def _stop(self, body: Mapping[str, Any]) -> str:
        if body.keys() != {"request_id", "channel_name"}:
            return "10000"
        return "10002" if self.workers.pop(body["channel_name"], None) is None else "0"

    def _ping(self, body: Mapping[str, Any]) -> str:
        worker = self.workers.get(body.get("channel_name", ""))
        if worker is None:
            return "10002"
        worker.pinged = self.now
        return "0"

    def _list(self, body: Mapping[str, Any]) -> str:
        return "0"

    def _listed(self) -> list[object]:
        workers: list[object] = [{"channelName": channel, "createTs": 1_795_000_000} for channel in self.workers]
        return [*[None] * len(workers), *workers]


def _body(content: bytes) -> Mapping[str, Any]:
    body = orjson.loads(content or b"{}")
    return body if isinstance(body, dict) else {}


def _is_start(body: Mapping[str, Any]) -> bool:
    shape = {"request_id": str, "channel_name": str, "user_uid": int, "bot_uid": int, "token": str, "graph_name": str}
    if body.keys() != {*shape, "properties", "timeout"} or not all(type(body[key]) is shape[key] for key in shape):
        return False
    properties = body["properties"]
    nested = isinstance(properties, dict) and all(isinstance(one, dict) for one in properties.values())
    return nested and type(body["timeout"]) is int and body["user_uid"] in _UID and body["bot_uid"] in _UID


def coded(code: str, data: object = None, status: int = 200) -> Response:
    """An answer in the server's own form."""
    meant = data if code == "0" else MEANT.get(code, 400)
    content = {"code": code, "data": meant, "msg": MESSAGES[code]}
    return Response(orjson.dumps(content), status, media_type="application/json; charset=utf-8")


def fails(code: str, status: int = 200) -> Fault:
    """Nothing is done; the answer is an error of the server's own form."""

    async def play(act: Act) -> Response:
        return coded(code, status=status)

    return play
