"""What the stand-ins for agent servers have in common: who called, in which order, and what is played next."""

import asyncio
import threading
from collections import defaultdict, deque
from dataclasses import dataclass, field

from starlette.responses import Response

from tests.standins.faults import Act, Fault

PATIENCE = 30.0


class Arrivals(dict[str, threading.Event]):
    """An event for each kind of call, the same one for whoever asks first: the stand-in, or the test in its thread."""

    def __missing__(self, call: str) -> threading.Event:
        return self.setdefault(call, threading.Event())

    async def first(self, call: str) -> None:
        """Return when one has come; fail when none does."""
        assert await asyncio.to_thread(self[call].wait, PATIENCE), f"no {call} has come"


@dataclass
class Playing:
    """The calls so far, an event for each kind that came, and the faults that wait for their turn."""

    calls: list[str] = field(default_factory=list)
    arrived: Arrivals = field(default_factory=Arrivals)
    faults: defaultdict[str, deque[Fault]] = field(default_factory=lambda: defaultdict(deque))

    def plays(self, call: str, *faults: Fault) -> None:
        """Play these, one for each of the next requests of that kind."""
        self.faults[call].extend(faults)

    async def answer(self, call: str, act: Act) -> Response:
        """What is heard of one request whose body has been read."""
        self.calls.append(call)
        self.arrived[call].set()
        faults = self.faults[call]
        return await (faults.popleft()(act) if faults else act())
