"""What the worker needs of a channel, and what a channel tells it.

Decided here: four verbs and nine events, in which no SDK is named. `sdk` fulfils this with Agora's SDK, the tests with
a channel of their own.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Joined:
    """We are in the channel: for the first time, or again after Interrupted."""


@dataclass(frozen=True, slots=True)
class UserJoined:
    """Somebody is in the channel."""

    uid: int


@dataclass(frozen=True, slots=True)
class UserLeft:
    """Somebody is not any more; `lost`: without saying goodbye, so that they may come back."""

    uid: int
    lost: bool


@dataclass(frozen=True, slots=True)
class Heard:
    """Somebody said this: 16 kHz, mono, pcm_s16le."""

    uid: int
    pcm: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Interrupted:
    """Our own connection is lost; the channel tries to get it back."""


@dataclass(frozen=True, slots=True)
class Refused:
    """We may not be in the channel, for one of Agora's error numbers."""

    error: int


@dataclass(frozen=True, slots=True)
class Removed:
    """We are not in the channel any more, for one of Agora's reasons of a changed connection."""

    reason: int


@dataclass(frozen=True, slots=True)
class TokenWillExpire:
    """Our token is good for another half minute."""


@dataclass(frozen=True, slots=True)
class TokenExpired:
    """Our token is not good any more."""


Event = Joined | UserJoined | UserLeft | Heard | Interrupted | Refused | Removed | TokenWillExpire | TokenExpired
Tell = Callable[[Event], None]


class Channel(Protocol):
    """One seat in one channel, taken once."""

    def join(self, tell: Tell) -> None:
        """Begin to join. What happens is told by `tell`, from now on and from any thread.

        CannotServe where the join cannot even begin.
        """
        ...

    def send(self, pcm: bytes) -> None:
        """Say this: whole milliseconds of 16 kHz mono pcm_s16le. Only between Joined and `leave`."""
        ...

    def renew(self, token: str) -> None:
        """Go on with this token instead. Nothing happens after `leave`."""
        ...

    def leave(self) -> None:
        """Leave, within a second whatever happens; also safe where `join` failed half-way."""
        ...
