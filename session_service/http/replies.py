"""Answers of everything behind the session endpoint: JSON that nobody may keep, under a request id of ours."""

from collections.abc import Awaitable, Callable

from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from session_service.errors import BadReportToken, BadRequest, MethodNotAllowed, NotFound, NotTheOperator, ServiceError
from session_service.http import wire

OK = b'{"status":"ok"}'
RequestIds = Callable[[], str]
Handler = Callable[[Request, Exception], Awaitable[Response]]


def reply(status: int, body: bytes, request_id: str, then: BackgroundTask | None = None) -> Response:
    """An answer; `then` is done once it is out."""
    headers = {"Cache-Control": "no-store", "X-Request-Id": request_id}
    return Response(body, status, headers, media_type="application/json", background=then)


def refusal(error: ServiceError, request_id: str) -> Response:
    """An error as its answer; a 401 names what it asks for (RFC 9110, 15.5.2)."""
    response = reply(error.status, wire.refusal(error, request_id), request_id)
    if error.retry_after is not None:
        response.headers["Retry-After"] = str(error.retry_after)
    if error.status == 401:
        bearer = isinstance(error, BadReportToken | NotTheOperator)
        response.headers["WWW-Authenticate"] = "Bearer" if bearer else "SharedSecret"
    return response


def handlers(request_ids: RequestIds, not_found: type[ServiceError] = NotFound) -> dict[type[Exception], Handler]:
    """What Starlette does with an exception: our own errors speak for themselves, everything else by its status.

    `not_found` is what an unknown path is answered with.
    """

    async def refused(request: Request, error: Exception) -> Response:
        return refusal(error if isinstance(error, ServiceError) else _kind(error, not_found)(), request_ids())

    async def not_served(request: Request, error: Exception) -> Response:
        response = await refused(request, error)
        if isinstance(error, HTTPException) and error.headers:
            response.headers.update(error.headers)
        return response

    return {ServiceError: refused, HTTPException: not_served, Exception: refused}


def _kind(error: Exception, not_found: type[ServiceError]) -> type[ServiceError]:
    status = error.status_code if isinstance(error, HTTPException) else 500
    if status == 404:
        return not_found
    return MethodNotAllowed if status == 405 else BadRequest if status < 500 else ServiceError
