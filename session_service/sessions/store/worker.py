"""One thread that does one step after another, so that what may block never holds the event loop.

Decided here: steps keep the order in which they were asked for, and each is done even if nobody waits for it any more.
Used by the SQLite store. It is a queue and a thread, and no ThreadPoolExecutor, whose way there and back takes about
twice as long (docs/performance.md).
"""

import asyncio
import contextlib
from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread
from typing import TypeVar

T = TypeVar("T")
U = TypeVar("U")


class Worker:
    """A thread of that name, from now until `close`."""

    def __init__(self, name: str) -> None:
        self._steps: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        # A daemon, so that a start that fails after this one does not wait for it.
        self._thread = Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    def ask(self, step: Callable[[], T]) -> "asyncio.Future[T]":
        """What `step` returns or raises, once it has run after every step before it."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[T] = loop.create_future()
        self._steps.put(lambda: _run(step, loop, answer))
        return answer

    def close(self) -> None:
        """Finish what was asked for, and end the thread."""
        self._steps.put(None)
        self._thread.join()

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
