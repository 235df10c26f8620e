"""What an agent reports of its session, and the fresh token that it may ask for.

Decided here: who may report (the bearer of the session's own token, which we know only as a hash), what a report looks
like (docs/agents.md), and that the answer is out before anything is stopped. `app` builds the route.
"""

import hmac
import logging
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import orjson
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from session_service.errors import BadReportToken, MalformedReport, ServiceError, SessionOver
from session_service.http import bodies
from session_service.http.auth import Failures, Scope, Throttle, header_values
from session_service.http.replies import OK, RequestIds, reply
from session_service.sessions.lifecycle import Sessions
from session_service.sessions.minting import token_hash
from session_service.sessions.store.contract import State

PATH = "/agent/v1/sessions/{session_id}/events"
MAX_BODY = 1024
PER_MINUTE = 60
"""Reports of one session. An agent has a handful to make in a whole call."""

_CODE = re.compile(r"[a-z][a-z0-9_.-]{0,31}")
_NOBODYS = token_hash("")

_log = logging.getLogger("session_service.http")


@dataclass(frozen=True, slots=True)
class Report:
    """One report. `lost` belongs to `left`, `code` to `failed`."""

    event: Literal["joined", "left", "failed", "renew"]
    lost: bool = False
    code: str | None = None


def url(base: str) -> Callable[[str], str]:
    """Where the agent of a session reports, below `base`."""
    return lambda session_id: base + PATH.format(session_id=session_id)


def parse(body: bytes) -> Report:
    """Return the report; MalformedReport for anything but an object with exactly the keys of its event."""
    try:
        value: Any = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise MalformedReport("the body is not JSON") from None
    match value:
        case {"event": "joined" | "left" | "failed" | "renew" as event, **rest} if not rest:
            return Report(event)
        case {"event": "left", "lost": bool(lost), **rest} if not rest:
            return Report("left", lost=lost)
        case {"event": "failed", "code": str(code), **rest} if not rest and _CODE.fullmatch(code):
            return Report("failed", code=code)
    raise MalformedReport("the body is none of the events")


class Reports:
    """The path of every session's agent. `clock` gives Unix seconds.

    `counts` says what became of reports, by event and outcome; of one that was refused, the outcome is the code, and
    the event is empty: nobody vouches for what it says.
    """

    def __init__(
        self,
        sessions: Sessions,
        failures: Failures,
        throttle: Throttle,
        clock: Callable[[], float],
        request_ids: RequestIds,
    ) -> None:
        self._sessions = sessions
        self._failures = failures
        self._throttle = throttle
        self._clock = clock
        self._request_ids = request_ids
        self.counts: Counter[tuple[str, str]] = Counter()

    def route(self) -> Route:
        """Where agents find it."""
        return Route(PATH, self._answer, methods=["POST"])

    async def _answer(self, request: Request) -> Response:
        session_id: str = request.path_params["session_id"]
        request_id = self._request_ids()
        try:
            report = await self._take(request, session_id)
            if report.event == "renew":
                return reply(200, self._renewed(session_id), request_id)
        except ServiceError as error:
            self.counts["", error.code] += 1
            values = {"event": "report.refused", "request_id": request_id, "code": error.code, "why": error.log_text}
            _log.warning("report refused", extra=values)
            raise
        if report.event == "left" and not report.lost:
            await self._sessions.note_left(session_id)
        return reply(200, OK, request_id, BackgroundTask(self._tell, session_id, report))

    async def _take(self, request: Request, session_id: str) -> Report:
        """The report of a session that lives, by its own agent."""
        state = await self._state(dict(request.scope), session_id)
        self._throttle.count(session_id)
        declared = request.headers.get("content-length", "").encode("latin-1")
        report = parse(await bodies.whole(declared, request.receive, MAX_BODY))
        if state in (State.ENDING, State.ENDED):
            raise SessionOver
        return report

    async def _state(self, scope: Scope, session_id: str) -> State:
        """How far the session has come that this token belongs to; one that never was has nobody's token."""
        record = await self._sessions.record(session_id)
        kept = (record and record.row.report_hash) or _NOBODYS
        right = hmac.compare_digest(token_hash(_bearer(scope)), kept)
        if record is None or record.row.report_hash is None or not right:
            self._failures.count(scope)
            raise BadReportToken
        return record.status.state

    def _renewed(self, session_id: str) -> bytes:
        fresh = self._sessions.renew(session_id)
        self.counts["renew", "ok"] += 1
        _log.info("agent's token renewed", extra={"event": "agent.token_renewed", "session": session_id})
        return orjson.dumps({"agora_token": fresh.token, "expires_at": fresh.expires_at})

    async def _tell(self, session_id: str, report: Report) -> None:
        """Nobody waits for this any more: what fails is for the log."""
        try:
            await self._apply(session_id, report)
            self.counts[report.event, "ok"] += 1
        except ServiceError as error:
            self.counts[report.event, "failed"] += 1
            values = {"event": "report.failed", "session": session_id, "why": str(error)}
            _log.error("report not recorded", extra=values)

    async def _apply(self, session_id: str, report: Report) -> None:
        now = self._clock()
        if report.event == "joined":
            await self._sessions.tester_joined(session_id, now)
        elif report.event == "left":
            await self._sessions.tester_left(session_id, now, for_good=not report.lost)
        else:
            values = {"event": "agent.reported_failure", "session": session_id, "code": report.code}
            _log.warning("the agent reports that it failed", extra=values)
            self._sessions.agent_failed(session_id)


def _bearer(scope: Scope) -> str:
    """The token of an Authorization header that is there once (RFC 6750, 2.1); empty otherwise."""
    sent = header_values(scope, b"authorization")
    scheme, _, token = sent[0].decode("latin-1").partition(" ") if len(sent) == 1 else ("", "", "")
    return token.strip() if scheme.lower() == "bearer" else ""
