"""Group R: what a request may look like. R01 makes the platform's own call, on which everything else rests."""

from session_service.check import calls
from session_service.check.context import Context
from session_service.check.diagnosis import diagnosed
from session_service.check.model import Check, Seen, Severity


async def _platform_call(context: Context) -> Seen:
    exchange = await context.mint(calls.platform(context.target, context.right()))
    context.good = exchange
    return Seen(await diagnosed(context, exchange), f"answered {exchange.status}")


CHECKS = (
    Check(
        id="R01",
        title="the platform's own call is answered 200",
        severity=Severity.MUST,
        rests_on="Agora Simulations, Session endpoint contract, Request",
        assumptions=(1, 2),
        why="This is the very call that starts each run. When it fails, every run fails.",
        mend="Make the endpoint answer it with 200 and the join details.",
        profile="quick",
        run=_platform_call,
        sessions=1,
        after=("T01",),
    ),
)
