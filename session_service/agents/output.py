"""What an agent prints, as events of the log under its session's id.

Decided here: how lines are made of reads, how long a line and how many of them the log takes, and that nothing reaches
it before it is free of the session's secrets and of control characters. Called by the launchers that see their agents'
output. What the log does not take is read all the same, so that an agent never waits for us.
"""

import logging
from collections.abc import Callable, Sequence

from session_service.agents.contract import AgentSpec
from session_service.agents.redaction import Redactor

LONGEST_LINE = 2000
"""Characters of a line that are shown, its mark included."""

CUT = "... [cut]"
LINES_PER_SECOND = 50.0
BURST = 200
TOLD_LATER = 8
"""Of the secrets that an agent was told since its start, so many are taken out too, the latest: a fresh token lasts."""
_BUFFER = 4 * LONGEST_LINE  # a UTF-8 character has at most four bytes

logger = logging.getLogger("session_service.agents")


def redactor(spec: AgentSpec, told_later: Sequence[str] = ()) -> Redactor:
    """What takes this session's secrets out of its agent's words."""
    return Redactor((*spec.secrets(), *told_later), public=(spec.session_id, spec.agora.app_id, spec.agora.channel))


def printable(text: str) -> str:
    """Escape whatever could move a terminal's cursor, end a line or hide other text."""
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode() for character in text
    )


class Allowance:
    """A token bucket: `burst` at once, then `rate` a second. `clock` gives seconds and never runs backwards.

    Once empty it gives nothing until it holds a second's worth, so that a flood is told of once a second and not
    between any two lines.
    """

    def __init__(self, rate: float, burst: int, clock: Callable[[], float]) -> None:
        self._rate, self._burst, self._clock = rate, float(burst), clock
        self._left, self._then = self._burst, clock()
        self._empty = False

    def take(self) -> bool:
        """Tell whether one more is allowed now, and count it if so."""
        now = self._clock()
        self._left = min(self._burst, self._left + (now - self._then) * self._rate)
        self._then = now
        self._empty = self._left < (self._rate if self._empty else 1)
        if not self._empty:
            self._left -= 1
        return not self._empty


class Output:
    """The output of one agent. `hear` takes it as it comes, `close` ends it; neither raises over what it holds."""

    def __init__(self, spec: AgentSpec, clock: Callable[[], float]) -> None:
        self._spec = spec
        self._told_later: tuple[str, ...] = ()
        self._redact: Redactor | None = None
        self._allowance = Allowance(LINES_PER_SECOND, BURST, clock)
        self._unfinished = b""
        self._cut = False
        self._dropped = 0

    def hide(self, secret: str) -> None:
        """Take this one out as well, from now on."""
        self._told_later = (*self._told_later, secret)[-TOLD_LATER:]
        self._redact = None

    def hear(self, data: bytes) -> None:
        """Log the lines that `data` completes, and keep the beginning of the next, as far as it would be shown."""
        first, *others = data.split(b"\n", 1)
        self._keep(first)
        if not others:
            return
        self._finish()
        start = self._log_lines(others[0])
        self._keep(others[0][start:])

    def close(self) -> None:
        """Log what is left of an unfinished line, and how much was dropped."""
        self._finish()
        self._tell_dropped()

    def _log_lines(self, data: bytes) -> int:
        """Log the complete lines of `data` until the allowance ends; return where the unfinished one begins."""
        start = 0
        while (end := data.find(b"\n", start)) >= 0:
            if not self._allowance.take():
                self._dropped += data.count(b"\n", start)
                return data.rfind(b"\n") + 1
            self._log(data[start : min(end, start + _BUFFER)], cut=end - start > _BUFFER)
            start = end + 1
        return start

    def _keep(self, data: bytes) -> None:
        room = _BUFFER - len(self._unfinished)
        self._cut = self._cut or len(data) > room
        self._unfinished += data[:room]

    def _finish(self) -> None:
        line, cut = self._unfinished, self._cut
        self._unfinished, self._cut = b"", False
        if not line:
            return
        if self._allowance.take():
            self._log(line, cut=cut)
        else:
            self._dropped += 1

    def _log(self, raw: bytes, *, cut: bool) -> None:
        self._tell_dropped()
        line = printable(self._redacted(raw.decode(errors="replace").rstrip("\r")))
        if cut or len(line) > LONGEST_LINE:
            line = line[: LONGEST_LINE - len(CUT)] + CUT
        if line:
            logger.info("agent output", extra={"event": "agent.output", "session": self._spec.session_id, "line": line})

    def _redacted(self, line: str) -> str:
        """The first line pays for what it takes, a fifth of a process's start: not every agent prints one."""
        if self._redact is None:
            self._redact = redactor(self._spec, self._told_later)
        return self._redact(line)

    def _tell_dropped(self) -> None:
        if self._dropped:
            values = {"event": "agent.output_dropped", "session": self._spec.session_id, "dropped": self._dropped}
            logger.warning("agent output was dropped: too many lines", extra=values)
            self._dropped = 0
