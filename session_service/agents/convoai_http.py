"""Requests to Agora's REST API: one way to send, one reading of what went wrong.

Decided here: which answers are worth another try, and that nothing an answer says in free text goes any further. Called
by `convoai_api`. Statuses and reasons are those of Agora's page on status codes: of them 429, 503 and 504 ask for a
backoff, and of each failure the stable `reason` alone is told.
"""

import asyncio
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import orjson
import stamina

from session_service.agents import outgoing
from session_service.agents.outgoing import RETRY_AFTER, Json, Outgoing, checked_url, server_name
from session_service.errors import AgentRefused, AgentUnavailable

_BACK_OFF = frozenset({429, 503, 504})
_FIRST_PAUSE, _LONGEST_PAUSE, _JITTER = 0.1, 2.0, 0.1
_REASON = re.compile(r"[A-Za-z]{1,64}")


@dataclass(frozen=True, slots=True)
class Request:
    """One request below the base URL. `what` is its name in errors; `body` is sent as JSON."""

    what: str
    method: str
    path: str
    authorization: str = field(repr=False)
    query: Mapping[str, str] = field(default_factory=dict)
    body: Json | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. A body that is no JSON object is an empty one; `retry_after` is in seconds."""

    status: int
    body: Json = field(repr=False)
    retry_after: int | None

    def told(self, what: str) -> str:
        """The log text for a failure: the status and, where there is one, the stable reason."""
        reason = self.body.get("reason")
        known = isinstance(reason, str) and _REASON.fullmatch(reason)
        return f"Agora answered {self.status}{f' {reason}' if known else ''} to {what}."


class _Busy(Exception):
    """An answer that asks for a backoff. It never leaves this module."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


class Http:
    """Sends requests below `base_url`, where credentials may be sent: https, or this machine."""

    def __init__(self, base_url: str) -> None:
        self.server = server_name(base_url)
        self._base = checked_url(base_url)
        self._outgoing = Outgoing("Agora")

    async def send(self, request: Request, deadline: float, *, passing: int = 200) -> Answer:
        """Send until there is an answer that asks for no backoff; `deadline` bounds all tries together.

        Returns an answer of status 200 or `passing`. Raises AgentRefused where another try changes nothing, and
        AgentUnavailable where it may.
        """
        answer = await self._outgoing.within(deadline, request.what, self._answered(request, deadline))
        if answer.status in (200, passing):
            return answer
        if answer.status >= 500:
            raise AgentUnavailable(answer.told(request.what), retry_after=answer.retry_after or RETRY_AFTER)
        raise AgentRefused(answer.told(request.what))

    async def aclose(self) -> None:
        """Close the connections. A later request makes new ones."""
        await self._outgoing.aclose()

    async def _answered(self, request: Request, deadline: float) -> Answer:
        try:
            async for attempt in stamina.retry_context(
                on=_pause_before(deadline),
                attempts=None,
                timeout=None,
                wait_initial=_FIRST_PAUSE,
                wait_max=_LONGEST_PAUSE,
                wait_jitter=_JITTER,
            ):
                with attempt:
                    return await self._once(request, deadline)
        except _Busy as busy:
            retry_after = busy.answer.retry_after or RETRY_AFTER
            raise AgentUnavailable(busy.answer.told(request.what), retry_after=retry_after) from None
        raise AssertionError("unreachable: the loop ends by returning or raising")

    async def _once(self, request: Request, deadline: float) -> Answer:
        sent = outgoing.Request(
            request.what,
            request.method,
            self._base + request.path,
            {"Authorization": request.authorization, "Content-Type": "application/json"},
            request.query,
            None if request.body is None else orjson.dumps(request.body),
        )
        heard = await self._outgoing.send(sent, deadline)
        answer = Answer(heard.status, heard.json(), heard.retry_after)
        if answer.status in _BACK_OFF:
            raise _Busy(answer)
        return answer


def _pause_before(deadline: float) -> Callable[[Exception], bool | float]:
    """Whether another try is worth it: as long as Agora's own Retry-After still leaves time for one."""

    def pause(error: Exception) -> bool | float:
        if not isinstance(error, _Busy):
            return False
        wanted = error.answer.retry_after
        if wanted is None:
            return True
        return float(wanted) if asyncio.get_running_loop().time() + wanted < deadline else False

    return pause
