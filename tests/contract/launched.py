"""A service around a launcher of the test's own, which no setting could choose."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from session_service.agents.contract import Launcher
from session_service.agora import notifications
from session_service.agora.identifiers import Project
from session_service.app import Service
from session_service.errors import TooManyReports
from session_service.http import probes, reports
from session_service.http.auth import Auth, Callers, Failures, Throttle, key
from session_service.http.hooks import Hook
from session_service.http.reports import Reports
from session_service.http.routes import RequestIds, SessionEndpoint
from session_service.sessions.admission import Admission
from session_service.sessions.lifecycle import Sessions
from session_service.sessions.model import Clocks, Limits, Offer, Opened, Reason
from session_service.sessions.news import News
from session_service.sessions.store.contract import Record
from session_service.sessions.store.memory import MemoryStore
from tests.contract.given import APP_ID, CERTIFICATE, CLIENT_ID, PATH, SECRET, CountedEntropy
from tests.contract.in_process import InProcess
from tests.transports import usual
from tests.virtual_time import clock

TRANSPORT = usual(Project(APP_ID, CERTIFICATE))
BUDGET = 7.0
WEBHOOK_SECRET = b"sentinel-webhook-secret"
STRANGERS_SECRET = b"another-project-s-secret"
CLOCKS = Clocks(3600.0, join_deadline=60.0, idle_timeout=30.0, evidence=True)


@dataclass
class Launched:
    """The endpoint that a test calls, and the sessions behind it."""

    launcher: Launcher
    limits: Limits = field(default_factory=lambda: Limits(50, 10))
    store: MemoryStore = field(default_factory=lambda: MemoryStore("0a1b2c3d"))
    clocks: Clocks = field(default_factory=lambda: Clocks(3600.0))
    stop_at_shutdown: bool = True
    hooks: list[Hook] = field(init=False)
    sessions: Sessions = field(init=False)
    endpoint: InProcess = field(init=False)

    def __post_init__(self) -> None:
        admission = Admission(self.store, self.limits, lambda: 5)
        self.sessions = Sessions(self.store, admission, clock, CountedEntropy())
        report_url = reports.url("http://127.0.0.1:8080")
        offer = Offer(
            "acme",
            CLIENT_ID,
            TRANSPORT,
            self.launcher,
            self.limits,
            BUDGET,
            self.clocks,
            self.stop_at_shutdown,
            report_url=report_url,
        )
        throttle = Throttle(9, float)
        auth = Auth("X-Cekura-Secret", [key(SECRET.encode(), Opened(offer, "blue"))], Callers((), ()), throttle)
        request_ids = RequestIds("0a1b2c")
        endpoint = SessionEndpoint(auth, self.sessions, ("POST", "GET"), request_ids)
        failures = Failures(Callers((), ()), throttle)
        secrets = {WEBHOOK_SECRET: {"acme"}, STRANGERS_SECRET: {"globex"}}
        news = News(self.sessions, clock)
        self.hooks = [
            Hook(product, secrets, news, failures, request_ids)
            for product in (notifications.RTC, notifications.CONVOAI)
        ]
        routes = [hook.route() for hook in self.hooks]
        routes.append(Reports(self.sessions, failures, Throttle(60, float, TooManyReports), clock, request_ids).route())
        rest = probes.build(self.sessions, request_ids, self._life, routes)
        self.endpoint = InProcess(Service(endpoint, PATH, rest, request_ids, self.sessions))

    @asynccontextmanager
    async def _life(self) -> AsyncIterator[None]:
        yield
        await self.sessions.close()

    def reason(self) -> Reason | None:
        """Why the newest session ended; None while it has not."""
        (record, *_) = asyncio.run(self.store.recent(1))
        return record.status.reason

    def counted(self) -> dict[str, int]:
        """What became of RTC notifications, by outcome."""
        return {outcome: count for (_, outcome), count in self.hooks[0].counts.items()}

    def live(self) -> tuple[Record, ...]:
        """The sessions that take a slot."""
        return tuple(asyncio.run(self.store.live()))
