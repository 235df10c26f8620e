"""One run: check after check, each result told as soon as it is certain.

Decided here: that a check may be made before the one that it comes after, where it starts no session and that one does;
its result is held back until the other's is known. So an endpoint that refuses everything has one finding, and nothing
is started before what is free has been tried. Called by the command line and the pytest plugin.
"""

from collections.abc import Callable
from dataclasses import dataclass

from session_service.check import needs
from session_service.check.asking import addresses
from session_service.check.asking.messages import Exchange
from session_service.check.asking.wire import DEFAULT_LIMITS, Limits
from session_service.check.context import Context, World
from session_service.check.diagnosis import strangers
from session_service.check.model import CannotTell, Check, NotApplicable, Outcome, Result, judged
from session_service.check.plan import Plan
from session_service.check.sessions import UNEXPECTED, Sessions
from session_service.check.target import Target
from session_service.errors import InvalidValue

LONGEST_RUN = 300.0
"""Seconds after which no further check is begun."""


@dataclass(frozen=True, slots=True)
class Report:
    """What came of a run. `began` is in Unix seconds."""

    target: Target
    plan: Plan
    results: tuple[Result, ...]
    sessions: int
    began: float
    seconds: float

    def passed(self, *, strict: bool = False) -> bool:
        """Whether the run was not cut short, and fails for none of its results."""
        whole = len(self.results) == len(self.plan.checks)
        return whole and not any(self.fails_for(result, strict=strict) for result in self.results)

    def fails_for(self, result: Result, *, strict: bool = False) -> bool:
        """Whether the run does not pass for this result: it failed or, where `strict`, warned or told nothing.

        One that told nothing counts as failed where others rest on it: nobody has seen those pass either.
        """
        if result.outcome is Outcome.INCONCLUSIVE and any(result.check.id in one.after for one in self.plan.checks):
            return True
        bad = {Outcome.FAIL, Outcome.WARN, Outcome.INCONCLUSIVE} if strict else {Outcome.FAIL}
        return result.outcome in bad


@dataclass(frozen=True, slots=True)
class Listener:
    """Who follows a run: `begins` hears of a check before it is made, `certain` each result once, in the order in which
    they become certain, and `heard` everything that was asked and answered."""

    begins: Callable[[Check], None] = lambda _: None
    certain: Callable[[Result], None] = lambda _: None
    heard: Callable[[Exchange], None] = lambda _: None


class Run:
    """One run, which has something to report at any time: who ends it early loses nothing that was found."""

    def __init__(
        self,
        target: Target,
        plan: Plan,
        world: World,
        *,
        max_sessions: int | None = None,
        limits: Limits = DEFAULT_LIMITS,
        listener: Listener | None = None,
    ) -> None:
        """Send nothing yet. InvalidValue where the plan needs more than `max_sessions`."""
        if max_sessions is not None and plan.sessions > max_sessions:
            raise InvalidValue(
                f"The plan starts {plan.sessions} sessions and {max_sessions} are allowed. Take a smaller "
                "--profile, or leave checks out with --skip; --list shows what each one starts."
            )
        spare = UNEXPECTED if max_sessions is None else max_sessions - plan.sessions
        self._listener = listener or Listener()
        self._context = Context(target, world, Sessions(plan.sessions, spare), limits, heard=self._listener.heard)
        self._plan = plan
        self._results = _Results(plan, self._listener.certain)
        self._began, self._start = world.now(), world.elapsed()

    async def make(self) -> None:
        """Make every check of the plan."""
        context = self._context
        context.where = await addresses.found(context.target.endpoint, context.world.resolve)
        waiting = list(self._plan.checks)
        while waiting:
            check = waiting.pop(0)
            self._listener.begins(check)
            blocked = self._results.blocked(check)
            self._results.take(blocked or await _made(check, context, self._start + LONGEST_RUN))
            if context.refused and not _is_endpoints(context.refused[-1]):
                # Silence, or a web page. What the check rests on goes first now: where that fails, nobody waits for
                # thirty more of them.
                waiting.sort(key=lambda other: other.id not in check.after)

    def report(self) -> Report:
        """What was found: everything after `make`, and what there is where it was cancelled."""
        context = self._context
        seconds = context.world.elapsed() - self._start
        found = self._results.ended()
        return Report(context.target, self._plan, found, context.sessions.started, self._began, seconds)


