"""Endpoints that do not keep sessions apart, or break when there are several at once."""

import itertools
import secrets
import time
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from tests.check.correct import token
from tests.check.mutants.mutant import Mutant


class OneChannel(Mutant):
    """Has one channel for everybody."""

    BREAKS: ClassVar = {"G01": "fail"}

    def channel(self) -> str:
        return "cekura-0123456789abcdef0123456789abcdef"


class Counted(Mutant):
    """Counts its channels."""

    BREAKS: ClassVar = {"G01": "fail"}
    NUMBERS: ClassVar[Iterator[int]] = itertools.count(95)

    def channel(self) -> str:
        return f"call-{next(self.NUMBERS)}"


class Timed(Mutant):
    """Names its channels after the clock."""

    BREAKS: ClassVar = {"G01": "fail"}

    def channel(self) -> str:
        return f"call-{time.time_ns()}"


class Short(Mutant):
    """Has channels of four random bytes."""

    BREAKS: ClassVar = {"G01": "fail"}

    def channel(self) -> str:
        return f"call-{secrets.token_hex(4)}"


class Kept(Mutant):
    """Keeps the first token for all calls that come."""

    BREAKS: ClassVar = {"G01": "fail"}
    TOKENS: ClassVar[list[str]] = []

    def token(self, channel: str) -> str:
        self.TOKENS.append(token(channel))
        return self.TOKENS[0]


class Stuck(Mutant):
    """Has one channel for every call from the sixth on."""

    BREAKS: ClassVar = {"G01": "fail"}
    BEGUN: ClassVar[list[str]] = []

    def channel(self) -> str:
        self.BEGUN.append(super().channel())
        return self.BEGUN[:6][-1]


class Overrun(Mutant):
    """Breaks when many sessions run, instead of saying that there is no room."""

    BREAKS: ClassVar = {"L01": "fail"}
    PROFILE: ClassVar = "full"
    STATUS: ClassVar = 500
    NUMBERS: ClassVar[Iterator[int]] = itertools.count(1)

    def answer(self) -> tuple[int, Any, Mapping[str, str]]:
        answer = super().answer()
        return (self.STATUS, {"error": "busy"}, {}) if answer[0] == 200 and next(self.NUMBERS) > 20 else answer


class Impolite(Overrun):
    """Does not say when there is room again."""

    STATUS: ClassVar = 503
    NUMBERS: ClassVar = itertools.count(1)


class OneAtATime(Mutant):
    """Refuses a second session while one runs, so that nothing can be told by the variations of the good call."""

    BREAKS: ClassVar = {"A08": "inconclusive", "R02": "inconclusive", "R06": "inconclusive", "G01": "fail"}
    NUMBERS: ClassVar[Iterator[int]] = itertools.count()

    def answer(self) -> tuple[int, Any, Mapping[str, str]]:
        answer = super().answer()
        return (409, {"error": "a session is running"}, {}) if answer[0] == 200 and next(self.NUMBERS) else answer


class RunsDry(Mutant):
    """Has agents for seven calls, and tells the eighth in the body alone that there is none."""

    BREAKS: ClassVar = {"G01": "fail"}
    NUMBERS: ClassVar[Iterator[int]] = itertools.count(1)

    def answer(self) -> tuple[int, Any, Mapping[str, str]]:
        answer = super().answer()
        return (200, {"error": "no agent"}, {}) if answer[0] == 200 and next(self.NUMBERS) > 7 else answer


MUTANTS: tuple[type[Mutant], ...] = (
    OneChannel,
    Counted,
    Timed,
    Short,
    Kept,
    Stuck,
    Overrun,
    Impolite,
    OneAtATime,
    RunsDry,
)
