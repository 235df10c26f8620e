"""The small programs that process tests start, each an agent with one habit, and what they leave behind."""

import os
import sys
from pathlib import Path

PROC = Path("/proc")
HEAD = "import os, signal, sys, time\n"


def program(code: str) -> tuple[str, ...]:
    """A command that runs `code` in a Python that starts fast and knows nothing of this repository."""
    return (sys.executable, "-I", "-S", "-c", HEAD + code)


STAYS = program("print('ready', flush=True); signal.pause()")
STUBBORN = program(
    "signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True)\nwhile True: signal.pause()"
)
NAMELESS = program(
    "if 'SESSION_ID' in os.environ: os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], {})\n"
    "print('ready', flush=True); signal.pause()"
)
SILENT = program("signal.pause()")
LEAVES = program("sys.exit(3)")
FORKS = program(
    "if os.fork() == 0:\n"
    "    signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    "    print('grandchild', os.getpid(), flush=True)\n"
    "    print('ready', flush=True)\n"
    "signal.pause()"
)
DEAF = program("os.close(0); print('ready', flush=True); signal.pause()")
ECHOES = program("data = sys.stdin.read(); print(data); print('ready', flush=True); signal.pause()")
FLOODS = program("print('ready', flush=True)\nwhile True: os.write(1, b'word word word\\n' * 4096)")
ENDLESS = program("print('ready')\nsys.stdout.flush()\nfor _ in range(64): os.write(1, b'x' * 65536)\nsys.exit(0)")


def alive(pid: int) -> bool:
    """Whether that process still runs; one that is only unreaped does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return not (PROC.exists() and _unreaped(PROC / str(pid) / "stat"))


def _unreaped(stat: Path) -> bool:
    try:
        return stat.read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def children() -> set[int]:
    """The children of this process, reaped ones excluded. Empty where the system has no /proc."""
    found = PROC.glob("self/task/*/children")
    return {int(pid) for path in found for pid in path.read_text().split()}


def descriptors() -> int:
    """How many file descriptors this process has; a look for stragglers, which has /proc open, may still go on."""
    return sum(map(_counts, os.listdir("/dev/fd")))


def _counts(descriptor: str) -> bool:
    try:
        return not os.readlink(f"/dev/fd/{descriptor}").startswith(str(PROC))
    except FileNotFoundError:  # closed since it was listed, as the list itself
        return False
    except OSError:  # not a link, on macOS
        return True
