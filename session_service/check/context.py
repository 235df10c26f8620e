"""What a case works with: the target, a way to ask it, and what was seen so far.

Decided here: that calls which may start a session are counted before they are sent, that a caller who is told to wait
waits once, and how long a whole run may take. Made by the runner, one for each run; the cases keep nothing themselves.
"""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field

from session_service.check.asking import addresses, calls, wire
from session_service.check.asking.addresses import Addresses, Resolve
from session_service.check.asking.calls import Secret
from session_service.check.asking.messages import BUSY, Answer, Exchange, Request, Silence
from session_service.check.asking.wire import DEFAULT_LIMITS, Connection, Limits
from session_service.check.model import CannotTell, NotApplicable
from session_service.check.sessions import Sessions, may_have_started
from session_service.check.target import Target

LONGEST_WAIT = 10.0
"""Seconds that a Retry-After is obeyed for; who asks for more is not waited for."""


@dataclass(frozen=True, slots=True)
class World:
    """What the checker takes from the machine: both clocks, random bytes, patience, trust, and what names stand for."""

    now: Callable[[], float]
    elapsed: Callable[[], float]
    entropy: Callable[[int], bytes]
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    tls: Callable[[], ssl.SSLContext] = ssl.create_default_context
    resolve: Resolve = addresses.system


@dataclass(slots=True)
class Context:
    """One run. `where` is what the host was resolved to; every connection goes to the one address chosen there."""

    target: Target
    world: World
    sessions: Sessions
    limits: Limits = DEFAULT_LIMITS
    where: Addresses = field(default_factory=Addresses)
    good: Exchange | None = None
    """The first good call, which R01 makes and the cases of response, token and encryption read."""
    minted: list[Exchange] = field(default_factory=list)
    """Every call that had to be answered with join details and was answered 200, R01's among them."""
    refused: list[Exchange] = field(default_factory=list)
    """Every call that had to be refused, with whatever it was answered."""
    heard: Callable[[Exchange], None] = lambda _: None
    """Told everything that was asked and answered: what came back may hold what no report may show."""
    _trust: ssl.SSLContext | None = field(default=None, init=False, repr=False)

    def right(self) -> Secret:
        """The secret itself."""
        return calls.right(self.target)

    def wrong(self) -> Secret:
        """A secret of the same length that opens nothing, another one each time."""
        return calls.wrong(self.target, self.world.entropy(16))

    def first_answer(self) -> Answer:
        """The answer to the first good call; NotApplicable where R01 was left out, so that there is none."""
        if self.good is None or self.good.answer is None:
            raise NotApplicable("R01 was left out, so there is no answer to look at")
        return self.good.answer

    async def refusal(self, request: Request) -> Exchange:
        """Make a call that has to be refused. One that is answered 2xx all the same counts as a session."""
        self.sessions.may_probe()
        exchange = await self._patiently(request)
        self.was_to_be_refused(exchange)
        return exchange

    def was_to_be_refused(self, exchange: Exchange) -> None:
        """Keep such a call that a case made on a connection of its own, after `sessions.may_probe`."""
        self.refused.append(exchange)
        if exchange.answer and may_have_started(exchange):
            self.sessions.unexpected()

    async def mint(self, request: Request, *, patient: bool = True) -> Exchange:
        """Make a call that has to be answered with join details. It counts as a session unless none can be of it.

        Where not `patient`, the answer that the endpoint is busy is as good as any other.
        """
        self.sessions.take()
        try:
            exchange = await (self._patiently(request) if patient else self.once(request))
        except (CannotTell, NotApplicable):
            self.sessions.give_back()
            raise
        if not may_have_started(exchange):
            self.sessions.give_back()
        if exchange.status == 200:
            self.minted.append(exchange)
        return exchange

    async def once(self, request: Request) -> Exchange:
        """Send it on a connection of its own, whatever comes."""
        try:
            async with self.connected() as connection:
                return await connection.exchange(request)
        except wire.NoConnection as error:
            return Exchange(request, silence=error.silence, detail=error.detail)

    def connected(self, tls: Callable[[], ssl.SSLContext] | None = None) -> AbstractAsyncContextManager[Connection]:
        """A connection of one's own; `wire.NoConnection` where there is none.

        NotApplicable where it would be plain http to another machine, whichever checks were left out.
        """
        endpoint, address = self.target.endpoint, self.where.chosen
        if not address:
            raise wire.NoConnection(Silence.NO_ADDRESS, self.where.trouble)
        if not endpoint.tls and not addresses.is_loopback(address):
            raise NotApplicable("the URL is plain http to another machine, where nothing is sent")
        return wire.connected(endpoint, address, self.limits, tls or self._trusting, self.heard)

    def _trusting(self) -> ssl.SSLContext:
        """The machine's trust, read once: that takes longer than a call on loopback does."""
        self._trust = self._trust or self.world.tls()
        return self._trust

    async def _patiently(self, request: Request) -> Exchange:
        """Once more after the time in Retry-After, if the answer is that the endpoint is busy; then CannotTell."""
        exchange = await self.once(request)
        pause = _pause(exchange)
        if pause is None:
            return exchange
        if pause <= LONGEST_WAIT:
            await self.world.sleep(pause)
            exchange = await self.once(request)
        if _pause(exchange) is not None:
            waited = "twice" if pause <= LONGEST_WAIT else f"and asks for more than {LONGEST_WAIT:.0f} s of patience"
            raise CannotTell(
                f"the endpoint answered {exchange.status}, come back later, {waited}; let it take more calls from this "
                "machine, or choose fewer checks"
            )
        return exchange


def _pause(exchange: Exchange) -> float | None:
    """Seconds to wait before asking again; None where the answer is a real one."""
    if exchange.answer is None or exchange.answer.status not in BUSY:
        return None
    told = exchange.answer.header("retry-after")
    if told is None:
        return 1.0 if exchange.answer.status == 429 else None
    return float(told) if told.isascii() and told.isdigit() else LONGEST_WAIT + 1
