"""The first process of a container: it inherits what agents leave behind, and nobody else reaps that.

Decided here: that a service which is started as such goes on as its child, while the first process hands signals on,
reaps, and ends as its child does. So an image needs no init, and where there is one nothing happens here. Called by
`serve`, before anything has begun that a fork would double.
"""

import contextlib
import os
import signal
import sys
from typing import NoReturn

FIRST = 1
_BY_SIGNAL = 128
"""Added to a signal's number where it ended the service, as shells and container engines have it."""
_HANDED_ON = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)


def leave_it() -> None:
    """Return in a process that is not the first."""
    if os.getpid() != FIRST:
        return
    signal.pthread_sigmask(signal.SIG_BLOCK, _HANDED_ON)  # until somebody is there to hear them
    child = os.fork()
    if child == 0:
        os.setpgid(0, 0)  # else Ctrl-C would come twice: from the terminal, and from the first process
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _HANDED_ON)
        return
    _stand_in_for(child)


def _stand_in_for(child: int) -> NoReturn:
    def hand_on(number: int, _: object) -> None:
        with contextlib.suppress(ProcessLookupError):  # it has just been reaped
            os.kill(child, number)

    for number in _HANDED_ON:
        signal.signal(number, hand_on)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _HANDED_ON)
    ended = 0
    while ended != child:
        ended, status = os.wait()
    code = os.waitstatus_to_exitcode(status)
    sys.exit(code if code >= 0 else _BY_SIGNAL - code)
