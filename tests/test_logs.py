"""How a log line looks, when it is written, and what it never holds."""

import asyncio
import io
import json
import logging
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from session_service.logs import MASK, Masked, as_json, as_text
from session_service.logs.lines import Lines

SECRET = 'sentinel-"quoted"\\secret-Zk3'
CALL = {
    "event": "call",
    "request_id": "8f1c-1",
    "status": 200,
    "outcome": "ok",
    "client": "acme",
    "secret": "blue",
    "channel": "cekura-0a",
    "agent": "process",
    "ms": 12.4,
}


class Log:
    """A logger of its own that writes to a text, as the command line sets up the root."""

    def __init__(self, render: Callable[[logging.LogRecord], str], *secrets: str) -> None:
        self.stream = io.StringIO()
        handler = Lines(self.stream)
        handler.setFormatter(Masked(render, secrets))
        self.logger = logging.Logger("session_service.test")
        self.logger.addHandler(handler)

    def lines(self) -> list[str]:
        """What is written."""
        return self.stream.getvalue().splitlines()


def test_a_json_line_has_the_values_beside_the_constant_message() -> None:
    """One object, with the time in UTC."""
    log = Log(as_json)
    log.logger.info("session ended", extra={"event": "session.ended", "seconds": 7, "exit_code": None})
    line = json.loads(log.lines()[0])
    assert datetime.fromisoformat(line.pop("time")).tzinfo == UTC
    assert line == {
        "level": "info",
        "logger": "session_service.test",
        "message": "session ended",
        "event": "session.ended",
        "seconds": 7,
        "exit_code": None,
    }


def test_a_call_is_one_readable_line_for_a_person() -> None:
    """Outcome, who, channel, milliseconds, agent."""
    log = Log(as_text)
    log.logger.info("call", extra=CALL)
    assert log.lines()[0][10:] == "200 ok  acme (secret blue)  cekura-0a  12 ms  agent process  request 8f1c-1"


def test_a_refused_call_is_readable_as_far_as_it_got() -> None:
    """Nobody is known, no channel was made, no agent started."""
    log = Log(as_text)
    log.logger.info(
        "call", extra={"event": "call", "request_id": "8f1c-2", "status": 401, "outcome": "unauthenticated"}
    )
    assert log.lines()[0][10:] == "401 unauthenticated  somebody  no channel  0 ms  no agent  request 8f1c-2"


def test_a_text_line_holds_no_control_character() -> None:
    """Nothing moves the cursor of whoever watches."""
    log = Log(as_text)
    log.logger.warning("agent output", extra={"event": "agent.output", "line": "a\x1b[2Jb\nc"})
    assert log.lines()[0].endswith("warning: agent output  line=a\\x1b[2Jb\\nc")


@pytest.mark.parametrize("render", [as_json, as_text])
def test_a_configured_secret_is_masked_wherever_it_stands(render: Callable[[logging.LogRecord], str]) -> None:
    """In a value, in the message, in a traceback; JSON writes its quotation marks in another way."""
    log = Log(render, SECRET)
    try:
        raise ValueError(SECRET)
    except ValueError:
        log.logger.exception("fault with %s", SECRET, extra={"event": "x", "why": f"<{SECRET}>"})
    written = log.stream.getvalue()
    assert "sentinel" not in written
    assert written.count(MASK) == 3
    assert "Traceback" in written


def test_the_longest_secret_is_masked_first() -> None:
    """One may be the beginning of another."""
    log = Log(as_json, "secret-of-the-client", "secret-of-the-client-and-more")
    log.logger.info("x", extra={"event": "x", "line": "secret-of-the-client-and-more"})
    assert json.loads(log.lines()[0])["line"] == MASK


@given(st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=24, max_size=40))
def test_no_secret_that_the_settings_take_comes_through(secret: str) -> None:
    """Whatever printable ASCII it is made of."""
    log = Log(as_json, secret)
    log.logger.info("x", extra={"event": "x", "line": secret})
    assert json.loads(log.lines()[0])["line"] == MASK


def test_lines_of_one_turn_are_written_at_its_end() -> None:
    """And none is lost."""

    async def turn() -> tuple[int, int]:
        log.logger.info("one", extra={"event": "x"})
        log.logger.info("two", extra={"event": "x"})
        before = len(log.lines())
        await asyncio.sleep(0)
        return before, len(log.lines())

    log = Log(as_json)
    assert asyncio.run(turn()) == (0, 2)


def test_an_error_is_written_at_once_with_what_waits() -> None:
    """What comes next may be the end of the process."""

    async def turn() -> int:
        log.logger.info("one", extra={"event": "x"})
        log.logger.error("two", extra={"event": "x"})
        return len(log.lines())

    log = Log(as_json)
    assert asyncio.run(turn()) == 2


def test_a_value_that_is_no_json_is_written_as_text() -> None:
    """A line is never lost for what it holds."""
    log = Log(as_json)
    log.logger.info("x", extra={"event": "x", "what": {1}})
    assert json.loads(log.lines()[0])["what"] == "{1}"
