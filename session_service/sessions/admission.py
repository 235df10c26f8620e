"""Is there room? Asks the store in one atomic step, and turns its no into a refusal that says when to come back.

Called by `opening`, before anything is started.
"""

from collections.abc import Callable

from session_service.errors import SessionLimit, StartLimit
from session_service.sessions.model import Limits
from session_service.sessions.store.contract import Full, Row, Store

RETRY_AFTER = (5, 60)
"""Bounds of Retry-After in seconds: a refused caller neither hammers nor gives up."""
START_RETRY_AFTER = 2
"""Seconds after which a start that is under way is likely over."""


class Admission:
    """Limits of the deployment over a store. `jitter` gives a number of seconds that spreads callers who come back."""

    def __init__(self, store: Store, deployment: Limits, jitter: Callable[[], int]) -> None:
        self._store = store
        self._deployment = deployment
        self._jitter = jitter

    async def admit(self, row: Row, client: Limits) -> None:
        """Take a slot and count a start; SessionLimit, StartLimit or StoreUnavailable, and nothing has changed."""
        full = await self._store.admit(row, self._deployment, client)
        if full is None:
            return
        if full.starts:
            raise StartLimit(retry_after=START_RETRY_AFTER + self._jitter())
        raise SessionLimit(retry_after=_until(full, row.created_at) + self._jitter())


def _until(full: Full, now: float) -> int:
    low, high = RETRY_AFTER
    return high if full.earliest_end is None else min(max(int(full.earliest_end - now) + 1, low), high)
