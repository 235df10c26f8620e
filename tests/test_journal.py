"""The journal: numbers without holes, a gap that is always told, and nothing kept that should not be."""

import asyncio
import logging
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from session_service import logs
from session_service.journal import Journal
from tests.virtual_time import run

FIRST = 1_000


def record(**values: object) -> logging.LogRecord:
    """A log line of ours."""
    return logging.makeLogRecord({"msg": "constant", **values})


def journal(size: int = 3, events: int = 0) -> Journal:
    """One that has seen so many events."""
    made = Journal(size, FIRST, logs.masking(["hunter2"]))
    for number in range(events):
        made.keep(record(event="call", request_id=f"r-{number}"))
    return made


@given(
    size=st.integers(1, 8), events=st.integers(0, 30), asked=st.integers(FIRST - 5, FIRST + 35), limit=st.integers(1, 9)
)
def test_what_comes_after_a_number_is_all_that_is_kept_or_a_gap(size: int, events: int, asked: int, limit: int) -> None:
    """Against a list that forgets nothing: no event is left out silently, told twice, or out of order."""
    numbers = list(range(FIRST, FIRST + events))
    page = journal(size, events).since(asked, limit)
    kept = numbers[-size:]
    missed = asked < FIRST - 1 or asked > FIRST + events - 1 or not {n for n in numbers if n > asked} <= set(kept)
    wanted = kept if missed else [number for number in kept if number > asked]
    assert page.gap == missed
    assert [event.number for event in page.events] == wanted[:limit]
    assert page.last == (wanted[:limit] or [FIRST + events - 1])[-1]


@given(size=st.integers(1, 5), bursts=st.lists(st.integers(0, 4), max_size=12), limit=st.integers(1, 3))
def test_a_reader_that_keeps_up_has_every_event_once(size: int, bursts: list[int], limit: int) -> None:
    """Bursts that fit into the ring, read to their end each time."""
    made, seen, number = journal(size), list[int](), FIRST - 1
    for burst in bursts:
        for _ in range(min(burst, size)):
            made.keep(record(event="call"))
        while made.last > number:
            page = made.since(number, limit)
            assert not page.gap
            seen += [event.number for event in page.events]
            number = page.last
    assert seen == list(range(FIRST, FIRST + len(seen)))
    assert number == made.last


def test_an_event_has_its_name_its_session_and_the_rest_as_values() -> None:
    """What is not known is left out."""
    made = journal()
    made.keep(record(event="session.ended", session="s-1", exit_code=None, seconds=2.5, clients=["a", "b"]))
    (event,) = made.since(FIRST - 1, 10).events
    assert (event.number, event.name, event.session) == (FIRST, "session.ended", "s-1")
    assert event.values == {"seconds": 2.5, "clients": ["a", "b"]}


def test_no_event_holds_a_configured_secret() -> None:
    """As in the log: wherever it stands in a value."""
    made = journal()
    made.keep(record(event="agent.output", line="my hunter2!", more=["hunter2"], other=ValueError("hunter2")))
    assert "hunter2" not in repr(made.since(FIRST - 1, 10))


def test_a_fault_is_remembered_without_its_traceback() -> None:
    """Its frames hold whatever the fault happened to: they may not live on in here."""
    made = journal()
    try:
        raise RuntimeError("boom")
    except RuntimeError:
        made.keep(record(event="call.fault", request_id="r", exc_info=sys.exc_info()))
    (event,) = made.since(FIRST - 1, 10).events
    assert event.values == {"request_id": "r"}
    assert "exc_info=None" not in repr(event)


def test_a_sessions_events_are_its_own_and_its_calls() -> None:
    """A call that failed names no session: the request id leads from one to the other."""
    made = journal(size=9)
    made.keep(record(event="agent.not_started", session="s-1", request_id="r-1"))
    made.keep(record(event="agent.started", session="s-2", request_id="r-2"))
    made.keep(record(event="call", request_id="r-1", outcome="agent_refused"))
    page = made.about("s-1")
    assert [event.name for event in page.events] == ["agent.not_started", "call"]
    assert not page.gap


def test_that_the_beginning_may_be_forgotten_is_told() -> None:
    """Once the ring has moved on, nobody knows what was in it."""
    assert not journal(size=3, events=3).about("s").gap
    assert journal(size=3, events=4).about("s").gap


def test_waiting_ends_with_the_next_event_for_everybody() -> None:
    """Without asking again and again: the stepped clock would show it."""

    async def main() -> tuple[list[bool], float]:
        made, loop = journal(), asyncio.get_running_loop()
        loop.call_later(5, made.keep, record(event="call"))
        found = await asyncio.gather(*(made.after(FIRST - 1) for _ in range(3)))
        return found, loop.time()

    assert run(main) == ([True] * 3, 1005.0)


def test_whoever_gives_up_waiting_takes_nobody_with_it() -> None:
    """One listener hangs up while others wait."""

    async def main() -> bool:
        made = journal()
        stays, goes = (asyncio.ensure_future(made.after(FIRST - 1)) for _ in range(2))
        await asyncio.sleep(0)
        goes.cancel()
        await asyncio.sleep(0)
        made.keep(record(event="call"))
        return await stays

    assert run(main)


def test_closing_ends_every_wait() -> None:
    """What came before is still told."""

    async def main() -> tuple[bool, bool]:
        made = journal(events=1)
        asyncio.get_running_loop().call_soon(made.close)
        return await made.after(FIRST), await made.after(FIRST - 1)

    assert run(main) == (False, True)


def test_an_event_of_another_thread_wakes_too() -> None:
    """Logging is allowed from anywhere."""

    async def main() -> bool:
        made = journal()
        waiting = asyncio.ensure_future(made.after(FIRST - 1))
        await asyncio.sleep(0)
        await asyncio.to_thread(made.keep, record(event="call"))
        return await waiting

    assert asyncio.run(main())


def test_every_line_of_ours_is_an_event_and_nobody_elses(caplog: pytest.LogCaptureFixture) -> None:
    """As long as the service lives."""
    caplog.set_level(logging.INFO)
    made = journal(size=9)
    with logs.told_to(made.keep):
        logging.getLogger("session_service.http").info("call", extra={"event": "call"})
        logs.event(logging.getLogger("session_service.agents"), "agent", {"event": "agent.exited"})
        logging.getLogger("uvicorn").info("not ours")
    logging.getLogger("session_service.http").info("call", extra={"event": "late"})
    assert [event.name for event in made.since(FIRST - 1, 10).events] == ["call", "agent.exited"]


def test_a_listener_that_fails_fails_no_call(caplog: pytest.LogCaptureFixture) -> None:
    """Nor does it keep the line from the log."""
    caplog.set_level(logging.INFO)

    def fails(_: logging.LogRecord) -> None:
        raise KeyError

    logging.raiseExceptions, before = False, logging.raiseExceptions
    with logs.told_to(fails):
        logging.getLogger("session_service.http").info("call", extra={"event": "call"})
    logging.raiseExceptions = before
    assert caplog.messages == ["call"]
