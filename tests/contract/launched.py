"""A service around a launcher of the test's own, which no setting could choose."""

import asyncio
from contextlib import nullcontext
from dataclasses import dataclass, field

from session_service.agents.contract import Launcher
from session_service.agora.identifiers import Project
from session_service.agora.transport import AgoraTransport
from session_service.app import Service
from session_service.http import probes
from session_service.http.auth import Auth, Callers, Throttle, key
from session_service.http.routes import RequestIds, SessionEndpoint
from session_service.sessions.admission import Admission
from session_service.sessions.lifecycle import Sessions
from session_service.sessions.model import Clocks, Limits, Offer, Opened
from session_service.sessions.store.contract import Record
from session_service.sessions.store.memory import MemoryStore
from tests.contract.given import APP_ID, CERTIFICATE, CLIENT_ID, NOW, PATH, SECRET, CountedEntropy
from tests.contract.in_process import InProcess

TRANSPORT = AgoraTransport(
    Project(APP_ID, CERTIFICATE),
    prefix="cekura-",
    join_uid=1,
    agent_uid=None,
    lifetime=3900,
    token_version="007",
    encryption=None,
    master_key=None,
)
BUDGET = 7.0


@dataclass
class Launched:
    """The endpoint that a test calls, and the sessions behind it."""

    launcher: Launcher
    limits: Limits = field(default_factory=lambda: Limits(50, 10))
    store: MemoryStore = field(default_factory=lambda: MemoryStore("0a1b2c3d"))
    sessions: Sessions = field(init=False)
    endpoint: InProcess = field(init=False)

    def __post_init__(self) -> None:
        admission = Admission(self.store, self.limits, lambda: 5)
        self.sessions = Sessions(self.store, admission, lambda: NOW, CountedEntropy())
        offer = Offer("acme", CLIENT_ID, TRANSPORT, self.launcher, self.limits, BUDGET, Clocks(3600.0))
        auth = Auth(
            "X-Cekura-Secret", [key(SECRET.encode(), Opened(offer, "blue"))], Callers((), ()), Throttle(9, float)
        )
        request_ids = RequestIds("0a1b2c")
        endpoint = SessionEndpoint(auth, self.sessions, ("POST", "GET"), request_ids)
        rest = probes.build(self.sessions, request_ids, nullcontext)
        self.endpoint = InProcess(Service(endpoint, PATH, rest, request_ids, self.sessions.drain))

    def live(self) -> tuple[Record, ...]:
        """The sessions that take a slot."""
        return tuple(asyncio.run(self.store.live()))
