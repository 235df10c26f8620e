"""The values of a session's life. Each is frozen and made by one function: the request by `http.wire`, the grant by
`policy`, the session by `lifecycle`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from session_service.agents.contract import AgentRef, Launcher
from session_service.agora.transport import AgoraTransport, JoinDetails
from session_service.values import value

Clock = Callable[[], float]
"""Seconds, Unix time or monotonic."""
Entropy = Callable[[int], bytes]
"""So many random bytes."""


class Reason(StrEnum):
    """Why a session ended: a closed set."""

    TESTER_LEFT = "tester_left"
    AGENT_EXITED = "agent_exited"
    JOIN_DEADLINE = "join_deadline"
    IDLE = "idle"
    MAX_DURATION = "max_duration"
    START_FAILED = "start_failed"
    CALLER_GONE = "caller_gone"
    LOST = "lost"
    OPERATOR = "operator"
    SHUTDOWN = "shutdown"


@value
class SessionRequest:
    """What is asked: the client id, as it came."""

    client_id: str


@dataclass(frozen=True, slots=True)
class Limits:
    """Sessions at once, and agents being started at once."""

    sessions: int
    starts: int


@dataclass(frozen=True, slots=True)
class Clocks:
    """Seconds. `evidence` says whether every tester's coming would be told to us."""

    max_duration: float
    join_deadline: float = 60.0
    idle_timeout: float = 60.0
    evidence: bool = False


@dataclass(frozen=True, slots=True)
class Offer:
    """All that a client may have, with transport and launcher already chosen. Made once, by `app`.

    `launcher` is None where join details are all that is asked for. `answer_budget` is in seconds. `stop_at_shutdown`
    is False where the next process finds the session and its agent again. `starts_at_once` is True where a start takes
    one turn of the event loop: nobody could hang up or come too late meanwhile. `former_servers` are names under which
    the launcher's server was known before. `report_url` says where the agent of a session may report; None where no
    agent is told.
    """

    client: str
    client_id: str
    transport: AgoraTransport
    launcher: Launcher | None
    limits: Limits
    answer_budget: float
    clocks: Clocks
    stop_at_shutdown: bool = True
    starts_at_once: bool = False
    former_servers: frozenset[str] = frozenset()
    report_url: Callable[[str], str] | None = None


@dataclass(frozen=True, slots=True)
class Opened:
    """An offer that the caller's secret opens, and the label of that secret."""

    offer: Offer
    label: str


@value
class Grant:
    """The decision that a request may have a session. Whatever costs something takes one."""

    offer: Offer
    label: str


@value
class Session:
    """One channel with one tester and one agent. `started_at` and `ended_at` are Unix seconds."""

    session_id: str
    client: str
    channel: str
    started_at: int
    details: JoinDetails
    agent: AgentRef | None = None

    def with_agent(self, agent: AgentRef) -> "Session":
        """The same session, with its agent accepted. Spelt out: dataclasses.replace is several times as slow."""
        return Session(self.session_id, self.client, self.channel, self.started_at, self.details, agent)
