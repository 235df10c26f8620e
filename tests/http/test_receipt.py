"""How long a message is waited for, on stepped time: exact, and with one timer per connection."""

import asyncio
import math
from collections.abc import Callable, Iterator
from contextvars import Context
from typing import Self, TypeVarTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from session_service.http.receipt import Receipt
from session_service.settings import Times
from tests import virtual_time

Arguments = TypeVarTuple("Arguments")

FIRST, REST = 5.0, 10.0
NOTHING = ("", math.inf)


class CountingLoop(virtual_time.SteppedLoop):
    """Counts the timers that are set."""

    timers = 0

    def call_at(
        self, when: float, callback: Callable[[*Arguments], object], *args: *Arguments, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """Count, and set it."""
        self.timers += 1
        return super().call_at(when, callback, *args, context=context)


class Waiting:
    """A connection, with what it was told and when, in seconds since it was made."""

    def __init__(self, first_byte: float = FIRST) -> None:
        self.loop = CountingLoop()
        self.began = self.loop.time()
        self.told: list[tuple[str, float]] = []
        times = Times(first_byte=first_byte, receipt=REST, drain=0)
        self.receipt = Receipt(self.loop, times, lambda: self.note("silent"), lambda: self.note("late"))

    def note(self, what: str) -> None:
        """Note that it was told this, now."""
        self.told.append((what, self.loop.time() - self.began))

    def after(self, seconds: float) -> None:
        """Let time pass."""
        self.loop.run_until_complete(asyncio.sleep(seconds))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
        self.loop.close()


@pytest.fixture
def waiting() -> Iterator[Waiting]:
    """A new connection."""
    with Waiting() as made:
        yield made


def test_a_first_byte_is_waited_for(waiting: Waiting) -> None:
    """And no longer than said; what comes of it is told once."""
    waiting.after(100)
    assert waiting.told == [("silent", FIRST)]


def test_a_message_has_its_own_time(waiting: Waiting) -> None:
    """From its first byte, whenever that came."""
    waiting.after(4)
    waiting.receipt.begin()
    waiting.after(100)
    assert waiting.told == [("late", 4 + REST)]


def test_nothing_is_waited_for_after_a_message(waiting: Waiting) -> None:
    """An idle connection is uvicorn's to close."""
    waiting.receipt.begin()
    waiting.receipt.end()
    waiting.after(100)
    assert waiting.told == []


def test_a_message_that_goes_on_keeps_its_time(waiting: Waiting) -> None:
    """Its end was none."""
    waiting.receipt.begin()
    waiting.after(7)
    waiting.receipt.end()
    waiting.receipt.go_on()
    waiting.after(100)
    assert waiting.told == [("late", REST)]


def test_a_long_wait_for_the_first_byte_is_none_for_the_rest() -> None:
    """The timer is set anew where what is due next is due earlier."""
    with Waiting(first_byte=60) as waiting:
        waiting.receipt.begin()
        waiting.after(100)
    assert waiting.told == [("late", REST)]


def test_a_closed_connection_is_told_nothing(waiting: Waiting) -> None:
    """Whatever it was waited for."""
    waiting.receipt.begin()
    waiting.receipt.close()
    waiting.after(100)
    assert waiting.told == []


def test_a_thousand_messages_set_a_handful_of_timers(waiting: Waiting) -> None:
    """A timer for each would be a cost of each call."""
    for _ in range(1000):
        waiting.receipt.begin()
        waiting.receipt.end()
        waiting.after(0.01)
    assert waiting.loop.timers - 1000 <= 3  # each wait of the test itself is one


@given(st.lists(st.tuples(st.sampled_from(["begin", "end"]), st.integers(0, 12)), max_size=20))
def test_a_message_is_late_exactly_when_its_time_is_over(steps: list[tuple[str, int]]) -> None:
    """Whatever came before it on the connection; a message that is told to be late is over."""
    expected, due, now = [], ("silent", FIRST), 0.0
    with Waiting() as waiting:
        for what, seconds in [*steps, ("end", 100)]:
            if what == "begin" and not waiting.receipt.under_way:
                waiting.receipt.begin()
                due = ("late", now + REST)
            elif what == "end" and waiting.receipt.under_way:
                waiting.receipt.end()
                due = NOTHING
            waiting.after(seconds)
            now += seconds
            if due[1] <= now:
                expected.append(due)
                due = NOTHING
    assert waiting.told == expected
