"""When the call begins, and when it is over.

Decided here: whom the worker waits for, how long, and what it means when nobody comes. No thread, no clock and no
channel: `worker` brings events and times.
"""

from dataclasses import dataclass
from enum import Enum, auto

from agora_worker import refusals
from agora_worker.channel import (
    Event,
    Heard,
    Interrupted,
    Joined,
    Refused,
    Removed,
    TokenExpired,
    UserJoined,
    UserLeft,
)
from agora_worker.errors import CannotServe


@dataclass(frozen=True, slots=True)
class Limits:
    """How long to wait, in seconds: for the join, for the tester to come, for a lost connection to come back."""

    join: float = 10.0
    tester: float = 60.0
    back: float = 15.0


class _Wait(Enum):
    JOIN = auto()
    TESTER = auto()
    TESTER_BACK = auto()
    BACK = auto()


class Presence:
    """Who is in the channel. Times are seconds of any clock that never runs backwards."""

    def __init__(self, tester_uid: int, limits: Limits, now: float) -> None:
        self.joined = False
        self.tester_came = False
        self.over = False
        """The tester has left for good."""
        self._tester = tester_uid
        self._limits = limits
        self._waits = {_Wait.JOIN: now + limits.join}

    @property
    def tester_there(self) -> bool:
        """Whether the tester is in the channel, as far as anybody can tell."""
        return self.tester_came and not self.over and _Wait.TESTER_BACK not in self._waits

    @property
    def due(self) -> float | None:
        """When `expire` is to be called, unless another event comes before."""
        return min(self._waits.values(), default=None)

    def note(self, event: Event, now: float) -> None:
        """Take in one event. CannotServe where it ends the call otherwise than by the tester's leaving."""
        match event:
            case Joined():
                self._note_joined(now)
            case UserJoined(uid) | Heard(uid) if uid == self._tester:
                self._note_tester()
            case UserLeft(uid, lost) if uid == self._tester:
                self._note_tester_gone(lost, now)
            case Interrupted():
                self._waits.setdefault(_Wait.BACK, now + self._limits.back)
            case Refused(error):
                raise CannotServe(refusals.refused(error))
            case Removed(reason):
                raise CannotServe(refusals.removed(reason))
            case TokenExpired():
                raise CannotServe(refusals.refused(109))

    def expire(self) -> None:
        """Take in that nothing came until `due`. CannotServe, unless it is only the tester who did not come back."""
        wait = min(self._waits, key=self._waits.__getitem__)
        if wait is not _Wait.TESTER_BACK:
            raise CannotServe(self._sentence(wait))
        self.over = True

    def _note_joined(self, now: float) -> None:
        if not self.joined:
            self.joined = True
            self._end_wait(_Wait.JOIN)
            if not self.tester_came:
                self._waits[_Wait.TESTER] = now + self._limits.tester
        self._end_wait(_Wait.BACK)

    def _note_tester(self) -> None:
        self.tester_came = True
        self._end_wait(_Wait.TESTER)
        self._end_wait(_Wait.TESTER_BACK)

    def _note_tester_gone(self, lost: bool, now: float) -> None:
        if lost:
            self._waits.setdefault(_Wait.TESTER_BACK, now + self._limits.back)
        else:
            self.over = True

    def _end_wait(self, wait: _Wait) -> None:
        self._waits.pop(wait, None)

    def _sentence(self, wait: _Wait) -> str:
        if wait is _Wait.TESTER:
            return f"The tester did not come within {self._limits.tester:g} s, so the agent left."
        if wait is _Wait.BACK:
            return f"The connection to Agora was lost, and did not come back within {self._limits.back:g} s."
        return f"Agora did not answer the join within {self._limits.join:g} s. Is its network reachable from here?"
