"""One started process and the group that it leads: fed once, listened to, ended once.

Decided here: the order of an end. When the leader has ended, whatever remains of its group is killed, and only then is
the leader reaped: until then the group's id cannot belong to anybody else. Used by `agents.process`.
"""

import asyncio
import contextlib
import os
import signal
import subprocess
from collections.abc import Callable
from typing import IO, cast

from session_service.agents.pipes import Feeder, Listener
from session_service.agents.watch import watch


class Child:
    """Made on the running loop from a process that leads its own group and has pipes for input and output.

    `hear` gets what the group prints; `ended` gets the exit code once all is heard (negative: the signal that ended
    it). Then `gone` is set: the process is reaped and every descriptor closed.
    """

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        handover: bytes,
        hear: Callable[[bytes], None],
        ended: Callable[[int], None],
    ) -> None:
        self.gone = asyncio.Event()
        self.stopping = False
        self._process = process
        self._ended = ended
        self._killer: asyncio.TimerHandle | None = None
        self._listener = Listener(cast("IO[bytes]", process.stdout), hear)
        self._feeder = Feeder(cast("IO[bytes]", process.stdin), handover)
        watch(process.pid, self._on_exit)

    def stop(self, grace: float) -> None:
        """Ask the group to end, and kill it after `grace` seconds. Asked again, or too late, it changes nothing."""
        if self.stopping:
            return
        self.stopping = True
        if not self.gone.is_set():  # else the group's id may be somebody else's by now
            self._signal(signal.SIGTERM)
            self._killer = asyncio.get_running_loop().call_later(grace, self._signal, signal.SIGKILL)

    def kill(self) -> None:
        """End the group now, unless it has ended."""
        if not self.gone.is_set():
            self._signal(signal.SIGKILL)

    def _on_exit(self) -> None:
        self._signal(signal.SIGKILL)
        code = self._process.wait()
        if self._killer is not None:
            self._killer.cancel()
        self._feeder.close()
        self._listener.close()
        self._ended(code)
        del self._ended  # which holds whoever holds this
        self.gone.set()

    def _signal(self, number: signal.Signals) -> None:
        # macOS says "not permitted" of a group in which nobody is left but an unreaped leader.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)
