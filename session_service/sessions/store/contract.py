"""What every store promises: the rows of sessions, and admission as one atomic step.

Decided here: what is kept of a session, and in which steps it changes. `lifecycle` and `ending` change
them; `recovery` and the operator's port only read. A row holds no secret, only a hash; `launcher` and `ref` are text,
so that a row outlives the version that wrote it. Instants are Unix seconds.

A store that cannot answer raises StoreUnavailable, and then has changed nothing: nothing is started on its account.
One that does not answer in time raises StoreUnheard, and may do what was asked for later, before any later step.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from session_service.errors import StoreUnavailable
from session_service.sessions.model import Limits, Reason
from session_service.values import value


class StoreUnheard(StoreUnavailable):
    """Nobody knows whether the store has taken, or yet takes, this step."""


class State(StrEnum):
    """Where a session stands. `starting` and `running` take a slot, and so does `ending` until the agent is gone."""

    STARTING = "starting"
    RUNNING = "running"
    ENDING = "ending"
    ENDED = "ended"


@value
class Row:
    """What is known of a session when it is admitted, and never changes.

    `project` is the App ID of the channel's Agora project. `server` is who runs the agent, by a base URL that holds no
    secret and that a person can read; None where that is this machine. Either is None in a row of a version that did
    not keep it: whatever is configured is then taken for the same.
    """

    session_id: str
    client: str
    transport: str
    channel: str
    launcher: str
    tester_uid: int
    created_at: float
    ends_at: float
    report_hash: str | None = field(default=None, repr=False)
    agent_uid: int | None = None
    project: str | None = None
    server: str | None = None


@value
class Status:
    """How far a session has come. `ref` is the agent's reference as JSON; `left_at` is None until the tester leaves."""

    state: State = State.STARTING
    ref: str | None = None
    joined_at: float | None = None
    left_at: float | None = None
    reason: Reason | None = None
    exit_code: int | None = None
    ended_at: float | None = None


ADMITTED = Status()


@value
class Record:
    """A session as the store tells it."""

    row: Row
    status: Status


@dataclass(frozen=True, slots=True)
class Full:
    """No room. `starts` tells which limit; `earliest_end` when the first session that it counts ends by itself."""

    starts: bool
    earliest_end: float | None


class Store(Protocol):
    """Rows of sessions. Every method is one atomic step; unknown ids change nothing."""

    deployment: str
    """Eight hexadecimal digits, kept with the rows: every session id of this store begins with them."""

    survives_restart: bool
    """Whether rows are still there after this process."""

    async def admit(self, row: Row, deployment: Limits, client: Limits) -> Full | None:
        """Insert `row` if both limits leave room, and tell None; else tell Full and change nothing."""
        ...

    async def accepted(self, session_id: str, ref: str | None) -> None:
        """The start is over: starting becomes running, unless the session is being ended already."""
        ...

    async def joined(self, session_id: str, at: float) -> None:
        """The tester is in the channel (again)."""
        ...

    async def left(self, session_id: str, at: float) -> None:
        """The tester has left the channel."""
        ...

    async def ending(self, session_id: str, reason: Reason) -> None:
        """An end was decided. The first reason stays."""
        ...

    async def ended(self, session_id: str, reason: Reason, at: float, exit_code: int | None) -> Record | None:
        """The agent is gone: the slot is free. Tells the record, or None where it had ended or is unknown."""
        ...

    async def get(self, session_id: str) -> Record | None:
        """One session, live or ended."""
        ...

    async def live(self) -> Sequence[Record]:
        """Every session that has not ended, the oldest first."""
        ...

    async def recent(self, limit: int) -> Sequence[Record]:
        """Sessions, live and ended, the newest first."""
        ...

    async def close(self) -> None:
        """Let go of files and connections."""
        ...
