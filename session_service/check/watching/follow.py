"""`--follow`: one session, watched on the operator's port of our own service until its agent has come and gone.

Decided here: how long is waited for each, and that a session which does not end by itself is ended through the same
port, so that the checker leaves no agent behind. Called by G02 through `Target.watch`; other services have no such
port.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import httpx2

from session_service.check.model import CannotTell, Finding, Seen, Severity
from session_service.check.target import endpoint
from session_service.errors import InvalidValue

START = 10.0
"""Seconds within which an agent has to be accepted: the tester does not wait long (assumption 18)."""
END = 90.0
"""Seconds that a session nobody joins has to end by itself: the default join deadline, and some slack."""
STOP = 15.0
"""Seconds within which the session has to be over once the operator's port was told to end it."""
_PAUSE = 0.25
_TIMEOUT = 15.0


@dataclass(frozen=True, slots=True)
class OpsWatch:
    """Looks at sessions on the operator's port at `url`. `end` is how long a session may take to end by itself.

    `joined` is whether a tester was in the channel before; `tell` hears how far it has come.
    """

    url: str
    token: str | None = field(default=None, repr=False)
    end: float = END
    joined: bool = False
    tell: Callable[[str], None] = field(default=lambda _: None, repr=False)
    elapsed: Callable[[], float] = field(default=time.monotonic, repr=False)
    sleep: Callable[[float], Awaitable[None]] = field(default=asyncio.sleep, repr=False)

    def __post_init__(self) -> None:
        """Refuse a URL that is none, and one that would carry the token readable over a network; InvalidValue."""
        place = endpoint(self.url)
        if self.token and not (self.token.isascii() and self.token.isprintable()):
            raise InvalidValue("The operator's token is not printable ASCII, so no header can carry it.")
        if self.token and not place.tls and not place.names_loopback:
            raise InvalidValue("The operator's port is plain http on another host: its token would travel readable.")

    async def watched(self, join_details: Mapping[str, Any]) -> Seen:
        """Wait for the agent of this session to be accepted and to end; CannotTell where nobody can be asked."""
        async with self._client() as client:
            return await _Following(_Port(client), self).seen(str(join_details.get("agora_channel")))

    async def ready(self) -> None:
        """Ask for the sessions, and start none; InvalidValue where nobody can be asked."""
        try:
            async with self._client() as client:
                await _Port(client).find("")
        except CannotTell as error:
            raise InvalidValue(f"--follow needs the operator's port of this service, and {error}.") from None

    def _client(self) -> httpx2.AsyncClient:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        return httpx2.AsyncClient(
            base_url=self.url, headers=headers, timeout=_TIMEOUT, trust_env=False, follow_redirects=False
        )


class _Port:
    """The operator's port: what it says of sessions, or CannotTell."""

    def __init__(self, client: httpx2.AsyncClient) -> None:
        self._client = client

    async def find(self, channel: str) -> str | None:
        """The id of the session in that channel, None where there is none."""
        listed = await self._ask("GET", "/sessions")
        try:
            return next((str(one["session_id"]) for one in listed["sessions"] if one["channel"] == channel), None)
        except (KeyError, TypeError):
            raise CannotTell(_NOT_OURS) from None

    async def session(self, session_id: str) -> Mapping[str, Any]:
        """What is known of it now."""
        found = await self._ask("GET", _path(session_id))
        if not found.keys() >= _TOLD:
            raise CannotTell(_NOT_OURS)
        return found

    async def stop(self, session_id: str) -> None:
        """Ask for its end."""
        await self._ask("DELETE", _path(session_id))

    async def _ask(self, method: str, path: str) -> Mapping[str, Any]:
        try:
            answer = await self._client.request(method, path)
        except httpx2.HTTPError as error:
            raise CannotTell(
                f"nothing answers on the operator's port ({type(error).__name__}): start it, or mend --ops"
            ) from None
        if answer.status_code in (401, 403):
            raise CannotTell("the operator's port wants its token: set SESSION_OPS_TOKEN as the service has it")
        if answer.is_error or answer.is_redirect:
            raise CannotTell(f"the operator's port answered {answer.status_code} to {method} /sessions")
        if method == "DELETE":
            return {}
        try:
            found = answer.json()
        except ValueError:
            raise CannotTell(f"{_NOT_OURS}: it speaks no JSON") from None
        if not isinstance(found, dict):
            raise CannotTell(_NOT_OURS)
        return found


