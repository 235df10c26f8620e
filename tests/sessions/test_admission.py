"""How a full house refuses: which limit, and when to come back."""

import asyncio

import pytest

from session_service.errors import Draining, SessionLimit, StartLimit, StoreUnavailable
from session_service.sessions.admission import Admission
from session_service.sessions.model import Limits
from session_service.sessions.store.contract import Full, Row
from session_service.sessions.store.memory import MemoryStore
from tests.sessions.store.conftest import WIDE, row


def refused_after(limits: Limits, ends_at: float, jitter: int = 0) -> int | None:
    """Retry-After of the second of two sessions, the first of which ends at `ends_at`; both come at 100."""

    async def main() -> None:
        admission = Admission(MemoryStore("0a1b2c3d"), limits, lambda: jitter)
        await admission.admit(row("a", created_at=100.0, ends_at=ends_at), WIDE)
        await admission.admit(row("b", created_at=100.0), WIDE)

    with pytest.raises((SessionLimit, StartLimit)) as refused:
        asyncio.run(main())
    return refused.value.retry_after


def test_everybody_who_asks_is_counted_by_what_became_of_that() -> None:
    """Also whoever comes when the service drains."""
    admission = Admission(MemoryStore("0a1b2c3d"), Limits(1, 1), lambda: 0)
    asyncio.run(admission.admit(row("a"), WIDE))
    with pytest.raises(SessionLimit):
        asyncio.run(admission.admit(row("b"), WIDE))
    admission.closed = True
    with pytest.raises(Draining):
        admission.check_open()
    assert {result: number for result, number in admission.counts.items() if number} == {
        "admitted": 1,
        "session_limit": 1,
        "draining": 1,
    }


class FailingStore(MemoryStore):
    """Cannot be written."""

    async def admit(self, row: Row, deployment: Limits, client: Limits) -> Full | None:
        """Refuse."""
        raise StoreUnavailable("the disk is full")


@pytest.mark.parametrize(
    ("store", "limits", "counted"),
    [
        (MemoryStore("0a1b2c3d"), Limits(9, 0), "start_limit"),
        (FailingStore("0a1b2c3d"), Limits(9, 9), "store_unavailable"),
    ],
)
def test_refusals_are_counted_by_their_code(store: MemoryStore, limits: Limits, counted: str) -> None:
    """Too many starts, and a store that fails."""
    admission = Admission(store, limits, lambda: 0)
    with pytest.raises((StartLimit, StoreUnavailable)):
        asyncio.run(admission.admit(row("a"), WIDE))
    assert {result for result, number in admission.counts.items() if number} == {counted}


def test_a_full_house_says_when_the_earliest_session_ends() -> None:
    """The time until then, rounded up."""
    assert refused_after(Limits(1, 9), ends_at=120.5) == 21


@pytest.mark.parametrize(("ends_at", "expected"), [(100.1, 5), (4000.0, 60)])
def test_retry_after_stays_within_its_bounds(ends_at: float, expected: int) -> None:
    """Never under 5 seconds, never over 60."""
    assert refused_after(Limits(1, 9), ends_at) == expected


def test_too_many_starts_are_over_soon() -> None:
    """Two seconds, however long the sessions last."""
    assert refused_after(Limits(9, 1), ends_at=4000.0) == 2


@pytest.mark.parametrize(("limits", "expected"), [(Limits(1, 9), 24), (Limits(9, 1), 5)])
def test_callers_who_were_refused_together_do_not_come_back_together(limits: Limits, expected: int) -> None:
    """Jitter is added to every refusal."""
    assert refused_after(limits, ends_at=120.5, jitter=3) == expected
