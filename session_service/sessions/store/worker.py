"""One thread that does one step after another, so that what may block never holds the event loop.

Decided here: steps keep the order in which they were asked for, and each is done even if nobody waits for it any more,
as those who asked do not beyond a time: a disk that hangs is no reason to keep a caller. One timer serves all of them.
Used by the SQLite store. It is a queue and a thread, and no ThreadPoolExecutor, whose way there and back takes about
twice as long (docs/performance.md).
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread
from typing import Any, TypeVar

T = TypeVar("T")
U = TypeVar("U")


class Worker:
    """A thread of that name, from now until `close`, for one loop. Nobody waits over `patience` seconds for a step."""

    def __init__(self, name: str, patience: float) -> None:
        self._patience = patience
        self._asked: deque[tuple[float, asyncio.Future[Any]]] = deque()
        self._alarm: asyncio.TimerHandle | None = None
        self._steps: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        # A daemon, so that a start that fails after this one does not wait for it.
        self._thread = Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    def ask(self, step: Callable[[], T]) -> "asyncio.Future[T]":
        """What `step` returns or raises, once it has run after every step before it.

        TimeoutError where that takes too long; it is done all the same, then.
        """
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[T] = loop.create_future()
        self._wait_for(answer, loop)
        self._steps.put(lambda: _run(step, loop, answer))
        return answer

    def close(self) -> None:
        """Finish what was asked for, and end the thread."""
        self._steps.put(None)
        self._thread.join()

    def _wait_for(self, answer: "asyncio.Future[T]", loop: asyncio.AbstractEventLoop) -> None:
        while self._asked and self._asked[0][1].done():
            self._asked.popleft()
        self._asked.append((loop.time() + self._patience, answer))
        if self._alarm is None:
            self._alarm = loop.call_later(self._patience, self._ring, loop)

    def _ring(self, loop: asyncio.AbstractEventLoop) -> None:
        """Give up what is due, and come again for the next."""
        while self._asked and (self._asked[0][1].done() or self._asked[0][0] <= loop.time()):
            _, answer = self._asked.popleft()
            if not answer.done():
                answer.set_exception(TimeoutError())
        self._alarm = loop.call_at(self._asked[0][0], self._ring, loop) if self._asked else None

    def _work(self) -> None:
        while (step := self._steps.get()) is not None:
            step()


def _run(step: Callable[[], T], loop: asyncio.AbstractEventLoop, answer: "asyncio.Future[T]") -> None:
    try:
        result = step()
    except Exception as error:  # noqa: BLE001 - the asker's to judge
        _tell(loop, answer, answer.set_exception, error)
    else:
        _tell(loop, answer, answer.set_result, result)


def _tell(
    loop: asyncio.AbstractEventLoop, answer: "asyncio.Future[T]", settle: Callable[[U], object], value: U
) -> None:
    """Settle the answer in the loop's own thread, unless the asker has gone, or the loop with it."""
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(lambda: None if answer.done() else settle(value))