_NOT_OURS = "what answers there is not our service's operator's port"
_TOLD = {"state", "launcher", "reason", "exit_code", "ends_at"}


def _path(session_id: str) -> str:
    return f"/sessions/{quote(session_id, safe='')}"


class _Following:
    """One session on its way."""

    def __init__(self, port: _Port, watch: OpsWatch) -> None:
        self._port, self._watch = port, watch

    async def seen(self, channel: str) -> Seen:
        """What was not as it must be, and how it went."""
        session_id = await self._port.find(channel)
        if session_id is None:
            what = (
                "The service behind this operator's port has no session in that channel: it is another service's port."
            )
            raise CannotTell(what)
        try:
            return await self._seen(session_id)
        except asyncio.CancelledError:
            await self._port.stop(session_id)
            raise

    async def _seen(self, session_id: str) -> Seen:
        self._watch.tell("a session was started; waiting for its agent")
        begun = await self._until(session_id, lambda one: one["state"] != "starting", START)
        if begun["launcher"] == "none":
            return Seen((_NO_AGENT,))
        if begun["state"] == "starting":
            return Seen((Finding(f"The agent was not accepted within {START:.0f} seconds."),))
        if begun["reason"] == "start_failed":
            return Seen(
                (Finding("The agent did not start: the session ended with start_failed. The service's log says why."),)
            )
        return await self._to_its_end(session_id)

    async def _to_its_end(self, session_id: str) -> Seen:
        self._watch.tell(f"the agent has started; waiting up to {self._watch.end:.0f} s for its end")
        over = await self._until(session_id, _over, self._watch.end)
        if _over(over):
            return Seen(note=f"the agent started; it ended by itself, reason {over['reason']}{_code(over)}")
        self._watch.tell("the agent stays; ending the session")
        await self._port.stop(session_id)
        stopped = await self._until(session_id, _over, STOP)
        if not _over(stopped):
            return Seen((Finding(f"The agent did not end within {STOP:.0f} seconds of being told to."),))
        alone = "The tester had left" if self._watch.joined else "Nobody joined"
        what = (
            f"{alone}, and the agent stayed for {self._watch.end:.0f} seconds, until this check ended the "
            f"session. By itself it would have stayed until {over['ends_at']}."
        )
        return Seen((Finding(what, severity=Severity.INFO, why=_WHY_STAYED, mend=_MEND_STAYED),))

    async def _until(
        self, session_id: str, reached: Callable[[Mapping[str, Any]], bool], patience: float
    ) -> Mapping[str, Any]:
        """The session once it has reached what is waited for, or as it is when the patience is over."""
        end = self._watch.elapsed() + patience
        while True:
            found = await self._port.session(session_id)
            if reached(found) or self._watch.elapsed() >= end:
                return found
            await self._watch.sleep(_PAUSE)


_NO_AGENT = Finding(
    "The service starts no agent for this client: its launcher is none.",
    severity=Severity.INFO,
    why="Join details alone are answered. The tester is alone in the channel unless an agent comes from elsewhere.",
    mend="If this service is to start the agent, set SESSION_LAUNCHER.",
)
_WHY_STAYED = "An agent that nobody talks to is billed by the minute."
_MEND_STAYED = (
    "Tell the service when the tester joins and leaves: Agora's notifications (SESSION_RTC_WEBHOOK_SECRET) or the "
    "agent's own reports; then SESSION_JOIN_DEADLINE ends such a session. Without either, SESSION_MAX_DURATION does."
)


def _over(session: Mapping[str, Any]) -> bool:
    return str(session["state"]) == "ended"


def _code(session: Mapping[str, Any]) -> str:
    return "" if session["exit_code"] is None else f" with exit code {session['exit_code']}"
