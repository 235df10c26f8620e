"""What is kept of news before whoever tells it is answered: it is told once, and the process may be killed."""

from dataclasses import replace

import pytest

from session_service.agora.notifications import UserLeft
from session_service.sessions.model import Reason
from session_service.sessions.news import News
from session_service.sessions.store.contract import State
from tests.agents.fakes import MemoryLauncher
from tests.sessions.conftest import House, caller, stays
from tests.virtual_time import NOW, clock, run

TESTER, AGENT, LOST = 1, 4_000_000_000, 10
LEAVES = UserLeft(channel="", uid=TESTER, sequence=5, at=int(NOW), reason=1)


def heard(house: House, *events: UserLeft, client: str = "acme") -> State:
    """How far the session is in the store once the last event was heard; nothing may have been stopped by then."""
    launcher = MemoryLauncher()

    async def main() -> State:
        session = await house.sessions.open(house.grant(launcher), caller(stays))
        news = News(house.sessions, clock)
        for event in events:
            await news.hear(replace(event, channel=session.channel), frozenset({client}))
        assert [verb for verb, _ in launcher.calls] == ["start"]
        return (await house.status(session.session_id)).state

    return run(main)


def test_a_leave_for_good_is_kept_before_it_is_answered(house: House) -> None:
    """A start that comes after a kill ends the session, as it does all whose end has begun."""
    assert heard(house, LEAVES) is State.ENDING


@pytest.mark.parametrize(
    "other", [replace(LEAVES, uid=AGENT), replace(LEAVES, reason=LOST)], ids=["the agent's", "a lost connection"]
)
def test_no_other_leave_marks_the_session(house: House, other: UserLeft) -> None:
    """What may yet be undone is not kept as an end."""
    assert heard(house, other) is State.RUNNING


def test_a_stale_leave_does_not_mark_the_session(house: House) -> None:
    """It is older than what was heard of that user."""
    assert heard(house, replace(LEAVES, reason=LOST, sequence=6), LEAVES) is State.RUNNING


def test_a_strangers_word_does_not_mark_the_session(house: House) -> None:
    """The secret is that of a project which this client is not in."""
    assert heard(house, LEAVES, client="another") is State.RUNNING


def test_the_reason_that_was_kept_is_the_one_that_is_recorded(house: House) -> None:
    """Also where the agent exits before the session is ended."""

    async def main() -> None:
        session = await house.sessions.open(house.grant(MemoryLauncher()), caller(stays))
        await house.sessions.note_left(session.session_id)
        assert await house.sessions.stop(session.session_id)
        assert (await house.status(session.session_id)).reason is Reason.TESTER_LEFT

    run(main)
