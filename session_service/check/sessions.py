"""How many sessions a run may start and has started.

Decided here: that a good call takes one of those that were announced, that calls which had to be refused and were
answered all the same have a small allowance of their own, and that nothing more is sent once either is used up. An
endpoint that lets everybody in costs its owner a handful of sessions, not one for each probe. A call that was sent and
not answered in time counts, because an agent may be on its way; one that never arrived, or that something else than an
endpoint answered, does not.
"""

from dataclasses import dataclass

from session_service.check.asking.messages import Exchange, Silence
from session_service.check.diagnosis import strangers
from session_service.check.model import CannotTell

UNEXPECTED = 10
"""Sessions that calls which had to be refused may start before no more such calls are made."""

_NO_ENDPOINT = frozenset(
    {
        Silence.NO_ADDRESS,
        Silence.REFUSED,
        Silence.UNREACHABLE,
        Silence.CONNECT_TIMEOUT,
        Silence.NO_HANDSHAKE,
        Silence.TLS,
        Silence.NOT_HTTP,
        Silence.LONG_HEAD,
        Silence.LONG_BODY,
    }
)


def may_have_started(exchange: Exchange) -> bool:
    """Whether a session may have come of that call."""
    if exchange.answer is None:
        return exchange.silence not in _NO_ENDPOINT
    return exchange.is_success and not strangers.is_page(exchange.answer)


@dataclass(slots=True)
class Sessions:
    """The count of one run. `announced` is what the plan needs; `spare` what may be started beyond it."""

    announced: int
    spare: int = UNEXPECTED
    started: int = 0
    _taken: int = 0
    _beyond: int = 0

    def take(self) -> None:
        """One good call is about to be made; CannotTell where no session is left for it."""
        if self._taken >= self.announced:
            raise CannotTell(f"the {self.announced} sessions that were announced are used up")
        self._taken += 1
        self.started += 1

    def give_back(self) -> None:
        """The good call was refused, so that nothing was started and the session is left for another."""
        self._taken -= 1
        self.started -= 1

    def may_probe(self) -> None:
        """CannotTell where calls that had to be refused have started all that they may."""
        if self._beyond >= max(self.spare, 1):
            raise CannotTell(
                f"{self._beyond} calls that had to be refused started sessions; no more such calls are made"
            )

    def unexpected(self) -> None:
        """A call that had to be refused was answered 2xx."""
        self._beyond += 1
        self.started += 1
