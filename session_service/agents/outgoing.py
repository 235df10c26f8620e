"""Requests to whoever runs agents elsewhere: where they may go, what is read of an answer, what a failure becomes.

Decided here: one client for all requests of a launcher, a bound on time and size for each, and that nothing which
comes back is repeated in an error. Used by the launchers whose agents are behind an HTTP API. Secrets travel in
headers and bodies, never in a URL, because httpx2 logs URLs.
"""

import asyncio
from collections.abc import Awaitable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import lru_cache
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TypeVar

import httpx2
import orjson

from session_service.agents.connections import Connections
from session_service.errors import AgentUnavailable, InvalidValue

Json = Mapping[str, object]
T = TypeVar("T")

RETRY_AFTER = 5
"""Seconds after which another try makes sense where the other side does not say."""
LONGEST_RETRY_AFTER = 3600
"""Seconds. What is longer is no advice that a caller of ours could follow."""
LONGEST_ANSWER = 1 << 20
"""Bytes of an answer that are read; the longest are lists of agents."""

_HEADERS = {"Accept": "*/*", "Accept-Encoding": "identity", "User-Agent": "cekura-session-service"}
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


def checked_url(text: str) -> str:
    """Return a base URL, without its last slash, if secrets may be sent there; InvalidValue where they may not."""
    try:
        url = httpx2.URL(text)
    except httpx2.InvalidURL:
        raise InvalidValue("A base URL is written https://host/path.") from None
    if url.scheme != "https" and not (url.scheme == "http" and url.host in _LOOPBACK):
        raise InvalidValue("A base URL begins with https://; plain http:// is for this machine alone.")
    if not url.host or url.userinfo or url.query or url.fragment:
        raise InvalidValue("A base URL is a host and a path, without user, query and fragment.")
    return text.rstrip("/")


def server_name(base_url: str) -> str:
    """The one spelling of a base URL, by which a server is known again: a person reads it, and it holds no secret.

    Scheme and host in lower case, no port that the scheme implies, no slash at the end. InvalidValue as `checked_url`.
    """
    read = str(httpx2.URL(checked_url(base_url)))
    return str(httpx2.URL(read)).rstrip("/")  # the usual port of a scheme in capitals goes only the second time


@dataclass(frozen=True, slots=True)
class Request:
    """One request. `what` is its name in errors."""

    what: str
    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    query: Mapping[str, str] = field(default_factory=dict)
    content: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, whatever its status says; `retry_after` is in seconds."""

    status: int
    content: bytes = field(repr=False)
    retry_after: int | None

    def json(self) -> Json:
        """The body, or an empty object where it is no JSON object."""
        try:
            body = orjson.loads(self.content)
        except orjson.JSONDecodeError:
            return {}
        return body if isinstance(body, dict) else {}


class Outgoing:
    """Sends over one client, which is made for the first request. `who` is the other side's name in errors.

    No redirect is followed and no proxy is taken from the environment: either would send secrets elsewhere. No cookie
    is kept: what an answer says in one session is not told in another.
    """

    def __init__(self, who: str) -> None:
        self._who = who
        self._client: httpx2.AsyncClient | None = None

    async def send(self, request: Request, deadline: float) -> Answer:
        """Return the answer, all of it read by `deadline`, an instant of the event loop's clock.

        AgentUnavailable where there is none: nobody knows then whether what was asked for is done.
        """
        try:
            return await self.within(deadline, request.what, self._exchange(request))
        except httpx2.HTTPError as error:
            # Without its text and chain: a protocol error quotes the header that it stumbled over.
            raise self.unavailable(f"did not answer to {request.what}: {type(error).__name__}") from None

    async def within(self, deadline: float, what: str, answer: Awaitable[T]) -> T:
        """Return what is awaited, or give it up at `deadline`: AgentUnavailable, because `what` was not answered."""
        try:
            async with asyncio.timeout_at(deadline):
                return await answer
        except TimeoutError as late:
            late.with_traceback(None)  # a frame of it holds the task, which holds what it fails with
            raise self.unavailable(f"did not answer to {what} in time") from None

    def unavailable(self, told: str, answer: Answer | None = None) -> AgentUnavailable:
        """What `who` `told`, as an error that names when to try again."""
        wanted = answer.retry_after if answer else None
        return AgentUnavailable(f"{self._who} {told}.", retry_after=wanted or RETRY_AFTER)

    async def aclose(self) -> None:
        """Close the client, if there is one. A later request makes a new one."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def _exchange(self, request: Request) -> Answer:
        whole = httpx2.Request(  # a client that makes it merges its own headers and parameters into each
            request.method,
            _parsed(request.url),
            params=dict(request.query) or None,  # an empty one would parse the URL once more
            content=request.content,
            headers={**_HEADERS, **request.headers},
        )
        async with aclosing(await self._shared().send(whole, stream=True)) as response:
            content = await self._read(request, response)
            return Answer(response.status_code, content, _seconds(response.headers.get("Retry-After")))

    async def _read(self, request: Request, response: httpx2.Response) -> bytes:
        content = bytearray()
        async with aclosing(response.aiter_raw()) as chunks:  # left open, the connection would close at some later time
            async for chunk in chunks:
                content += chunk
                if len(content) > LONGEST_ANSWER:
                    raise self.unavailable(
                        f"answered {request.what} with what cannot be read: over {LONGEST_ANSWER} bytes"
                    )
        return bytes(content)

    def _shared(self) -> httpx2.AsyncClient:
        if self._client is None:
            self._client = httpx2.AsyncClient(
                transport=Connections(),
                trust_env=False,
                follow_redirects=False,
                cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),  # takes none
                timeout=None,  # every request runs within its deadline
            )
        return self._client


@lru_cache(64)
def _parsed(url: str) -> httpx2.URL:
    """A start goes to the same URL each time, and to parse it is a twentieth of what it costs."""
    return httpx2.URL(url)


def _seconds(retry_after: str | None) -> int | None:
    """The header's whole seconds (RFC 9110, 10.2.3), within bounds; the other form, a date, is not worth a parser."""
    if retry_after is None or not (retry_after.isascii() and retry_after.isdigit() and len(retry_after) < 10):
        return None
    return min(max(1, int(retry_after)), LONGEST_RETRY_AFTER)
