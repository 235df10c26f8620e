"""Lines reach the stream in order, together where a turn of the loop makes several, and never later than that."""

import asyncio
import io
import logging
import os
from collections.abc import Iterator
from typing import IO

import pytest

from session_service.logs import event, extras
from session_service.logs.lines import AGAIN, MOST_KEPT, Lines
from tests.virtual_time import run


class Counted(io.StringIO):
    """A stream that counts writes."""

    writes = 0

    def write(self, text: str) -> int:
        """Count, and keep."""
        self.writes += 1
        return super().write(text)


def record(message: str, level: int = logging.INFO) -> logging.LogRecord:
    """A record of that level."""
    return logging.LogRecord("x", level, "", 0, message, None, None)


def test_the_lines_of_one_turn_are_one_write() -> None:
    """In order, and nothing is written before the turn ends."""
    stream = Counted()
    lines = Lines(stream)

    async def turn() -> None:
        lines.handle(record("a"))
        lines.handle(record("b"))
        assert stream.writes == 0
        await asyncio.sleep(0)

    asyncio.run(turn())
    assert (stream.getvalue(), stream.writes) == ("a\nb\n", 1)


def test_without_a_loop_a_line_is_written_at_once() -> None:
    """A start that fails is told before the process ends."""
    stream = Counted()
    Lines(stream).handle(record("a"))
    assert stream.getvalue() == "a\n"


def test_an_error_is_written_at_once_with_all_that_waits() -> None:
    """What comes after an error may be the end of the process."""
    stream = Counted()
    lines = Lines(stream)

    async def turn() -> str:
        lines.handle(record("a"))
        lines.handle(record("b", logging.ERROR))
        return stream.getvalue()

    assert asyncio.run(turn()) == "a\nb\n"


def test_what_waits_is_written_when_logging_shuts_down() -> None:
    """As at the exit of the process, which may come before the turn's end."""
    stream = Counted()
    lines = Lines(stream)

    async def turn() -> str:
        lines.handle(record("a"))
        logging.shutdown([lambda: lines])
        return stream.getvalue()

    assert asyncio.run(turn()) == "a\n"


Pipe = tuple[IO[bytes], Lines]
LONG = "x" * 999
"""With its end, a thousand bytes."""


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    """A reader who does not read by himself, and lines that go to him."""
    reader, writer = os.pipe()
    with open(reader, "rb", buffering=0) as read, open(writer, "w") as stream:
        os.set_blocking(reader, False)
        yield read, Lines(stream)


def test_a_reader_who_stops_holds_up_nobody_and_gets_every_line_later(pipe: Pipe) -> None:
    """A paused terminal: ten times what a pipe takes, in order, once somebody reads again."""
    read, lines = pipe
    sent = [f"{number:0999}" for number in range(MOST_KEPT // 2000)]

    async def main() -> bytes:
        for message in sent:
            lines.handle(record(message))
        heard = b""
        while heard.count(b"\n") < len(sent):
            await asyncio.sleep(AGAIN)
            heard += read.read() or b""
        return heard

    assert run(main).decode().splitlines() == sent


def test_what_is_beyond_is_dropped_and_counted(pipe: Pipe) -> None:
    """A collector that hangs for an hour fills no memory, and what it has missed is said when it is back."""
    read, lines = pipe
    sent = 2 * MOST_KEPT // 1000

    async def main() -> bytes:
        for _ in range(sent):
            lines.handle(record(LONG))
            await asyncio.sleep(0)
        heard = b""
        while not heard.endswith(b"are lost\n"):
            await asyncio.sleep(AGAIN)
            heard += read.read() or b""
        return heard

    lines.setFormatter(logging.Formatter("%(message)s"))
    assert MOST_KEPT // 1000 <= run(main).count(b"\n") < sent


def test_an_end_does_not_wait_for_a_reader_who_has_stopped(pipe: Pipe) -> None:
    """Or for a second at most: what nobody takes is lost with the process."""
    _, lines = pipe
    for _ in range(200):
        lines.handle(record(LONG))
    logging.shutdown([lambda: lines])


def test_a_reader_who_has_gone_is_no_end(capsys: pytest.CaptureFixture[str]) -> None:
    """It is told as the standard library tells it, and the service goes on."""
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "w") as stream:
        Lines(stream).handle(record("a"))
    assert "BrokenPipeError" in capsys.readouterr().err


def test_an_event_is_the_record_that_logging_would_make(caplog: pytest.LogCaptureFixture) -> None:
    """Only its way there is shorter: values, level, logger and text are the same."""
    logger = logging.getLogger("session_service.test")
    with caplog.at_level(logging.INFO, logger.name):
        logger.info("call", extra={"event": "call", "ms": 1})
        event(logger, "call", {"event": "call", "ms": 1})
    usual, short = caplog.records
    assert extras(short) == extras(usual) == {"event": "call", "ms": 1}
    assert [short.name, short.levelno, short.getMessage()] == [usual.name, usual.levelno, usual.getMessage()]


def test_an_event_below_the_level_is_no_record(caplog: pytest.LogCaptureFixture) -> None:
    """As with logging's own methods."""
    logger = logging.getLogger("session_service.test")
    with caplog.at_level(logging.WARNING, logger.name):
        event(logger, "call", {"event": "call"})
    assert not caplog.records
