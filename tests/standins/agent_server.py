"""A stand-in for a customer's agent server: what docs/agents.md asks of one, enforced to the letter.

It verifies every signature with the official library, and refuses what nobody documented with texts that quote the
request, so that a caller that logs them is found out.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

import orjson
from standardwebhooks.webhooks import Webhook, WebhookVerificationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from session_service.agents import handover
from session_service.agents.contract import AgentSpec
from session_service.errors import InvalidValue
from tests.standins.playing import Playing


class Refused(Exception):
    """An answer that is an error."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(status, detail)
        self.status = status
        self.detail = detail


@dataclass
class AgentServer(Playing):
    """Agents by session id, below `path`. `secret` is the one that this side knows; `lists` whether it serves lists.

    One that does not remember (`remembers`) breaks the rule that what was stopped is never started.
    """

    secret: str = field(default="", repr=False)
    path: str = "/agents"
    lists: bool = True
    remembers: bool = True
    running: dict[str, AgentSpec] = field(default_factory=dict)
    codes: dict[str, int] = field(default_factory=dict)
    stopped: set[str] = field(default_factory=set)
    seen: set[str] = field(default_factory=set)
    refused: list[Refused] = field(default_factory=list)
    signatures: list[str] = field(default_factory=list)

    def app(self) -> Starlette:
        """The server as an application."""
        one = f"{self.path}/{{session}}"
        return Starlette(
            routes=[
                Route(self.path, self._route("start", self._start), methods=["POST"]),
                Route(one, self._route("poll", self._poll), methods=["GET"]),
                Route(one, self._route("stop", self._stop), methods=["DELETE"]),
                *([Route(self.path, self._route("list", self._list), methods=["GET"])] if self.lists else []),
            ]
        )

    def exits(self, session: str, code: int) -> None:
        """The agent ends by itself."""
        del self.running[session]
        self.codes[session] = code

    def _route(
        self, verb: str, handle: Callable[[Request, bytes], tuple[int, object]]
    ) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            body = await request.body()

            async def act() -> Response:
                try:
                    self._verify(verb, request, body)
                    status, value = handle(request, body)
                except Refused as refused:
                    self.refused.append(refused)
                    status, value = refused.status, {"detail": refused.detail}
                return Response(b"" if status == 204 else orjson.dumps(value), status, media_type="application/json")

            return await self.answer(verb, act)

        return endpoint

    def _verify(self, verb: str, request: Request, body: bytes) -> None:
        """Signature and time by the library; each id once, and for this request only."""
        headers = dict(request.headers)
        if "cookie" in headers:
            raise Refused(400, f"Whoever signs needs no cookie: {headers}")
        try:
            Webhook(self.secret).verify(body, headers, json_parse=False)
        except (WebhookVerificationError, ValueError) as error:
            raise Refused(401, f"{error}: {headers}") from None
        message = headers["webhook-id"]
        if message in self.seen or not message.startswith(f"{verb}_{self._subject(request, body)}_"):
            raise Refused(401, f"{message} was seen before, or is for something else.")
        self.seen.add(message)
        self.signatures.append(headers["webhook-signature"])

    def _subject(self, request: Request, body: bytes) -> str:
        if request.method == "POST":
            return self._spec(request.headers, body).session_id
        return str(request.path_params.get("session", request.query_params.get("prefix")))

    def _spec(self, headers: Mapping[str, str], body: bytes) -> AgentSpec:
        if headers.get("content-type") != "application/json":
            raise Refused(415, "The body must be JSON.")
        try:
            return handover.read(body)
        except InvalidValue as error:
            raise Refused(400, f"{error} It is {body!r}") from None

    def _start(self, request: Request, body: bytes) -> tuple[int, object]:
        spec = self._spec(request.headers, body)
        if spec.session_id in self.stopped and self.remembers:
            raise Refused(410, f"This session was stopped before it was started: {body!r}")
        if spec.session_id in self.running:
            raise Refused(409, f"This agent runs: {body!r}")
        self.running[spec.session_id] = spec
        return 201, {"status": "running"}

    def _poll(self, request: Request, body: bytes) -> tuple[int, object]:
        session = request.path_params["session"]
        if session in self.running:
            return 200, {"status": "running"}
        if session in self.codes:
            return 200, {"status": "exited", "code": self.codes[session]}
        raise Refused(404, f"There is no agent {session}.")

    def _stop(self, request: Request, body: bytes) -> tuple[int, object]:
        session = request.path_params["session"]
        self.stopped.add(session)
        if self.running.pop(session, None) is None:
            raise Refused(404, f"There is no agent {session}.")
        return 204, None

    def _list(self, request: Request, body: bytes) -> tuple[int, object]:
        if list(request.query_params) != ["prefix"]:
            raise Refused(400, "A list takes prefix and nothing else.")
        prefix = request.query_params["prefix"]
        return 200, {"agents": [session for session in self.running if session.startswith(prefix)]}
