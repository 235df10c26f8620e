"""The two pipes between this process and an agent, neither of which may make the event loop wait.

Decided here: when to write and read. Used by `agents.child`. Both close their descriptor themselves as soon as there is
nothing left to do with it, and at the latest when told.
"""

import asyncio
import contextlib
import os
from collections.abc import Callable
from typing import IO

_READ = 65536
_LAST_READS = 16  # what an ended agent left behind; a pipe holds one read's worth unless somebody made it larger
_REST = 0.005


class Feeder:
    """Writes `data` to the agent's standard input and closes it. An agent that does not want to read need not."""

    def __init__(self, stream: IO[bytes], data: bytes) -> None:
        os.set_blocking(stream.fileno(), False)
        self._stream = stream
        self._left = memoryview(data)
        self._loop = asyncio.get_running_loop()
        self._write()
        if not stream.closed:
            self._loop.add_writer(stream.fileno(), self._write)

    def close(self) -> None:
        """Give up what is unwritten; a no-op when all is."""
        if not self._stream.closed:
            self._loop.remove_writer(self._stream.fileno())
            self._stream.close()

    def _write(self) -> None:
        try:
            self._left = self._left[os.write(self._stream.fileno(), self._left) :]
        except BlockingIOError:
            return
        except BrokenPipeError:
            self._left = self._left[:0]
        if not self._left:
            self.close()


class Listener:
    """Hands what the agent prints to `hear`, as it comes.

    After a full read it rests for a moment: a flood then costs the agent that causes it, at 13 MB a second, and not the
    other sessions of this loop.
    """

    def __init__(self, stream: IO[bytes], hear: Callable[[bytes], None]) -> None:
        os.set_blocking(stream.fileno(), False)
        self._stream, self._hear = stream, hear
        self._loop = asyncio.get_running_loop()
        self._rest: asyncio.TimerHandle | None = None
        self._listen()

    def close(self) -> None:
        """Hand over what the pipe still holds, and close it whoever may still have its other end."""
        for _ in range(_LAST_READS):
            if not self._read():
                break
        self._close()

    def _listen(self) -> None:
        self._loop.add_reader(self._stream.fileno(), self._on_readable)

    def _on_readable(self) -> None:
        if self._read() == _READ:
            self._loop.remove_reader(self._stream.fileno())
            self._rest = self._loop.call_later(_REST, self._listen)

    def _read(self) -> int:
        """Read once; return how many bytes that gave, none at the end and where there is nothing now."""
        if self._stream.closed:
            return 0
        with contextlib.suppress(BlockingIOError):
            data = os.read(self._stream.fileno(), _READ)
            if data:
                self._hear(data)
            else:
                self._close()
            return len(data)
        return 0

    def _close(self) -> None:
        if self._rest is not None:
            self._rest.cancel()
        if not self._stream.closed:
            self._loop.remove_reader(self._stream.fileno())
            self._stream.close()
            del self._hear  # which holds whoever holds this: what an agent takes is freed at its end (`collector`)
