"""Groups G and L: a channel of its own for every session, an agent in it, and many calls at once."""

import asyncio
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from session_service.agora import token_judgement, token_remarks, token_report
from session_service.agora.token_report import Expected
from session_service.check.answers import guessing, judging, received
from session_service.check.answers.received import Received
from session_service.check.asking import calls
from session_service.check.asking.messages import BUSY, Exchange
from session_service.check.context import Context
from session_service.check.model import Check, Finding, Need, NotApplicable, Seen, Severity
from session_service.check.trying import came, is_equal
from session_service.errors import UnreadableToken

_PAGE = "Agora Simulations, Session endpoint contract"
_TOGETHER = 5
_BURST = 25
_SLOWEST = 7.0


async def _apart(context: Context) -> Seen:
    calls_made = [await _minted(context), *await _together(context, _TOGETHER)]
    failed = [_not_minted(exchange) for exchange in calls_made if not is_equal(context, exchange)]
    once = {fault.what: fault for fault in failed}.values()
    known = [found for exchange in context.minted if (found := _details(exchange))]
    findings = (*once, *_shared(calls_made[-1], known), *_guessable(context, known))
    return Seen(findings, f"{len(known)} sessions compared")


async def _minted(context: Context, *, patient: bool = True) -> Exchange:
    return await context.mint(calls.platform(context.target, context.right()), patient=patient)


async def _together(context: Context, number: int, *, patient: bool = True) -> list[Exchange]:
    """That many calls at the same time. All of them end before what one of them raised goes on."""
    made = await asyncio.gather(*(_minted(context, patient=patient) for _ in range(number)), return_exceptions=True)
    raised = next((one for one in made if isinstance(one, BaseException)), None)
    if raised is not None:
        raise raised
    return [one for one in made if isinstance(one, Exchange)]


def _details(exchange: Exchange) -> Received | None:
    return received.received(exchange.answer) if exchange.answer else None


def _not_minted(exchange: Exchange) -> Finding:
    what = f"The same call as before {came(exchange)}"
    why = "The platform makes this call for every run, and several runs at once are usual."
    mend = "Let nothing in the endpoint depend on there being one session: no fixed channel, port, file or lock."
    return Finding(what, exchange, why=why, mend=mend)


def _shared(exchange: Exchange, known: Sequence[Received]) -> Iterator[Finding]:
    channels = Counter(found.channel for found in known)
    repeated = sum(number > 1 for number in channels.values())
    if repeated:
        those = "one and the same channel" if len(channels) == 1 else f"only {len(channels)} different channels"
        what = f"{len(known)} calls were answered with {those}."
        yield Finding(what, exchange, why=_REMOVED)
    elif any(_opens(one) for one in known if sum(one.token == other.token for other in known) > 1):
        what = "The same token was answered to several calls, though their channels differ."
        mend = "Make a new token for every call; do not cache it."
        yield Finding(what, exchange, why="It opens the channel of one of them at most.", mend=mend)


def _opens(details: Received) -> bool:
    """Whether the token opens its own channel and no other. One that never did is K01's or K02's matter."""
    expected = Expected(channel=details.channel)
    try:
        report = token_report.report(details.token, None, expected)
    except UnreadableToken:
        return False
    return not token_judgement.judge(report, expected, 0) and token_remarks.open_channel(report) is None


_REMOVED = (
    "The tester joins each time with the same uid. In one channel the second tester removes the first, and agents talk "
    "to each other."
)


def _guessable(context: Context, known: Iterable[Received]) -> Iterator[Finding]:
    names = list(dict.fromkeys(found.channel for found in known))
    if len(names) < guessing.FEWEST_NAMES:
        return
    fault = guessing.fault(names, context.world.now())
    if fault:
        yield Finding(fault, context.minted[-1], why=_LISTENED_TO, mend=_RANDOM)


_LISTENED_TO = (
    "A name that nobody knows is the second lock beside the token. Where a project has no certificate, or a token "
    "opens every channel, it is the only one."
)
_RANDOM = 'Put 128 random bits into the name: f"call-{secrets.token_hex(16)}" in Python, randomUUID() in JavaScript.'


