"""A start, raced against its deadline and its caller. Called by `opening` only.

Decided here: who wins, and what a launcher's failure is called towards the caller. What was started is not stopped
here: `opening` has that done, through `ending`, whoever won.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from session_service.agents.contract import AgentRef
from session_service.errors import AgentRefused, AgentTimeout, CallerGone, ServiceError
from session_service.values import value

RETRY_AFTER = 5
"""Seconds after which a start that failed for want of time may be tried again."""


@value
class Caller:
    """Whoever waits for the answer. `arrived` is the instant of the event loop's clock at which the call came in.

    `gone` returns when the caller has hung up; it is awaited only while a start takes its time. `hung_up` tells whether
    it has by now.
    """

    request_id: str
    arrived: float
    gone: Callable[[], Coroutine[Any, Any, None]]
    hung_up: Callable[[], bool]


async def accepted(start: asyncio.Future[AgentRef], deadline: float, caller: Caller) -> AgentRef:
    """The accepted agent; `deadline` is an instant of the event loop's clock.

    Raises what the start raised, AgentTimeout when the deadline comes first, CallerGone when the caller goes first.
    """
    await asyncio.sleep(0)  # a process that only has to be there is accepted by now, and not raced against the caller
    try:
        if not start.done():
            await _raced(start, deadline, caller)
        return start.result()
    finally:
        del start  # it holds its failure, whose traceback holds this frame: only the collector would free them


async def _raced(start: asyncio.Future[AgentRef], deadline: float, caller: Caller) -> None:
    """Return when the start has come first."""
    hung_up: asyncio.Future[Any] = asyncio.ensure_future(caller.gone())
    remaining = max(0.0, deadline - asyncio.get_running_loop().time())
    try:
        await asyncio.wait([start, hung_up], timeout=remaining, return_when=asyncio.FIRST_COMPLETED)
        if start.done():
            return
        if hung_up.done():
            raise CallerGone
        raise AgentTimeout("the agent was not accepted within SESSION_ANSWER_BUDGET", retry_after=RETRY_AFTER)
    finally:
        hung_up.cancel()


def refusal(error: BaseException) -> ServiceError:
    """What the caller is told: a launcher that fails outside its contract is a refusal, without its words."""
    if isinstance(error, ServiceError):
        return error
    refused = AgentRefused(f"the launcher raised {type(error).__name__}")
    refused.__cause__ = error
    return refused
