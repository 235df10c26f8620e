"""Is there room? Asks the store in one atomic step, and turns its no into a refusal that says when to come back.

Decided here: that nobody is admitted any more once the service drains, and what is counted of those who asked: there is
no log line of an admission that could be counted instead. Called by `lifecycle` and `opening`, before anything is
started.
"""

from collections.abc import Callable

from session_service.errors import Draining, ServiceError, SessionLimit, StartLimit, StoreUnavailable
from session_service.sessions.model import Limits
from session_service.sessions.store.contract import Full, Row, Store

RETRY_AFTER = (5, 60)
"""Bounds of Retry-After in seconds: a refused caller neither hammers nor gives up."""
START_RETRY_AFTER = 2
"""Seconds after which a start that is under way is likely over."""
DRAIN_RETRY_AFTER = 5
"""Seconds after which the next service may be there."""
ADMITTED = "admitted"
RESULTS = (ADMITTED, *(refusal.code for refusal in (SessionLimit, StartLimit, StoreUnavailable, Draining)))


class Admission:
    """Limits of the deployment over a store. `jitter` gives a number of seconds that spreads callers who come back.

    `counts` says what became of those who asked: ADMITTED, or the code of the refusal.
    """

    def __init__(self, store: Store, deployment: Limits, jitter: Callable[[], int]) -> None:
        self._store = store
        self._deployment = deployment
        self._jitter = jitter
        self.counts = dict.fromkeys(RESULTS, 0)  # a Counter takes a thousand instructions more a call
        self.closed = False
        """Whether nobody is admitted any more, because the service ends."""

    def check_open(self) -> None:
        """Raise Draining once nobody is admitted any more. Asked before a session is minted."""
        if self.closed:
            self.counts[Draining.code] += 1
            raise Draining(retry_after=DRAIN_RETRY_AFTER)

    async def admit(self, row: Row, client: Limits) -> None:
        """Take a slot and count a start; SessionLimit, StartLimit or StoreUnavailable, and nothing has changed."""
        try:
            full = await self._store.admit(row, self._deployment, client)
            if full is not None:
                raise self._refusal(full, row.created_at)
        except ServiceError as error:
            self.counts[error.code] = self.counts.get(error.code, 0) + 1
            raise
        self.counts[ADMITTED] += 1

    def _refusal(self, full: Full, now: float) -> ServiceError:
        if full.starts:
            return StartLimit(retry_after=START_RETRY_AFTER + self._jitter())
        return SessionLimit(retry_after=_until(full, now) + self._jitter())


def _until(full: Full, now: float) -> int:
    low, high = RETRY_AFTER
    return high if full.earliest_end is None else min(max(int(full.earliest_end - now) + 1, low), high)
