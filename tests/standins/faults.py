"""Ways in which a hosted API misbehaves, each by its name. A stand-in plays one for one request, in the order given.

A fault gets what the API would do and answer without it (`act`) and decides whether that is done, and what is heard of
it.
"""

import asyncio
from collections.abc import Awaitable, Callable

import orjson
from starlette.responses import RedirectResponse, Response
from starlette.types import Receive, Scope, Send

Act = Callable[[], Awaitable[Response]]
Fault = Callable[[Act], Awaitable[Response]]


async def obeys(act: Act) -> Response:
    """No fault: it is done, and that is answered. For a place between two faults."""
    return await act()


class CutOff(Response):
    """Announces more than it sends, and ends: the server closes the connection in the middle of the answer."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Begin, and leave it at that."""
        headers = [(b"content-type", b"application/json"), (b"content-length", b"1000")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b'{"agent_id": "A4', "more_body": True})


def refuses(status: int, reason: str, detail: str = "", retry_after: str | None = None) -> Fault:
    """Nothing is done; the answer is an error of the API's own form."""

    async def play(act: Act) -> Response:
        body = orjson.dumps({"detail": detail or "The stand-in was told to.", "reason": reason})
        headers = {} if retry_after is None else {"Retry-After": retry_after}
        return Response(body, status, headers, media_type="application/json")

    return play


async def sets_a_cookie(act: Act) -> Response:
    """It is done, and the answer asks for something to be sent back."""
    answer = await act()
    answer.set_cookie("sticky", "sentinel-cookie")
    return answer


async def resets(act: Act) -> Response:
    """It is done, and the connection breaks in the middle of the answer."""
    await act()
    return CutOff()


async def malformed(act: Act) -> Response:
    """It is done, and the answer is no JSON."""
    await act()
    return Response(b'{"agent_id": "A4', 200, media_type="application/json")


def answers(body: object) -> Fault:
    """It is done, and the answer says something else."""

    async def play(act: Act) -> Response:
        await act()
        return Response(orjson.dumps(body), 200, media_type="application/json")

    return play


async def never_answers(act: Act) -> Response:
    """It is done, and no answer comes."""
    await act()
    return await asyncio.Future()


class Late:
    """Nothing is done until the test calls `release`, whoever has stopped waiting by then."""

    def __init__(self) -> None:
        self._released = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self.done: list[Response] = []

    async def __call__(self, act: Act) -> Response:
        """Wait, and do it."""
        self._loop = asyncio.get_running_loop()
        await self._released.wait()
        self.done.append(await act())
        return self.done[0]

    def release(self) -> None:
        """Let it be done. From any thread."""
        assert self._loop is not None, "nobody has called yet"
        self._loop.call_soon_threadsafe(self._released.set)


async def times_out(act: Act) -> Response:
    """It is done, and a gateway on the way has given up waiting."""
    await act()
    return await refuses(504, "RequestTimeout")(act)


def redirects(url: str) -> Fault:
    """Nothing is done; the answer points elsewhere."""

    async def play(act: Act) -> Response:
        return RedirectResponse(url, 307)

    return play


async def floods(act: Act) -> Response:
    """It is done, and the answer is far longer than anything that it could say."""
    await act()
    return Response(bytes(8 << 20))


class Dripping(Response):
    """A byte of an answer that never ends, four times a second, for as long as anybody could wait."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Begin, and go on."""
        headers = [(b"content-type", b"application/json"), (b"content-length", b"1000000")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        for _ in range(400):
            await send({"type": "http.response.body", "body": b" ", "more_body": True})
            await asyncio.sleep(0.25)


async def drips(act: Act) -> Response:
    """It is done, and the answer comes so slowly that it never comes."""
    await act()
    return Dripping()
