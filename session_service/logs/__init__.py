"""How a log line looks: one JSON object, or one readable line for a person. Set up once, by the command line.

Decided here: the standard library's logging carries everything (uvicorn's lines too), messages are constant text and
values travel as `extra`, and every rendered line has the configured secrets taken out. What a session makes up
(tokens, keys) never gets this far: nobody passes it on, and launchers take it out of an agent's output. Where lines go
is decided in `lines`.
"""

import logging
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import islice
from typing import IO, Any

import orjson

from session_service.logs.lines import Lines

_OWN = len(vars(logging.makeLogRecord({})))
_RENDERED = frozenset({"message", "asctime", "color_message"})
_OURS = "session_service"
MASK = "********"


def extras(record: logging.LogRecord) -> dict[str, Any]:
    """The values that came with a record as `extra`: they stand behind the attributes that every record has."""
    values = dict(islice(vars(record).items(), _OWN, None))
    for name in _RENDERED.intersection(values):
        del values[name]
    return values


_EVENT = dict(vars(logging.makeLogRecord({"levelno": logging.INFO, "levelname": "INFO"})))
_EVENT.update(dict.fromkeys(_EVENT.keys() & {"relativeCreated", "thread", "threadName", "process", "processName"}))
"""What is the same in every record of an event. What no line of ours shows is None there, as `configure` has it."""


def event(logger: logging.Logger, message: str, values: Mapping[str, object]) -> None:
    """Log at INFO, like `logger.info(message, extra=values)` in half of its time: for the lines of every call.

    What is left out is the search for the caller, which `configure` turns off anyway, a check of each name, and all
    that a record finds out about itself (file, thread, process, task), which costs as much as the rest of it.
    """
    if logger.isEnabledFor(logging.INFO):
        created = time.time()
        record = logging.LogRecord.__new__(logging.LogRecord)
        own = record.__dict__ = _EVENT.copy()
        own["name"], own["msg"] = logger.name, message
        own["created"], own["msecs"] = created, created % 1 * 1000 // 1
        own.update(values)
        logger.handle(record)


def masking(secrets: Iterable[str]) -> Callable[[str], str]:
    """What takes these secrets out of a text, as they are and as JSON writes them."""
    forms = {form for secret in secrets for form in (secret, orjson.dumps(secret).decode()[1:-1])}
    longest_first = sorted(forms, key=len, reverse=True)  # one secret may hold another

    def mask(text: str) -> str:
        for secret in longest_first:
            if secret in text:
                text = text.replace(secret, MASK)
        return text

    return mask


class Masked(logging.Formatter):
    """A formatter whose every line is free of the given secrets."""

    def __init__(self, render: Callable[[logging.LogRecord], str], secrets: Iterable[str]) -> None:
        super().__init__()
        self._render = render
        self._mask = masking(secrets)

    def format(self, record: logging.LogRecord) -> str:
        """One line, whatever the record holds."""
        return self._mask(self._render(record))


class _Told(logging.Handler):
    """Hands each record on as it is, before any line is made of it."""

    def __init__(self, listeners: tuple[Callable[[logging.LogRecord], None], ...]) -> None:
        super().__init__()
        self._listeners = listeners
        self._one_at_a_time = threading.RLock()

    def handle(self, record: logging.LogRecord) -> bool:
        """In place of emit, which costs as much again: there is no level and no filter here."""
        try:
            with self._one_at_a_time:
                for listener in self._listeners:
                    listener(record)
        except Exception:  # noqa: BLE001 - whoever listens must not make a call fail
            self.handleError(record)
        return True


@contextmanager
def told_to(*listeners: Callable[[logging.LogRecord], None]) -> Iterator[None]:
    """While this lasts, every record of ours reaches these too, at the moment of its event and one at a time."""
    handler, logger = _Told(listeners), logging.getLogger(_OURS)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


def as_json(record: logging.LogRecord) -> str:
    """`time`, `level`, `logger`, `message`, then the values, as one JSON object."""
    line: dict[str, Any] = {
        "time": datetime.fromtimestamp(record.created, UTC),
        "level": record.levelname.lower(),
        "logger": record.name,
        "message": record.getMessage(),
    }
    line.update(extras(record))
    if record.exc_info:
        line["traceback"] = _traceback(record)
    return orjson.dumps(line, default=str).decode()


def as_text(record: logging.LogRecord) -> str:
    """Time, message and values for a person who watches `dev`."""
    clock = datetime.fromtimestamp(record.created).strftime("%H:%M:%S")
    values = {key: value for key, value in extras(record).items() if value is not None}
    event = values.pop("event", "")
    if event == "call":
        return f"{clock}  {_call(values)}"
    shown = "  ".join(f"{key}={_printable(value)}" for key, value in values.items())
    level = "" if record.levelno < logging.WARNING else record.levelname.lower() + ": "
    line = f"{clock}  {level}{_printable(record.getMessage())}  {shown}".rstrip()
    return f"{line}\n{_traceback(record)}" if record.exc_info else line


def _call(values: dict[str, Any]) -> str:
    """Who, channel, outcome, milliseconds, agent: as far as the call got."""
    who = f"{values['client']} (secret {values.get('secret')})" if "client" in values else "somebody"
    agent = f"agent {values['agent']}" if "agent" in values else "no agent"
    took = f"{values.get('ms', 0):.0f} ms"
    parts = [f"{values['status']} {values['outcome']}", who, values.get("channel", "no channel"), took, agent]
    return "  ".join([*parts, f"request {values['request_id']}"])


def _printable(value: object) -> str:
    text = str(value)
    return text if text.isprintable() else text.encode("unicode_escape").decode("ascii")


def _traceback(record: logging.LogRecord) -> str:
    return logging.Formatter().formatException(record.exc_info) if record.exc_info else ""


def configure(style: str, secrets: Iterable[str], *, level: int = logging.INFO, stream: IO[str] | None = None) -> None:
    """Send every log line to `stream` (standard error) as `json` or `text`; replaces what was set up before."""
    handler = Lines(stream or sys.stderr)
    handler.setFormatter(Masked(as_json if style == "json" else as_text, secrets))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    # uvicorn's own lines of starting and ending say less than ours; its warnings stay.
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    # Its line for each request holds the URL, and nothing that our own lines do not say.
    logging.getLogger("httpx2").setLevel(logging.WARNING)
    # The optimisations of the standard library's documentation: none of these is in our lines.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging._srcfile = None
