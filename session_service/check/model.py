"""The words of the checker: check, finding, outcome, result.

Decided here: what a check has to say of itself, and how its findings become one outcome. The cases fill these values,
the runner moves them, the reports show them. Nothing here sends anything.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Literal

from session_service.check.asking.messages import Exchange

if TYPE_CHECKING:
    from session_service.check.context import Context


class Severity(Enum):
    """How much a rule weighs, in the words of RFC 2119: MUST fails, SHOULD warns, INFO tells."""

    MUST = "MUST"
    SHOULD = "SHOULD"
    INFO = "INFO"


class Outcome(Enum):
    """What became of one check."""

    PASS = "pass"  # noqa: S105 - no password
    FAIL = "fail"
    WARN = "warn"
    INFO = "info"
    SKIP = "skip"
    INCONCLUSIVE = "inconclusive"


_OUTCOMES = {Severity.MUST: Outcome.FAIL, Severity.SHOULD: Outcome.WARN, Severity.INFO: Outcome.INFO}
_WEIGHTS = list(_OUTCOMES)


class Need(Enum):
    """What a check cannot do without; the value is what a person is told who has not got it."""

    TLS = "the URL is plain http on this machine"
    PUBLIC_HOST = "the host is this machine itself"
    POST = "the configured request method is GET, which has no body"
    FOLLOW = "nobody asked for it: --follow with --ops URL, or --join"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it must be.

    `what` is a sentence about what was seen. `severity`, `why` and `mend` are the check's own where they are None; a
    finding has its own where a part of a check weighs less, or where more is known than the check could say in advance.
    """

    what: str
    exchange: Exchange | None = None
    severity: Severity | None = None
    why: str | None = None
    mend: str | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """What a check saw: its findings, none where all is well, and a few words for the line of a check that passed."""

    findings: tuple[Finding, ...] = ()
    note: str = ""


Profile = Literal["quick", "standard", "full"]


class CannotTell(Exception):
    """What the check wanted to see was kept from it: by a limit on calls, or by time. The text says by what."""


class NotApplicable(Exception):
    """There is nothing here that the check could judge. The text says why."""


@dataclass(frozen=True, slots=True)
class Check:
    """One rule, and the function that looks whether an endpoint keeps it. `sends` tells what it asks, in a sentence.

    `sessions` is the number of sessions that a correct endpoint starts for it. `rests_on` names the clause or page;
    `assumptions` are rows of docs/assumptions.md, where the platform's own page does not say. `after` names the checks
    without which this one says nothing: if one of them fails, this one is skipped. `profile` is the smallest one
    that has this check.
    """

    id: str
    title: str
    sends: str
    severity: Severity
    rests_on: str
    why: str
    mend: str
    run: "Callable[[Context], Awaitable[Seen]]" = field(repr=False)
    assumptions: tuple[int, ...] = ()
    sessions: int = 0
    needs: tuple[Need, ...] = ()
    after: tuple[str, ...] = ()
    profile: Profile = "standard"


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one check. `reason` is why it was skipped or told nothing, or the note of one that passed."""

    check: Check
    outcome: Outcome
    findings: tuple[Finding, ...] = ()
    reason: str = ""
    seconds: float = 0.0

    def severity(self, finding: Finding) -> Severity:
        """What this finding weighs."""
        return finding.severity or self.check.severity


def judged(check: Check, seen: Seen, seconds: float) -> Result:
    """The result of a check that ran to its end: its gravest finding decides."""
    weights = [finding.severity or check.severity for finding in seen.findings]
    outcome = _OUTCOMES[min(weights, key=_WEIGHTS.index)] if weights else Outcome.PASS
    return Result(check, outcome, seen.findings, seen.note, seconds)
