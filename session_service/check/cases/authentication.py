"""Group A: who may call. Every call here but A08's has to be refused."""

from session_service.check import calls, judging
from session_service.check.context import Context
from session_service.check.model import Check, Finding, Seen, Severity

_REFUSALS = (401, 403)


async def _without_secret(context: Context) -> Seen:
    exchange = await context.refusal(calls.platform(context.target, None))
    faults = judging.not_refused(exchange, "a call without the secret header")
    if not faults and exchange.status is not None and 400 <= exchange.status not in _REFUSALS:
        what = f"A call without the secret header was answered {exchange.status}; 401 or 403 say what is wrong."
        faults = (Finding(what, exchange),)
    return Seen(faults, f"answered {exchange.status}")


CHECKS = (
    Check(
        id="A01",
        title="a call without the secret header is refused",
        severity=Severity.MUST,
        rests_on="Agora Simulations, Session endpoint contract, Request: the secret header; RFC 9110, 15.5.2",
        why="Whoever finds the URL could mint tokens for your Agora project and start agents that you pay for.",
        mend="Compare the header before anything else, and answer 401 when it is missing.",
        profile="quick",
        run=_without_secret,
        after=("R01",),
    ),
)