async def _burst(context: Context) -> Seen:
    made = await _together(context, _BURST, patient=False)
    answered = [exchange.answer for exchange in made if exchange.answer]
    later = sum(answer.status in BUSY for answer in answered)
    findings = (*_broken(context, made), *_without_time(made), *_slow(made))
    note = f"{sum(answer.status == 200 for answer in answered)} answered 200, {later} told to come back later"
    return Seen(findings, note)


def _broken(context: Context, made: Iterable[Exchange]) -> Iterator[Finding]:
    """One finding for each way in which calls failed, with how many did."""
    ways: dict[str, list[Exchange]] = {}
    for exchange in made:
        if exchange.status not in BUSY and not is_equal(context, exchange):
            ways.setdefault(came(exchange).removeprefix("was "), []).append(exchange)
    for way, exchanges in ways.items():
        yield Finding(f"Of {_BURST} calls at once, {_were(len(exchanges))} {way}", exchanges[0])


def _were(number: int) -> str:
    return f"{number} was" if number == 1 else f"{number} were"


def _without_time(made: Iterable[Exchange]) -> Iterator[Finding]:
    untold = [one for one in made if one.answer and one.answer.status in BUSY and not one.answer.header("retry-after")]
    if untold:
        status = untold[0].status
        what = f"Of {_BURST} calls at once, {_were(len(untold))} answered {status} without Retry-After."
        mend = "Send Retry-After with 429 and 503, in whole seconds."
        yield Finding(what, untold[0], why="The caller cannot know when to try again (RFC 9110, 10.2.3).", mend=mend)


def _slow(made: Iterable[Exchange]) -> Iterator[Finding]:
    seconds = sorted(one.answer.seconds for one in made if one.answer)
    nearly_all = seconds[math.ceil(0.95 * len(seconds)) - 1] if seconds else 0.0
    if nearly_all > _SLOWEST:
        what = f"Of {_BURST} calls at once, the slowest took more than {nearly_all:.1f} seconds."
        mend = "Start agents side by side, and answer 429 with Retry-After to calls for which there is no room."
        yield Finding(what, why="How long the platform waits is not documented; nobody waits long.", mend=mend)


async def _followed(context: Context) -> Seen:
    watch = context.target.watch
    if watch is None:
        raise NotApplicable(Need.FOLLOW.value)
    exchange = await _minted(context)
    if exchange.answer is None or exchange.status != 200:
        return Seen((_not_minted(exchange),))
    return await watch.watched(judging.document(exchange.answer) or {})


CHECKS = (
    Check(
        id="G01",
        title="every session has a channel of its own, with a name that nobody can guess",
        sends="The platform's call once, and then five times at the same moment.",
        severity=Severity.MUST,
        rests_on=f"{_PAGE}: called for every run; OWASP ASVS 5.0, 11.5.1",
        assumptions=(4, 16, 17),
        why="Sessions that share a channel disturb each other.",
        mend="Make up a new channel for every call. " + _RANDOM,
        run=_apart,
        sessions=1 + _TOGETHER,
        after=("S01",),
    ),
    Check(
        id="G02",
        title="an agent comes to the session, and leaves it",
        sends="The platform's call once; the session is then followed on the operator's port, or joined.",
        severity=Severity.SHOULD,
        rests_on=f"{_PAGE}: start the agent in the channel on demand",
        assumptions=(18, 19),
        why="Without an agent the tester talks to nobody; an agent that stays is paid for by the minute.",
        mend="Look for this channel in the log of the endpoint and in that of the agent.",
        run=_followed,
        sessions=1,
        needs=(Need.FOLLOW,),
        after=("S01",),
        profile="full",
    ),
    Check(
        id="L01",
        title="25 calls at once are answered, or told when to come back",
        sends="The platform's call, 25 times at the same moment.",
        severity=Severity.MUST,
        rests_on="RFC 6585, 4 and RFC 9110, 15.6.4: 429 and 503 with Retry-After",
        assumptions=(3, 17),
        why="The platform starts several runs at once; a call that breaks is a run that fails.",
        mend="Limit what is started at the same time, and answer 429 with Retry-After above the limit.",
        run=_burst,
        sessions=_BURST,
        after=("G01",),
        profile="full",
    ),
)
"""The checks of these groups."""
