"""Liveness, readiness, and the answer for every path that is nobody's: a small Starlette application.

Decided here: /livez says only that the process answers, /readyz that it takes new sessions; neither tells a detail.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from session_service.errors import BadRequest, Draining, MethodNotAllowed, NotFound, ServiceError
from session_service.http import wire
from session_service.sessions.lifecycle import Sessions
from session_service.sessions.starting import RETRY_AFTER

_OK = b'{"status":"ok"}'
_BY_STATUS: dict[int, type[ServiceError]] = {404: NotFound, 405: MethodNotAllowed}


Close = Callable[[], Awaitable[None]]


def build(sessions: Sessions, request_ids: Callable[[], str], closing: Sequence[Close] = ()) -> Starlette:
    """The application behind the session endpoint.

    Its lifespan ends every session when the server stops, and calls each of `closing` after that.
    """

    def answer(status: int, body: bytes, request_id: str) -> Response:
        headers = {"Cache-Control": "no-store", "X-Request-Id": request_id}
        return Response(body, status, headers, media_type="application/json")

    def refuse(error: ServiceError) -> Response:
        request_id = request_ids()
        response = answer(error.status, wire.refusal(error, request_id), request_id)
        if error.retry_after is not None:
            response.headers["Retry-After"] = str(error.retry_after)
        return response

    async def livez(request: Request) -> Response:
        return answer(200, _OK, request_ids())

    async def readyz(request: Request) -> Response:
        return refuse(Draining(retry_after=RETRY_AFTER)) if sessions.draining else answer(200, _OK, request_ids())

    async def refused(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        response = refuse(_BY_STATUS.get(status, BadRequest if status < 500 else ServiceError)())
        if isinstance(error, HTTPException) and error.headers:
            response.headers.update(error.headers)
        return response

    handlers: dict[type[Exception], Callable[[Request, Exception], Awaitable[Response]]] = {
        HTTPException: refused,
        Exception: refused,
    }
    app = Starlette(
        routes=[Route("/livez", livez, methods=["GET"]), Route("/readyz", readyz, methods=["GET"])],
        exception_handlers=handlers,
        lifespan=_lifespan(sessions, closing),
    )
    app.router.redirect_slashes = False
    return app


def _lifespan(sessions: Sessions, closing: Sequence[Close]) -> Callable[[Starlette], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        yield
        await sessions.close()
        for close in closing:
            await close()

    return lifespan
