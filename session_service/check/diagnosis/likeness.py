"""Whether two answers say the same, and what calls that are wrong in one known way are answered.

Decided here: what may differ between two answers of one meaning, and that who is told to come back later learns
nothing. Called by the diagnosis of the first good call.
"""

import re

from session_service.check.asking.messages import Exchange, Request
from session_service.check.context import Context
from session_service.check.model import CannotTell

_CHANGING = re.compile(rb"[0-9A-Fa-f][0-9A-Fa-f-]{7,}|\d+")
"""Request ids, times, counters."""

_UNSERVED = (404, 405, 501)


async def is_like(context: Context, exchange: Exchange, request: Request) -> bool | None:
    """Whether `request`, which has to be refused, is answered as `exchange` was; None where that cannot be told."""
    other = await _refused(context, request)
    return None if other is None else says_as_much(other, exchange)


def says_as_much(one: Exchange, other: Exchange) -> bool:
    """Whether two answers have one meaning."""
    return _meaning(one) == _meaning(other)


async def is_served(context: Context, request: Request) -> bool:
    """Whether somebody answers `request`, which has to be refused, as who knows path and method."""
    other = await _refused(context, request)
    status = other.status if other else None
    return status is not None and status not in _UNSERVED and not 300 <= status < 400 and status < 500


async def _refused(context: Context, request: Request) -> Exchange | None:
    try:
        return await context.refusal(request)
    except CannotTell:
        return None


def _meaning(exchange: Exchange) -> tuple[int | None, bytes]:
    body = exchange.answer.body if exchange.answer else b""
    return exchange.status, _CHANGING.sub(b"#", body)
