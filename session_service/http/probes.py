"""Liveness, readiness, and the answer for every path that is nobody's: a small Starlette application.

Decided here: /livez says only that the process answers, /readyz that it takes new sessions and knows all that
it has; neither tells a detail.
"""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from session_service.errors import BadRequest, Draining, MethodNotAllowed, NotFound, NotReady, ServiceError
from session_service.http import wire
from session_service.sessions.lifecycle import Sessions
from session_service.sessions.starting import RETRY_AFTER

_OK = b'{"status":"ok"}'
_BY_STATUS: dict[int, type[ServiceError]] = {404: NotFound, 405: MethodNotAllowed}


Life = Callable[[], AbstractAsyncContextManager[None]]


def build(sessions: Sessions, request_ids: Callable[[], str], life: Life) -> Starlette:
    """The application behind the session endpoint. `life` is entered before the first call and left after the last."""

    async def livez(request: Request) -> Response:
        return _answer(200, _OK, request_ids())

    async def readyz(request: Request) -> Response:
        if sessions.draining:
            return _refusal(Draining(retry_after=RETRY_AFTER), request_ids())
        return _refusal(NotReady(), request_ids()) if sessions.stranded else await livez(request)

    async def refused(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        kind = _BY_STATUS.get(status, BadRequest if status < 500 else ServiceError)
        response = _refusal(kind(), request_ids())
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
        lifespan=lambda _: life(),
    )
    app.router.redirect_slashes = False
    return app


def _answer(status: int, body: bytes, request_id: str) -> Response:
    headers = {"Cache-Control": "no-store", "X-Request-Id": request_id}
    return Response(body, status, headers, media_type="application/json")


def _refusal(error: ServiceError, request_id: str) -> Response:
    response = _answer(error.status, wire.refusal(error, request_id), request_id)
    if error.retry_after is not None:
        response.headers["Retry-After"] = str(error.retry_after)
    return response
