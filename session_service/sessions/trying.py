"""A step of an end, the agent's stop or its record, tried until it works. Called by `ending`.

Decided here: how long between two tries, and that there is no last one as long as the process lives. And which of the
errors that come out of a launcher are none of the launcher's, for everybody in this room who calls one.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeVar

from session_service.errors import ServiceError
from session_service.sessions.store.contract import Row

T = TypeVar("T")

RETRY_SECONDS = (1.0, 30.0)
"""The pause before a failed step is tried again: doubled each time, between these."""
_ANY_TIME = contextlib.nullcontext()

_log = logging.getLogger("session_service.sessions")


async def until_done(
    row: Row,
    step: str,
    attempt: Callable[[], Coroutine[Any, Any, T]],
    turn: AbstractAsyncContextManager[None] = _ANY_TIME,
) -> T:
    """What `attempt` returns, once it works; `turn` is held during each.

    Launchers and stores are not ours to trust: whatever they raise is a reason to try again.
    """
    loop, (pause, longest) = asyncio.get_running_loop(), RETRY_SECONDS
    while True:
        async with turn:
            begun = loop.time()
            try:
                return await attempt()
            except BaseException as error:
                if is_told_to_end(error):
                    raise
                _tell_failure(row, step, error, loop.time() - begun, pause)
        await asyncio.sleep(pause)
        pause = min(2 * pause, longest)


def is_told_to_end(error: BaseException) -> bool:
    """Whether it is this task that is to end, and not what it called: a launcher may raise CancelledError by itself."""
    if isinstance(error, asyncio.CancelledError):
        task = asyncio.current_task()
        return task is None or task.cancelling() > 0
    return isinstance(error, GeneratorExit)  # after which nothing may be awaited, whoever has raised it


def _tell_failure(row: Row, step: str, error: BaseException, took: float, pause: float) -> None:
    """Our own errors speak for the log; what others say may hold anything."""
    values = {
        "event": "session.end_failed",
        "session": row.session_id,
        "launcher": row.launcher,
        "step": step,
        "why": str(error) if isinstance(error, ServiceError) else type(error).__name__,
        "seconds": round(took, 3),
        "retry_in": pause,
    }
    _log.error("an end failed, and is tried again", extra=values)
