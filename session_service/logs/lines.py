"""Where log lines go: to one stream, those of a turn of the event loop together, and nobody is waited for.

Decided here: when a line is written, and what happens where nobody reads. A write for each would cost more than the
line (docs/performance.md). A terminal that is paused, or a collector that hangs, fills its pipe, and a write to that
would stop the process: no call, no clock and no end of the service would go on until somebody reads. So the system is
asked for room first; the rest is kept for a while, then dropped and counted. Set up by `logs.configure`.
"""

import asyncio
import contextlib
import logging
import os
import select
import stat
import time
from collections.abc import Callable
from typing import IO

MOST_KEPT = 1 << 20
"""Bytes that are kept for a reader who has stopped."""
PIECE = select.PIPE_BUF
"""Bytes that a pipe takes whole, once it says that it has room (pipe(7), PIPE_BUF)."""
AGAIN = 0.2
"""Seconds until somebody who has stopped reading is looked for again."""
FAREWELL = 1.0
"""Seconds that the end of the process waits for a reader, who may only be slow."""


class Outlet:
    """A stream, for as much as it takes at once. Files take everything."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self._room = _room(stream)
        self._kept = bytearray()
        self.dropped = 0
        """Lines that were lost, since somebody set this to 0."""

    @property
    def is_stopped(self) -> bool:
        """Whether something is kept that nobody has taken yet."""
        return bool(self._kept)

    def write(self, text: str) -> None:
        """Write whole lines, or keep what is not taken now. Raises OSError where nobody will ever read."""
        if self._room is None:
            self._stream.write(text)
            self._stream.flush()
            return
        data = text.encode(errors="backslashreplace")
        if len(self._kept) + len(data) > MOST_KEPT:
            self.dropped += data.count(b"\n")
        else:
            self._kept += data
        self.drain(0)

    def drain(self, seconds: float) -> None:
        """Write what was kept, and wait so long for somebody to take it. Raises OSError, and then keeps nothing."""
        until = time.monotonic() + seconds
        try:
            while self._kept and self._room and self._room(max(0.0, until - time.monotonic()) * 1e3):
                end = self._kept.rfind(b"\n", 0, PIECE) + 1 or PIECE
                del self._kept[: os.write(self._stream.fileno(), self._kept[:end])]
        except BlockingIOError:  # somebody else has changed the descriptor's mode, and there is no room
            return
        except OSError:
            self._kept.clear()
            raise


class Lines(logging.Handler):
    """Writes lines to a stream: those of one turn of the event loop at once, at its end.

    A line is written immediately where no loop runs, and from ERROR on, with all that waits: what comes next may be the
    end of the process. logging.shutdown, which Python calls at its exit, writes the rest.
    """

    def __init__(self, stream: IO[str]) -> None:
        super().__init__()
        self._outlet = Outlet(stream)
        self._waiting: list[logging.LogRecord] = []
        self._retry: asyncio.TimerHandle | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a record until the turn ends. The first one that waits sees to that."""
        self._waiting.append(record)
        if record.levelno >= logging.ERROR:
            self.flush()
        elif len(self._waiting) == 1:
            self._flush_soon()

    def flush(self) -> None:
        """Write what waits, as far as it is taken."""
        self.acquire()
        try:
            records, self._waiting = self._waiting, []
            if records:
                self._outlet.write("".join(map(self._line, records)))
            self._look_after_the_rest()
        except OSError:
            self.handleError(records[0])
        finally:
            self.release()

    def close(self) -> None:
        """Give a reader who is slow the time to take the rest."""
        self._drain(FAREWELL)
        super().close()

    def _flush_soon(self) -> None:
        try:
            asyncio.get_running_loop().call_soon(self.flush)
        except RuntimeError:
            self.flush()

    def _look_after_the_rest(self) -> None:
        if self._outlet.is_stopped:
            self._try_again_later()
        elif self._outlet.dropped:
            dropped, self._outlet.dropped = self._outlet.dropped, 0
            self.emit(_loss(dropped))

    def _try_again_later(self) -> None:
        if self._retry is None:
            with contextlib.suppress(RuntimeError):  # without a loop, the next line tries
                self._retry = asyncio.get_running_loop().call_later(AGAIN, self._try_again)

    def _try_again(self) -> None:
        self._retry = None
        self._drain(0)
        self._look_after_the_rest()

    def _drain(self, seconds: float) -> None:
        self.acquire()
        try:
            self._outlet.drain(seconds)
        except OSError:  # nobody will ever read, as the next line will tell
            return
        finally:
            self.release()

    def _line(self, record: logging.LogRecord) -> str:
        """One line, or nothing and the standard library's own report where a record cannot be rendered."""
        try:
            return self.format(record) + "\n"
        except Exception:  # noqa: BLE001 - a line that fails must not take the others with it, or the caller
            self.handleError(record)
            return ""


def _room(stream: IO[str]) -> Callable[[float], object] | None:
    """What waits so many milliseconds for room for a write, and tells whether there is; None where there always is."""
    try:
        descriptor = stream.fileno()
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            return None
    except (OSError, ValueError):
        return None
    room = select.poll()
    room.register(descriptor, select.POLLOUT)
    return room.poll


def _loss(count: int) -> logging.LogRecord:
    own = {
        "name": __name__,
        "levelno": logging.WARNING,
        "levelname": "WARNING",
        "msg": "lines that nobody read are lost",
    }
    return logging.makeLogRecord(own | {"event": "log.dropped", "count": count})
