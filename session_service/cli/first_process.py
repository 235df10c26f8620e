"""The first process of a container: it inherits what agents leave behind, and nobody else reaps that.

Decided here: that a service which is started as such goes on as its child, while the first process hands signals on,
reaps, and ends as its child does. So an image needs no init, and where there is one nothing happens here. Called by
`serve`, before anything has begun that a fork would double.
"""

import contextlib
import os
import signal
import sys
from collections.abc import Iterator

FIRST = 1
_BY_SIGNAL = 128
"""Added to a signal's number where it ended the service, as shells and container engines have it."""
_HANDED_ON = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)
_HEARD = (*_HANDED_ON, signal.SIGCHLD)


def leave_it() -> None:
    """Return in a process that is not the first."""
    if os.getpid() != FIRST:
        return
    signal.pthread_sigmask(signal.SIG_BLOCK, _HEARD)  # until somebody is there to hear them
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # whoever starts a container with it ignored is told of no end
    child = os.fork()
    if child == 0:
        os.setpgid(0, 0)  # else Ctrl-C would come twice: from the terminal, and from the first process
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _HEARD)
        return
    code = _ended(child)
    sys.exit(code if code >= 0 else _BY_SIGNAL - code)


def _ended(child: int) -> int:
    """The exit code of the service, negative for a signal; until then, its signals are handed on.

    Signals are taken one by one and never handled: a handler is not run if its signal comes in the moment before a
    wait, and SIGTERM would be heard only when the next agent ends.
    """
    while True:
        number = signal.sigwait(_HEARD)
        if number != signal.SIGCHLD:
            os.kill(child, number)
            continue
        for process, status in _reaped():
            if process == child:
                return os.waitstatus_to_exitcode(status)


def _reaped() -> Iterator[tuple[int, int]]:
    """Every process that waits for it: one SIGCHLD may stand for several."""
    with contextlib.suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            yield ended
