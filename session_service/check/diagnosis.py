"""Why the first good call failed: one finding that names the cause, instead of thirty that follow from it."""

from session_service.check import judging
from session_service.check.context import Context
from session_service.check.messages import Exchange
from session_service.check.model import Finding


async def diagnosed(context: Context, exchange: Exchange) -> tuple[Finding, ...]:
    """Empty where the call was answered 200."""
    if exchange.answer is None:
        return (Finding(judging.silence(exchange), exchange),)
    if exchange.answer.status == 200:
        return ()
    return (Finding(f"The platform's own call was answered {exchange.answer.status}.", exchange),)
