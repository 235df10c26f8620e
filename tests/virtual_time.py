"""An event loop whose clock is stepped: waiting takes no time, and the loop's time and `clock` tell how long."""

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")
NOW = 1_700_000_000
"""The Unix time at which a stepped loop begins."""
_FIRST_SECOND = 1000.0


class _SteppingSelector(selectors.SelectSelector):
    """Where nothing is ready, the clock jumps to the next timer instead of the process waiting for it."""

    def __init__(self) -> None:
        super().__init__()
        self.now = _FIRST_SECOND

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if timeout is None and not ready:
            raise RuntimeError("the loop waits for something that never comes")
        if not ready and timeout is not None:
            self.now += timeout
        return ready


class SteppedLoop(asyncio.SelectorEventLoop):
    """Begins at second 1000."""

    def __init__(self) -> None:
        self._stepping = _SteppingSelector()
        super().__init__(self._stepping)

    def time(self) -> float:
        """The stepped clock, in seconds."""
        return self._stepping.now


def clock() -> float:
    """Unix time that passes as the running loop's does, which is a stepped one."""
    return NOW + asyncio.get_running_loop().time() - _FIRST_SECOND


def run(main: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run `main` to its end in stepped time; a wait for something that never comes is an error, not a hang."""
    with asyncio.Runner(loop_factory=SteppedLoop) as runner:
        return runner.run(main())
