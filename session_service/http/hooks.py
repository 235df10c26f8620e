"""Notifications from Agora: one path for each product, each with secrets of its own.

Decided here: the order (raw body, signature, content, repetition), whom a secret speaks for, and that the answer is out
before anything is stopped: Agora repeats what is not answered within ten seconds. They come for the whole Agora
project, so channels that are not ours are counted and not logged. `app` builds the routes.
"""

import asyncio
import logging
from collections import Counter, OrderedDict
from collections.abc import Mapping, Set

from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from session_service.agora import notifications
from session_service.agora.notifications import Event, HealthTest, Ignored, Product
from session_service.errors import BadSignature, ServiceError
from session_service.http import bodies
from session_service.http.auth import Failures, header_values
from session_service.http.replies import OK, RequestIds, reply
from session_service.sessions.news import News

PATHS: Mapping[Product, str] = {
    notifications.RTC: "/agora/v1/events/rtc",
    notifications.CONVOAI: "/agora/v1/events/convoai",
}
NOTICES_KEPT = 10_000
"""Ids that are remembered, so that a repetition counts for nothing. Agora repeats three times, within minutes."""
LONG_AT_ONCE = 16
"""Long notifications that are read at once, before anybody knows who sends them: conversations' histories, which mean
nothing to a session."""

Secrets = Mapping[bytes, Set[str]]
"""Each live secret of a product, and the clients that it speaks for."""

_log = logging.getLogger("session_service.http")


class Hook:
    """The path of one product. `counts` says what became of notifications: by product and outcome; of one that
    was refused, the outcome is the code.
    """

    def __init__(
        self, product: Product, secrets: Secrets, news: News, failures: Failures, request_ids: RequestIds
    ) -> None:
        self._product = product
        self._name = PATHS[product].rpartition("/")[2]
        self._secrets = secrets
        self._news = news
        self._failures = failures
        self._request_ids = request_ids
        self._places = asyncio.Semaphore(LONG_AT_ONCE)
        self._seen: OrderedDict[tuple[bytes, str], None] = OrderedDict()
        self.counts: Counter[tuple[str, str]] = Counter()

    def route(self) -> Route:
        """Where Agora finds it."""
        return Route(PATHS[self._product], self._answer, methods=["POST"])

    async def _answer(self, request: Request) -> Response:
        request_id = self._request_ids()
        try:
            then = await self._take(request)
        except ServiceError as error:
            self._count(error.code)
            values = {
                "event": "notification.refused",
                "request_id": request_id,
                "product": self._product,
                "code": error.code,
                "why": error.log_text,
            }
            _log.warning("notification refused", extra=values)
            raise
        return reply(200, OK, request_id, then)

    async def _take(self, request: Request) -> BackgroundTask | None:
        """What is to be done about a notification; None for nothing."""
        declared = request.headers.get("content-length", "").encode("latin-1")
        body = await bodies.whole_if_room(declared, request.receive, notifications.MAX_BODY, self._places)
        secret = self._verified(request, body)
        notification = notifications.parse(body, self._product)
        if isinstance(notification.event, HealthTest | Ignored):
            self._count("ignored")
        elif self._is_repeated(secret, notification.notice_id):
            self._count("repeated")
        elif (outcome := await self._news.hear(notification.event, self._secrets[secret])) != "applied":
            self._count(outcome)
        else:
            return BackgroundTask(self._act, notification.event)
        return None

    def _verified(self, request: Request, body: bytes) -> bytes:
        scope = dict(request.scope)
        sent = header_values(scope, b"agora-signature-v2")
        try:
            return notifications.verify(body, sent[0] if len(sent) == 1 else b"", self._secrets)
        except BadSignature:
            self._failures.count(scope)
            raise

    def _is_repeated(self, secret: bytes, notice_id: str) -> bool:
        if (secret, notice_id) in self._seen:
            return True
        self._seen[secret, notice_id] = None
        if len(self._seen) > NOTICES_KEPT:
            self._seen.popitem(last=False)
        return False

    def _count(self, outcome: str) -> None:
        self.counts[self._name, outcome] += 1

    async def _act(self, event: Event) -> None:
        """Nobody waits for this any more: what fails is for the log."""
        try:
            await self._news.act(event)
            self._count("applied")
        except ServiceError as error:
            self._count("failed")
            values = {"event": "notification.failed", "product": self._product, "why": str(error)}
            _log.error("notification not recorded", extra=values)
