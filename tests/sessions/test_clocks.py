"""Which clock ends a session next. Pure, so every case is a line."""

import pytest

from session_service.sessions.clocks import next_end
from session_service.sessions.model import Clocks, Reason
from session_service.sessions.store.contract import Row, State, Status

ROW = Row("s-1", "acme", "agora", "cekura-s-1", "memory", 1, created_at=1000.0, ends_at=4600.0)


@pytest.mark.parametrize(
    ("evidence", "joined_at", "left_at", "end"),
    [
        (False, None, None, (4600.0, Reason.MAX_DURATION)),
        (False, 1010.0, None, (4600.0, Reason.MAX_DURATION)),
        (False, 1010.0, 1100.0, (1130.0, Reason.IDLE)),
        (False, None, 1100.0, (1130.0, Reason.IDLE)),
        (True, None, None, (1060.0, Reason.JOIN_DEADLINE)),
        (True, 1010.0, None, (4600.0, Reason.MAX_DURATION)),
        (True, 1010.0, 1100.0, (1130.0, Reason.IDLE)),
        (True, None, 1050.0, (1080.0, Reason.IDLE)),
        (True, 1010.0, 4590.0, (4600.0, Reason.MAX_DURATION)),
    ],
)
def test_the_earliest_clock_that_has_a_reason_counts(
    evidence: bool, joined_at: float | None, left_at: float | None, end: tuple[float, Reason]
) -> None:
    """A loss that was told is evidence of itself; a tester that never came is none where nobody would tell."""
    clocks = Clocks(3600.0, join_deadline=60.0, idle_timeout=30.0, evidence=evidence)
    assert next_end(ROW, Status(State.RUNNING, joined_at=joined_at, left_at=left_at), clocks) == end
