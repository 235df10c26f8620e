"""Who may use the operator's port? Decided before any of it runs, from headers alone.

Decided here: what a page in somebody's browser could send is refused. Its scripts can make a name of their own lead to
this machine (DNS rebinding), but have to say that name in Host; and what they do across sites says so in Origin or,
where it is only loaded, as an image is, in Sec-Fetch-Site (W3C, Fetch Metadata), which no page can set or leave out.
A token, where one is configured, is asked for as RFC 6750 has it and compared in constant time. The probes need none of
this: they tell nothing. Built by `ops`.
"""

import hashlib
import hmac
import logging
from collections.abc import Awaitable, Callable
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from session_service.errors import HostNotAllowed, NotTheOperator, OperatorError, OriginNotAllowed, ServiceError
from session_service.http.auth import Scope, header_values
from session_service.http.replies import RequestIds, refusal
from session_service.settings import Ops

App = Callable[[Any, Any, Any], Awaitable[None]]
OPEN = frozenset({"/livez", "/readyz"})
_OF_NO_OTHER_SITE = frozenset({b"none", b"same-origin"})
"""Of what a browser says in Sec-Fetch-Site: typed by its user, or asked for by a page of this very port."""

_log = logging.getLogger("session_service.http")


class Gate:
    """In front of `app`: lets the probes through, and of the rest what an operator sends."""

    def __init__(self, app: App, ops: Ops, request_ids: RequestIds) -> None:
        self._app = app
        self._names = {"localhost", ops.host.lower()}
        self._token = hashlib.sha256(ops.token).digest() if ops.token else None
        self._request_ids = request_ids

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        """Answer a refusal, or pass the call on."""
        try:
            if scope["path"] not in OPEN:
                self._check(scope)
        except OperatorError as error:
            request_id = self._request_ids()
            tell_refused(error, request_id)
            await refusal(error, request_id)(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _check(self, scope: Scope) -> None:
        (host,) = header_values(scope, b"host") or [b""]  # `connection` lets no call through that has two
        if self._token is not None:
            self._check_token(scope, self._token)
        elif not self._is_ours(host):
            raise HostNotAllowed
        for origin in header_values(scope, b"origin"):
            if origin.lower() not in (b"http://" + host.lower(), b"https://" + host.lower()):
                raise OriginNotAllowed
        if not _OF_NO_OTHER_SITE.issuperset(header_values(scope, b"sec-fetch-site")):
            raise OriginNotAllowed

    def _check_token(self, scope: Scope, wanted: bytes) -> None:
        """With the token any Host will do: nobody's page has it."""
        sent = header_values(scope, b"authorization")
        kind, _, token = (sent[0] if len(sent) == 1 else b"").partition(b" ")
        right = hmac.compare_digest(hashlib.sha256(token).digest(), wanted)
        if kind.lower() != b"bearer" or not right:
            raise NotTheOperator

    def _is_ours(self, host: bytes) -> bool:
        """A name that is configured or loopback's, or an address: rebinding needs a name."""
        try:
            name = urlsplit(f"//{host.decode('ascii')}").hostname or ""
            return name in self._names or bool(ip_address(name))
        except ValueError:
            return False


def tell_refused(error: ServiceError, request_id: str) -> None:
    """The line of a call of this port that was refused, and of a message that is none: no call of the platform's."""
    values = {"event": "ops.refused", "request_id": request_id, "code": error.code}
    _log.warning("operator's call refused", extra=values)
