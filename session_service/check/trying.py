"""Several calls that each have to be refused, one after the other.

Decided here: that none is made after one that was let in, because each of those starts a session; and that a good call
which was refused shows nothing while the platform's own is refused, too. Called by the cases.
"""

from collections.abc import Callable, Mapping

from session_service.check.answers import judging
from session_service.check.asking import calls
from session_service.check.asking.messages import Exchange, Request
from session_service.check.context import Context
from session_service.check.model import CannotTell, Finding

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


def is_equal(context: Context, exchange: Exchange) -> bool:
    """Whether a variation of the good call was answered as the good one: with 200, and join details if that had any."""
    good = context.good.answer if context.good else None
    if exchange.answer is None or exchange.answer.status != 200:
        return False
    return judging.holds_join_details(exchange.answer) or good is None or not judging.holds_join_details(good)


def came(exchange: Exchange) -> str:
    """What came of a variation that was not answered as the good call, as the end of a sentence."""
    if exchange.answer is None:
        return f"was not answered. {judging.silence(exchange)}"
    return f"was answered {exchange.status}{' without join details' if exchange.status == 200 else ''}."


async def blamed(context: Context, exchange: Exchange, fault: Finding) -> tuple[Finding, ...]:
    """The fault of a variation of the good call. CannotTell where the platform's own call fares no better by now.

    A refused call left its session for this one. Where it was not, nothing more is sent.
    """
    if exchange.answer is not None and not exchange.is_success:
        plain = await context.mint(calls.platform(context.target, context.right()))
        if plain.answer is not None and plain.status != 200:
            raise CannotTell(
                f"answered {exchange.status}, and the platform's own call is refused by now, too ({plain.status}): "
                "does a session that runs keep others out?"
            )
    return (fault,)
