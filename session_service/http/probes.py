"""Liveness, readiness, and the answer for every path that is nobody's: a small Starlette application.

Decided here: /livez says only that the process answers, /readyz that it takes new sessions and knows all that
it has; neither tells a detail.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from session_service.errors import Draining, NotReady
from session_service.http.replies import OK, RequestIds, handlers, refusal, reply
from session_service.sessions.admission import DRAIN_RETRY_AFTER
from session_service.sessions.lifecycle import Sessions

Life = Callable[[], AbstractAsyncContextManager[None]]


def build(sessions: Sessions, request_ids: RequestIds, life: Life, more: Sequence[Route] = ()) -> Starlette:
    """The application behind the session endpoint, with the routes of notifications and reports beside the probes.

    `life` is entered before the first call and left after the last.
    """
    app = Starlette(
        routes=[*routes(sessions, request_ids), *more],
        exception_handlers=handlers(request_ids),
        lifespan=lambda _: life(),
    )
    app.router.redirect_slashes = False
    return app


def routes(sessions: Sessions, request_ids: RequestIds) -> list[Route]:
    """The probes alone, for whoever serves them."""

    async def livez(request: Request) -> Response:
        return reply(200, OK, request_ids())

    async def readyz(request: Request) -> Response:
        if sessions.draining:
            return refusal(Draining(retry_after=DRAIN_RETRY_AFTER), request_ids())
        if sessions.stranded or sessions.finding_out:
            return refusal(NotReady(), request_ids())
        return await livez(request)

    return [Route("/livez", livez, methods=["GET"]), Route("/readyz", readyz, methods=["GET"])]
