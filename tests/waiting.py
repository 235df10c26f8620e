"""Waiting for what nobody announces: it is asked for until it is so.

Decided here: how long that may take, and that there is a pause between two questions. Without one, whoever waits has a
core for itself, and what it waits for comes later.
"""

import time
from collections.abc import Callable

PATIENCE = 60.0
"""Seconds. A stop of an agent that ignores SIGTERM takes five, a recovery with a provider that hangs ten."""
PAUSE = 0.01


def eventually(true: Callable[[], object], otherwise: str = "what was waited for did not come") -> None:
    """Wait until it is true, and fail with these words when that does not come."""
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline, otherwise
        time.sleep(PAUSE)
