"""What has happened in this process, numbered: the last few thousand events, refused calls included.

Decided here: how many are kept, how they are numbered, and what somebody is told who comes too late for some. It takes
the records of our own log lines as they are logged, so that log and journal cannot disagree, and makes an event of one
only when somebody reads it: that is free for the calls, which pay for an entry in a list. Fed and read by `http.ops`,
which `app` builds. It is not the store: nothing here outlives the process.
"""

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from session_service import logs

SIZE = 4000
"""Events that are kept: some ten megabytes, and minutes of a busy service."""


@dataclass(frozen=True, slots=True)
class Event:
    """One event: its number, Unix time, constant name, the session that it is about, and what else is known."""

    number: int
    time: float
    name: str
    session: str | None
    values: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Page:
    """Events in their order. `last` is the number to go on from; `gap` tells that some before these are lost."""

    events: Sequence[Event]
    last: int
    gap: bool


class Journal:
    """A ring of `size` records. `first` is the first event's number; `redact` takes secrets out of a text.

    Numbers of an earlier process have to be lower than `first`: whoever asks for what came after one is then told of
    the gap.
    """

    def __init__(self, size: int, first: int, redact: Callable[[str], str]) -> None:
        self._ring: list[logging.LogRecord | None] = [None] * size
        self._size = size
        self._first = first
        self._next = first
        self._redact = redact
        self._news: asyncio.Future[None] | None = None
        self._closed = False

    def keep(self, record: logging.LogRecord) -> None:
        """Take an event in; the oldest makes room. Called as it is logged, one at a time."""
        if record.exc_info:  # a traceback keeps every frame of its fault alive, with whatever these hold
            record = logging.makeLogRecord({**vars(record), "exc_info": None})
        self._ring[self._next % self._size] = record
        self._next += 1
        if self._news is not None:
            self._tell()

    @property
    def last(self) -> int:
        """The newest event's number; one less than the first's where there is none."""
        return self._next - 1

    @property
    def oldest(self) -> int:
        """The number of the oldest event that is kept, or that the next one will have."""
        return max(self._first, self._next - self._size)

    def since(self, number: int, limit: int) -> Page:
        """The events after `number`, at most `limit`. A number of another process counts as one that is lost."""
        known = self.oldest - 1 <= number <= self.last
        begin = number + 1 if known else self.oldest
        end = min(begin + limit, self._next)
        return Page(tuple(self._event(one) for one in range(begin, end)), end - 1, gap=not known)

    def about(self, session: str) -> Page:
        """What is kept about a session: its own events, and the calls that led to them; `gap` where it began before."""
        found = [number for number in self._kept() if self._value(number, "session") == session]
        calls = {self._value(number, "request_id") for number in found} - {None}
        of_calls = [number for number in self._kept() if self._value(number, "request_id") in calls]
        events = tuple(self._event(number) for number in sorted({*found, *of_calls}))
        return Page(events, self.last, gap=self.oldest > self._first)

    async def after(self, number: int) -> bool:
        """Wait until there is an event after `number`; False when there will be none any more."""
        while self.last <= number and not self._closed:
            if self._news is None:
                self._news = asyncio.get_running_loop().create_future()
            await asyncio.shield(self._news)
        return self.last > number

    def close(self) -> None:
        """Whoever waits has nothing to wait for any more."""
        self._closed = True
        if self._news is not None:
            self._tell()

    def _tell(self) -> None:
        """Wake every waiter, from whichever thread logs."""
        news, self._news = self._news, None
        if news is not None:
            news.get_loop().call_soon_threadsafe(news.set_result, None)

    def _kept(self) -> Iterator[int]:
        return iter(range(self.oldest, self._next))

    def _record(self, number: int) -> logging.LogRecord:
        record = self._ring[number % self._size]
        assert record is not None  # noqa: S101 - numbers from `oldest` to `last` have theirs
        return record

    def _value(self, number: int, name: str) -> Any:
        return vars(self._record(number)).get(name)

    def _event(self, number: int) -> Event:
        record = self._record(number)
        values = {name: self._clean(value) for name, value in logs.extras(record).items() if value is not None}
        name, session = str(values.pop("event", "")), values.pop("session", None)
        return Event(number, record.created, name, None if session is None else str(session), values)

    def _clean(self, value: object) -> object:
        """A value as JSON has it, free of secrets."""
        if isinstance(value, bool | int | float):
            return value
        if isinstance(value, list | tuple):
            return [self._clean(one) for one in value]
        return self._redact(str(value))
