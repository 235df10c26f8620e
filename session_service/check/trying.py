"""Several calls that each have to be refused, one after the other.

Decided here: that none is made after one that was let in, because each of those starts a session. Called by the cases.
"""

from collections.abc import Callable, Mapping

from session_service.check import judging
from session_service.check.context import Context
from session_service.check.messages import Exchange, Request
from session_service.check.model import Finding

Judge = Callable[[Exchange, str], tuple[Finding, ...]]
"""From a call and its name in words to what is wrong with its answer."""


async def tried(
    context: Context, requests: Mapping[str, Request], judge: Judge = judging.not_refused
) -> tuple[Finding, ...]:
    """What is wrong with the answers. Each request stands under its name, words such as "a call without the secret"."""
    faults: list[Finding] = []
    for words, request in requests.items():
        exchange = await context.refusal(request)
        faults += judge(exchange, words)
        if exchange.is_success:
            break
    return tuple(faults)
