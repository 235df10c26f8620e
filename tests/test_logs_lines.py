"""Lines reach the stream in order, together where a turn of the loop makes several, and never later than that."""

import asyncio
import io
import logging

import pytest

from session_service.logs import Lines, event, extras


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
