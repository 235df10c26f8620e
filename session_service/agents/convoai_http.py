"""Requests to Agora's REST API: one client, one way to send, one reading of what went wrong.

Decided here: where credentials may be sent, which answers are worth another try, and that nothing an answer says in
free text goes any further. Called by `convoai_api`. Statuses and reasons are those of Agora's page on status codes: of
them 429, 503 and 504 ask for a backoff, and of each failure the stable `reason` alone is told. Secrets travel in
headers and bodies, never in a URL, because httpx2 logs URLs.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx2
import orjson
import stamina

from session_service.agents.convoai_body import Json
from session_service.errors import AgentRefused, AgentUnavailable, InvalidValue

RETRY_AFTER = 5
"""Seconds after which another try makes sense where Agora does not say."""

_LONGEST_BODY = 1 << 20
_BACK_OFF = frozenset({429, 503, 504})
_FIRST_PAUSE, _LONGEST_PAUSE, _JITTER = 0.1, 2.0, 0.1
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_REASON = re.compile(r"[A-Za-z]{1,64}")


def checked_url(text: str) -> str:
    """Return a base URL, without its last slash, if credentials may be sent there; InvalidValue where they may not."""
    try:
        url = httpx2.URL(text)
    except httpx2.InvalidURL:
        raise InvalidValue("A base URL is written https://host/path.") from None
    if url.scheme != "https" and not (url.scheme == "http" and url.host in _LOOPBACK):
        raise InvalidValue("A base URL begins with https://; plain http:// is for this machine alone.")
    if not url.host or url.userinfo or url.query or url.fragment:
        raise InvalidValue("A base URL is a host and a path, without user, query and fragment.")
    return text.rstrip("/")


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
    """Sends requests below `base_url` over one client, which is made on the first of them.

    No redirect is followed and no proxy is taken from the environment: either would send credentials elsewhere.
    """

    def __init__(self, base_url: str) -> None:
        self._base = checked_url(base_url)
        self._client: httpx2.AsyncClient | None = None

    async def send(self, request: Request, deadline: float, *, passing: int = 200) -> Answer:
        """Send until there is an answer that asks for no backoff; `deadline` bounds all tries together.

        Returns an answer of status 200 or `passing`. Raises AgentRefused where another try changes nothing, and
        AgentUnavailable where it may.
        """
        async with _within(deadline, request.what):
            answer = await self._answered(request, deadline)
        if answer.status in (200, passing):
            return answer
        if answer.status >= 500:
            raise AgentUnavailable(answer.told(request.what), retry_after=answer.retry_after or RETRY_AFTER)
        raise AgentRefused(answer.told(request.what))

    async def aclose(self) -> None:
        """Close the client, if there is one. A later request makes a new one."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

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
                    return await self._once(request)
        except _Busy as busy:
            retry_after = busy.answer.retry_after or RETRY_AFTER
            raise AgentUnavailable(busy.answer.told(request.what), retry_after=retry_after) from None
        raise AssertionError("unreachable: the loop ends by returning or raising")

    async def _once(self, request: Request) -> Answer:
        sending = self._shared().stream(
            request.method,
            self._base + request.path,
            params=dict(request.query),
            content=None if request.body is None else orjson.dumps(request.body),
            headers={"Authorization": request.authorization, "Content-Type": "application/json"},
        )
        try:
            async with sending as response:
                content = await _bounded(response)
        except httpx2.HTTPError as error:
            # Without its text and chain: a protocol error quotes the header that it stumbled over.
            told = f"Agora did not answer to {request.what}: {type(error).__name__}."
            raise AgentUnavailable(told, retry_after=RETRY_AFTER) from None
        answer = Answer(response.status_code, _object(content), _seconds(response.headers.get("Retry-After")))
        if answer.status in _BACK_OFF:
            raise _Busy(answer)
        return answer

    def _shared(self) -> httpx2.AsyncClient:
        if self._client is None:
            self._client = httpx2.AsyncClient(
                trust_env=False,
                follow_redirects=False,
                timeout=None,  # every request runs within its deadline
                limits=httpx2.Limits(max_connections=None, max_keepalive_connections=100),
            )
        return self._client


@asynccontextmanager
async def _within(deadline: float, what: str) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout_at(deadline):
            yield
    except TimeoutError:
        raise AgentUnavailable(f"Agora did not answer to {what} in time.", retry_after=RETRY_AFTER) from None


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


async def _bounded(response: httpx2.Response) -> bytes:
    """The body, or nothing at all where it is longer than any answer of Agora's."""
    content = bytearray()
    async for part in response.aiter_bytes():
        content += part
        if len(content) > _LONGEST_BODY:
            return b""
    return bytes(content)


def _object(content: bytes) -> Json:
    try:
        body = orjson.loads(content)
    except orjson.JSONDecodeError:
        return {}
    return body if isinstance(body, dict) else {}


def _seconds(retry_after: str | None) -> int | None:
    """The header's whole seconds (RFC 9110, 10.2.3), at least one; the other form, a date, is not worth a parser."""
    if retry_after is None or not (retry_after.isascii() and retry_after.isdigit() and len(retry_after) < 10):
        return None
    return max(1, int(retry_after))
