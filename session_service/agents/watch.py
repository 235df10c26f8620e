"""Being told that a child process has ended, before it is reaped.

Decided here: by which means of the operating system. Called by `agents.child`, which must see the end first and reap
later: until then neither the process's id nor its group's can belong to anybody else.

Linux tells it through a file descriptor of the process (pidfd_open(2)). Where there is none (on macOS, and in a
container whose seccomp profile forbids the call), a thread of its own waits for each process.
"""

import asyncio
import contextlib
import os
import select
import sys
import threading
from collections.abc import Callable

Ended = Callable[[], None]


def watch(pid: int, ended: Ended) -> None:
    """Call `ended` once, on the running loop, when the child `pid` has ended; the caller reaps it then."""
    if sys.platform == "linux":
        try:
            descriptor = os.pidfd_open(pid)
        except OSError:
            pass
        else:
            asyncio.get_running_loop().add_reader(descriptor, _tell, descriptor, ended)
            return
    watch_by_thread(pid, ended)


def _tell(descriptor: int, ended: Ended) -> None:
    asyncio.get_running_loop().remove_reader(descriptor)
    os.close(descriptor)
    ended()


def watch_by_thread(pid: int, ended: Ended) -> None:
    """Do what `watch` does by a thread that sleeps until then."""
    loop = asyncio.get_running_loop()
    threading.Thread(target=_wait, args=(pid, loop, ended), name=f"agent-{pid}", daemon=True).start()


def _wait(pid: int, loop: asyncio.AbstractEventLoop, ended: Ended) -> None:
    _sleep_until_exit(pid)
    with contextlib.suppress(RuntimeError):  # the loop is closed: nobody is left to be told
        loop.call_soon_threadsafe(ended)


if sys.platform == "darwin" and sys.version_info < (3, 13):

    def _sleep_until_exit(pid: int) -> None:
        """Python has waitid(2) on macOS from 3.13 on; kqueue(2) tells the end without reaping, too."""
        end = select.kevent(pid, select.KQ_FILTER_PROC, select.KQ_EV_ADD, select.KQ_NOTE_EXIT)
        with contextlib.closing(select.kqueue()) as queue, contextlib.suppress(ProcessLookupError):
            queue.control([end], 1)

else:

    def _sleep_until_exit(pid: int) -> None:
        with contextlib.suppress(ChildProcessError):  # SIGCHLD is ignored, so the kernel has reaped it
            os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
