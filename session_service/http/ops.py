"""The operator's port: probes, metrics, sessions and their ends, events.

Decided here: what an operator is shown of a session, and what stopping one answers. No answer holds a secret: rows have
none, and the journal's events are redacted. `app` builds it, `server` serves it on a port of its own beside the calls,
and `gate` stands in front of it. Called by `session-service sessions`, by Prometheus and by people.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from session_service import logs
from session_service.errors import NoSuchPath, Stranded, UnknownSession
from session_service.http import probes
from session_service.http.events import Events, as_json
from session_service.http.gate import Gate
from session_service.http.hooks import Hook
from session_service.http.replies import OK, RequestIds, handlers, reply
from session_service.http.reports import Reports
from session_service.journal import Journal
from session_service.metrics import CONTENT_TYPE, Lag, Metrics, Now
from session_service.sessions.lifecycle import Sessions
from session_service.sessions.store.contract import Record, State, Store
from session_service.settings import Ops

ENDED_SHOWN = 100
"""Sessions that have ended, beside all that live."""
PATIENCE = 8.0
"""Seconds that stopping waits for the agent's end: a process that ignores its signal is gone in five."""
_INSTANTS = ("created_at", "ends_at", "joined_at", "left_at", "ended_at")
_HIDDEN = frozenset({"report_hash", "ref"})


class OpsPort:
    """The application, and what it listens to while the service lives."""

    def __init__(
        self,
        ops: Ops,
        sessions: Sessions,
        store: Store,
        *,
        journal: Journal,
        metrics: Metrics,
        heard: Sequence[Hook | Reports],
        request_ids: RequestIds,
    ) -> None:
        self._sessions = sessions
        self._store = store
        self._journal = journal
        self._metrics = metrics
        self._heard = heard
        self._request_ids = request_ids
        self.app = Gate(self._routed(), ops, request_ids)

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Take in every event of this process, until the last one; whoever listens to them is let go then."""
        with logs.told_to(self._journal.keep, self._metrics.count), Lag(self._metrics.late):
            yield
        self._journal.close()

    def _routed(self) -> Starlette:
        routes = [
            *probes.routes(self._sessions, self._request_ids),
            _get("/metrics", self._tell_metrics),
            _get("/events", Events(self._journal, self._request_ids).answer),
            _get("/sessions", self._list),
            Route("/sessions/{session_id}", self._one, methods=["GET", "DELETE"]),
        ]
        app = Starlette(routes=routes, exception_handlers=handlers(self._request_ids, NoSuchPath))
        app.router.redirect_slashes = False
        return app

    async def _tell_metrics(self, request: Request) -> Response:
        states = Counter(record.status.state.value for record in await self._store.live())
        now = Now(
            {state.value: states[state.value] for state in State if state is not State.ENDED},
            self._sessions.admissions,
            notifications=self._counted(Hook),
            reports=self._counted(Reports),
        )
        text = self._metrics.text(now)
        return Response(text, headers={"Cache-Control": "no-store", "Content-Type": CONTENT_TYPE})

    def _counted(self, kind: type[Hook | Reports]) -> Mapping[tuple[str, str], int]:
        """What became of all that this kind has heard."""
        return sum((one.counts for one in self._heard if isinstance(one, kind)), Counter())

    async def _list(self, request: Request) -> Response:
        live = await self._store.live()
        ended = [one for one in await self._store.recent(ENDED_SHOWN + len(live)) if one.status.state is State.ENDED]
        return self._json(200, {"sessions": [self._told(record) for record in (*reversed(live), *ended[:ENDED_SHOWN])]})

    async def _one(self, request: Request) -> Response:
        record = await self._store.get(request.path_params["session_id"])
        if record is None:
            raise UnknownSession
        if request.method != "DELETE":
            return self._show(record)
        return await self._stop(record, agent_is_gone=request.query_params.get("agent") == "gone")

    def _show(self, record: Record) -> Response:
        found = self._journal.about(record.row.session_id)
        timeline = [as_json(event) for event in found.events]
        agent = orjson.loads(record.status.ref or "{}")
        return self._json(200, {**self._told(record), "agent": agent, "timeline": timeline, "complete": not found.gap})

    def _told(self, record: Record) -> dict[str, object]:
        """A session, and where nobody here can end its agent, why, and what to do."""
        return {**_shown(record), "stranded": self._sessions.stranded.get(record.row.session_id)}

    async def _stop(self, record: Record, *, agent_is_gone: bool) -> Response:
        """204 when its agent is gone, by our doing or by the operator's word; 202 while that takes its time."""
        session_id = record.row.session_id
        if not (agent_is_gone and await self._sessions.write_off(session_id)):
            if session_id in self._sessions.stranded:
                raise Stranded
            try:
                async with asyncio.timeout(PATIENCE):
                    await self._sessions.stop(session_id)
            except TimeoutError:
                return reply(202, OK, self._request_ids())
        return Response(status_code=204, headers={"Cache-Control": "no-store", "X-Request-Id": self._request_ids()})

    def _json(self, status: int, value: object) -> Response:
        return reply(status, orjson.dumps(value, default=str), self._request_ids())


def _get(path: str, endpoint: Any) -> Route:
    """A route for GET alone: HEAD of an endless answer would never end."""
    route = Route(path, endpoint, methods=["GET"])
    route.methods = {"GET"}
    return route


def _shown(record: Record) -> dict[str, object]:
    """A session as JSON, with instants as in the log."""
    found: dict[str, Any] = {**asdict(record.row), **asdict(record.status)}
    for name in _INSTANTS:
        found[name] = None if found[name] is None else datetime.fromtimestamp(found[name], UTC)
    return {name: value for name, value in found.items() if name not in _HIDDEN}
