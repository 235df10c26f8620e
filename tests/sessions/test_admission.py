"""Is there room? The limits hold, whatever the order of events."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from session_service.errors import SessionLimit, StartLimit
from session_service.sessions.admission import Admission, Slot
from session_service.sessions.model import Limits

WIDE = Limits(1000, 1000)


def admission(sessions: int = 1000, starts: int = 1000) -> Admission:
    """An admission without jitter."""
    return Admission(Limits(sessions, starts), lambda: 0)


def test_a_full_deployment_refuses_and_says_when_the_earliest_session_ends() -> None:
    """Retry-After is the time until the earliest end, rounded up."""
    full = admission(sessions=2)
    full.admit(Slot("a", "x", 130.0), WIDE, now=100.0)
    full.admit(Slot("b", "x", 120.5), WIDE, now=100.0)
    with pytest.raises(SessionLimit) as refused:
        full.admit(Slot("c", "y", 900.0), WIDE, now=100.0)
    assert refused.value.retry_after == 21


@pytest.mark.parametrize(("ends_at", "expected"), [(100.1, 5), (4000.0, 60)])
def test_retry_after_stays_within_its_bounds(ends_at: float, expected: int) -> None:
    """Never under 5 seconds, never over 60."""
    full = admission(sessions=1)
    full.admit(Slot("a", "x", ends_at), WIDE, now=100.0)
    with pytest.raises(SessionLimit) as refused:
        full.admit(Slot("b", "x", 200.0), WIDE, now=100.0)
    assert refused.value.retry_after == expected


def test_a_client_at_its_own_limit_leaves_room_for_others() -> None:
    """One client's limit is not another's."""
    room = admission()
    room.admit(Slot("a", "small", 200.0), Limits(1, 10), now=100.0)
    with pytest.raises(SessionLimit):
        room.admit(Slot("b", "small", 200.0), Limits(1, 10), now=100.0)
    room.admit(Slot("c", "large", 200.0), WIDE, now=100.0)
    assert room.taken() == 2


def test_a_refused_start_takes_nothing() -> None:
    """After a refusal everything counts as before it."""
    room = admission(starts=1)
    room.admit(Slot("a", "x", 200.0), WIDE, now=100.0)
    with pytest.raises(StartLimit):
        room.admit(Slot("b", "x", 200.0), WIDE, now=100.0)
    room.started("a")
    room.admit(Slot("b", "x", 200.0), WIDE, now=100.0)
    assert room.taken() == 2


def test_jitter_is_added_to_every_refusal() -> None:
    """Callers who were refused together do not come back together."""
    full = Admission(Limits(1, 1), lambda: 3)
    full.admit(Slot("a", "x", 110.0), WIDE, now=100.0)
    with pytest.raises(SessionLimit) as refused:
        full.admit(Slot("b", "x", 110.0), WIDE, now=100.0)
    assert refused.value.retry_after == 11 + 3


def test_released_sessions_are_forgotten_long_before_their_time() -> None:
    """Memory follows what is live, not what was admitted in the last hour."""
    room = admission()
    for number in range(500):
        room.admit(Slot(str(number), "x", 10_000.0 + number), WIDE, now=0.0)
        room.release(str(number))
    assert len(room._ends) <= 64 + 1


@given(st.lists(st.floats(0, 100), max_size=30), st.floats(0, 100))
def test_exactly_what_is_over_is_due_and_only_once(ends: list[float], now: float) -> None:
    """Due is what ends by now; asked again, nothing is."""
    room = admission()
    for number, end in enumerate(ends):
        room.admit(Slot(str(number), "x", end), WIDE, now=0.0)
    assert sorted(room.due(now)) == sorted(str(n) for n, end in enumerate(ends) if end <= now)
    assert list(room.due(now)) == []


class Limited(RuleBasedStateMachine):
    """Admit, start and release in any order against a plain model."""

    def __init__(self) -> None:
        super().__init__()
        self.room = admission(sessions=4, starts=2)
        self.live: dict[str, str] = {}
        self.starting: set[str] = set()
        self.number = 0

    @rule(client=st.sampled_from(["a", "b"]))
    def admit(self, client: str) -> None:
        """Admitted exactly when the model says that there is room."""
        self.number += 1
        name, own = str(self.number), [n for n, c in self.live.items() if c == client]
        own_starts = self.starting.intersection(own)
        fits = len(self.live) < 4 and len(self.starting) < 2 and len(own) < 3 and len(own_starts) < 2
        try:
            self.room.admit(Slot(name, client, float(self.number)), Limits(3, 2), now=0.0)
        except (SessionLimit, StartLimit):
            assert not fits
        else:
            assert fits
            self.live[name] = client
            self.starting.add(name)

    @precondition(lambda self: self.live)
    @rule(data=st.data(), ends=st.booleans())
    def go_on(self, data: st.DataObject, ends: bool) -> None:
        """A session's start is over, or the session itself; both may be said twice."""
        name = data.draw(st.sampled_from(sorted(self.live)))
        for _ in range(2):
            (self.room.release if ends else self.room.started)(name)
        self.starting.discard(name)
        if ends:
            del self.live[name]

    @invariant()
    def the_earliest_end_is_known(self) -> None:
        """And the count is right."""
        assert self.room.taken() == len(self.live)
        assert self.room.next_end() == (min(map(float, self.live)) if self.live else None)


TestLimited = Limited.TestCase
