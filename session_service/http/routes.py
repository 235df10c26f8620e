"""The session endpoint, the probes, and the answer for everything else.

Decided here: the order in which a call is dealt with (method, secret, body, policy, session), how an error becomes an
answer, and what is logged of a call. The endpoint is a plain ASGI callable: a router and a request object would add a
quarter to what a call costs (docs/performance.md). `app` builds it; the server calls it.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Sequence
from itertools import count
from typing import Any

from session_service import logs
from session_service.errors import Draining, MethodNotAllowed, ServiceError
from session_service.http import bodies, wire
from session_service.http.auth import Auth, Scope
from session_service.http.connection import HUNG_UP
from session_service.sessions.lifecycle import Sessions
from session_service.sessions.model import Session, SessionRequest
from session_service.sessions.policy import decide
from session_service.sessions.starting import Caller

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

_log = logging.getLogger("session_service.http")


class RequestIds:
    """Unique ids for this process's answers: a random beginning and a count."""

    def __init__(self, beginning: str) -> None:
        self._beginning = beginning
        self._count: Iterator[int] = count(1)

    def __call__(self) -> str:
        return f"{self._beginning}-{next(self._count):x}"


class SessionEndpoint:
    """The contract's one path: a call in, join details or a refusal out. An ASGI application for HTTP scopes."""

    def __init__(self, auth: Auth, sessions: Sessions, methods: Sequence[str], request_ids: RequestIds) -> None:
        self._auth = auth
        self._sessions = sessions
        self._methods = tuple(methods)
        self._allow = (b"allow", ", ".join(methods).encode("ascii"))
        self._request_ids = request_ids

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one call. Every outcome, a fault of ours included, is one answer and one log line."""
        call = Call(self._request_ids(), scope, asyncio.get_running_loop().time)
        try:
            session = await self._open(call, receive)
        except ServiceError as error:
            extra = [self._allow] if isinstance(error, MethodNotAllowed) else []
            await send_refusal(send, error, call.request_id, extra)
            call.log(error.status, error.code, why=error.log_text)
        except Exception:  # noqa: BLE001 - the last resort: one fixed answer, the traceback in the log
            _log.exception("fault", extra={"event": "call.fault", "request_id": call.request_id})
            await send_refusal(send, ServiceError(), call.request_id)
            call.log(500, ServiceError.code)
        else:
            await send_json(send, 200, wire.join_details(session.details), call.request_id)
            call.log(200, "ok", session)

    async def _open(self, call: "Call", receive: Receive) -> Session:
        scope = call.scope
        if scope["method"] not in self._methods:
            raise MethodNotAllowed
        opened = self._auth.opened(scope)
        call.secret = opened[0].label
        grant = decide(await _read(scope, receive), opened)
        call.client = grant.offer.client
        call.secret = grant.label
        call.token_seconds = grant.offer.transport.lifetime
        caller = Caller(call.request_id, call.arrived, lambda: _gone(receive), scope["state"][HUNG_UP])
        return await self._sessions.open(grant, caller)


class Call:
    """What is known of one call by the time it is logged."""

    __slots__ = ("arrived", "client", "clock", "request_id", "scope", "secret", "token_seconds")

    def __init__(self, request_id: str, scope: Scope, clock: Callable[[], float]) -> None:
        self.request_id = request_id
        self.scope = scope
        self.clock = clock
        self.arrived = clock()
        self.client: str | None = None
        self.secret: str | None = None
        self.token_seconds: int | None = None

    def log(self, status: int, outcome: str, session: Session | None = None, why: str | None = None) -> None:
        """The canonical line of this call; `why` is a refusal's own reason, where it says more than its outcome."""
        took = self.clock() - self.arrived
        logs.event(
            _log,
            "call",
            {
                "event": "call",
                "request_id": self.request_id,
                "method": self.scope["method"],
                "status": status,
                "outcome": outcome,
                "why": why,
                "client": self.client,
                "secret": self.secret,
                "session": session.session_id if session else None,
                "channel": session.channel if session else None,
                "agent": session.agent.launcher if session and session.agent else None,
                "token_seconds": self.token_seconds if session else None,
                "ms": round(took * 1000, 1),
            },
        )


async def _read(scope: Scope, receive: Receive) -> SessionRequest:
    """The request, from its method's own place."""
    if scope["method"] == "GET":
        return wire.from_query(scope["query_string"])
    headers: dict[bytes, bytes] = dict(scope["headers"])
    content_type = headers.get(b"content-type")
    body = await bodies.whole(headers.get(b"content-length", b""), receive, wire.MAX_BODY)
    return wire.from_body(content_type.decode("latin-1") if content_type is not None else None, body)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def send_json(
    send: Send, status: int, body: bytes, request_id: str, extra: Sequence[tuple[bytes, bytes]] = ()
) -> None:
    """One JSON answer that nobody may keep (RFC 9111, no-store)."""
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(body)),
        (b"cache-control", b"no-store"),
        (b"x-request-id", request_id.encode("ascii")),
        *extra,
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def send_refusal(
    send: Send, error: ServiceError, request_id: str, extra: Sequence[tuple[bytes, bytes]] = ()
) -> None:
    """An error as its answer: status, stable code, public sentence, and Retry-After where a retry makes sense."""
    headers = list(extra)
    if error.retry_after is not None:
        headers.append((b"retry-after", b"%d" % error.retry_after))
    if error.status == 401:
        headers.append((b"www-authenticate", b"SharedSecret"))  # RFC 9110, 15.5.2 wants a challenge
    if isinstance(error, Draining):
        headers.append((b"connection", b"close"))  # a proxy's next call opens a new one, to another instance
    await send_json(send, error.status, wire.refusal(error, request_id), request_id, headers)