async def run(
    target: Target, plan: Plan, world: World, *, max_sessions: int | None = None, limits: Limits = DEFAULT_LIMITS
) -> Report:
    """Make every check of the plan; InvalidValue, before anything is sent, where it needs more than `max_sessions`."""
    made = Run(target, plan, world, max_sessions=max_sessions, limits=limits)
    await made.make()
    return made.report()


def _is_endpoints(exchange: Exchange) -> bool:
    """Whether an endpoint may have given this answer to a call that had to be refused."""
    return exchange.answer is not None and not (exchange.is_success and strangers.is_page(exchange.answer))


async def _made(check: Check, context: Context, end: float) -> Result:
    missing = needs.missing(check, context.target)
    if missing is not None:
        return Result(check, Outcome.SKIP, reason=missing.value)
    start = context.world.elapsed()
    if start > end:
        return Result(check, Outcome.INCONCLUSIVE, reason="the run took too long before this check's turn")
    try:
        seen = await check.run(context)
    except CannotTell as error:
        return Result(check, Outcome.INCONCLUSIVE, reason=str(error), seconds=context.world.elapsed() - start)
    except NotApplicable as error:
        return Result(check, Outcome.SKIP, reason=str(error), seconds=context.world.elapsed() - start)
    return judged(check, seen, context.world.elapsed() - start)


BLOCKED = " did not pass"
"""What follows another check's id in the reason of a skip."""

_UNPASSED = (Outcome.FAIL, Outcome.INCONCLUSIVE)


class _Results:
    """The results that are certain, and those that are held back."""

    def __init__(self, plan: Plan, told: Callable[[Result], None]) -> None:
        self._planned = {check.id: check for check in plan.checks}
        self._told = told
        self._certain: dict[str, Result] = {}
        self._failed: set[str] = set()
        self._held: list[Result] = []

    def blocked(self, check: Check) -> Result | None:
        """The skip of a check that comes after one which failed; None where it can be made."""
        culprit = self._culprit(check)
        return Result(check, Outcome.SKIP, reason=culprit + BLOCKED) if culprit else None

    def take(self, result: Result) -> None:
        """Keep a result until it is certain, and tell it then, with those that waited for it."""
        self._held.append(result)
        while released := [held for held in self._held if self._is_certain(held.check)]:
            for held in released:
                self._held.remove(held)
                self._settle(held)

    def ended(self) -> tuple[Result, ...]:
        """Every result, in the order in which they became certain. What waited for a check left out waits no more."""
        while self._held:
            self._settle(self._held.pop(0))
        return tuple(self._certain.values())

    def _culprit(self, check: Check) -> str | None:
        """The failed check that this one comes after, be it by way of others that were not made yet.

        One that is held back counts as well: whether it fails or is skipped in the end, this one would be skipped.
        """
        failed = self._failed | {held.check.id for held in self._held if held.outcome in _UNPASSED}
        for name in check.after:
            if name in failed:
                return name
            culprit = self._culprit(self._planned[name]) if name in self._planned else None
            if culprit:
                return culprit
        return None

    def _is_certain(self, check: Check) -> bool:
        return all(name in self._certain or name not in self._planned for name in check.after)

    def _settle(self, result: Result) -> None:
        blocked = self.blocked(result.check)
        final = blocked or result
        self._certain[result.check.id] = final
        if blocked is None and final.outcome in _UNPASSED:
            self._failed.add(result.check.id)
        self._told(final)
