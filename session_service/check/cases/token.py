"""Group K: the token of the first good call, decoded. Nothing is sent here, and no finding holds the token."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from session_service.agora import (
    identifiers,
    instants,
    token_judgement,
    token_mistakes,
    token_remarks,
)
from session_service.agora.token_judgement import Difference, named_user
from session_service.agora.token_report import Expected, TokenReport
from session_service.agora.token_services import RTC
from session_service.agora.tokens import VERSION
from session_service.check.answers import lifetimes
from session_service.check.answers.decoded import decoded, expected, opening, proof, read, readable, short
from session_service.check.answers.received import Received
from session_service.check.context import Context
from session_service.check.model import CannotTell, Check, Finding, Seen, Severity
from session_service.errors import InvalidValue, UnreadableToken

_PAGE = "Agora Simulations, Session endpoint contract, Response: agora_token"
_MINT_007 = (
    "Make it with RtcTokenBuilder2 of github.com/AgoraIO/Tools, which is there for most languages; for Node, `npm "
    "install agora-token`."
)
_CERTIFICATE_ANSWERED = (
    "agora_app_id holds the App Certificate. Whoever saw the answer can make tokens for your project: replace the "
    "certificate in Agora's console."
)
_OUTDATED = "It still opens a channel today. When a join fails, the first thing that Agora asks for is a token of 007."
_MINT_RTC = "Make it with the builder for calls, RtcTokenBuilder2, and not with the one for messages."
_ONE_SETTING = "Let the answer and the token take the App ID from one and the same setting."
_LISTENED_TO = "Whoever gets hold of it can listen to other calls."
_UNSIGNED = (
    "The certificate that this checker was given (AGORA_APP_CERTIFICATE) did not sign the token, or the token was "
    "changed afterwards."
)
_IF_YOURS = "If it is the certificate of this App ID, the token opens nothing."
_COPY = (
    "Copy App ID and primary certificate anew, both from the same project in Agora's console. The certificate stands "
    "in the endpoint's configuration and, for this checker, in AGORA_APP_CERTIFICATE."
)
_ANYBODY = "Two participants with one uid remove each other: whoever has the token can push the tester out."


def _now(context: Context) -> int:
    return int(context.world.now())


def _told(context: Context, difference: Difference, mend: str | None = None) -> Finding:
    """The difference, with what Agora's client makes of it as the reason."""
    why = difference.error.told if difference.error else None
    return Finding(difference.what, context.good, why=why, mend=mend)


def _differing(report: TokenReport, expected: Expected, subject: str) -> Iterator[Difference]:
    return (found for found in token_judgement.judge(report, expected, 0) if found.subject == subject)


async def _format(context: Context) -> Seen:
    try:
        found, report = read(context)
    except UnreadableToken as error:
        return Seen((Finding(f"agora_token cannot be read. {error}", context.good),))
    findings = (*_version(context, report), *_app_id(context, found, report))
    return Seen(findings, decoded(report, _now(context)))


def _version(context: Context, report: TokenReport) -> Iterator[Finding]:
    if report.version != VERSION:
        what = f"The token is of version {report.version}, which Agora keeps for old SDKs and advises against."
        yield Finding(what, context.good, Severity.SHOULD, _OUTDATED, _MINT_007)
    unread = token_remarks.unread_services(report)
    if unread:
        why = "Nobody can say what else it allows, and the tester needs nothing but the call."
        mend = "Make the token with the builder for calls alone (the service rtc)."
        yield Finding(unread, context.good, Severity.SHOULD, why, mend)


def _app_id(context: Context, found: Received, report: TokenReport) -> Iterator[Finding]:
    """No App ID is shown whole: by mistake it may be the certificate."""
    if report.app_id == found.app_id or _is_no_app_id(found.app_id):
        return
    if context.target.certificate in (found.app_id, report.app_id):
        swapped = token_mistakes.SWAPPED if report.app_id == context.target.certificate else _CERTIFICATE_ANSWERED
        yield Finding(swapped, context.good, mend="Read App ID and App Certificate from the right variables again.")
        return
    what = (
        f"The token was made for another App ID than the answer names: the token's begins with {short(report.app_id)}, "
        f"agora_app_id with {short(found.app_id)}."
    )
    if report.app_id.lower() == found.app_id.lower():
        what += " Only upper and lower case differ, and they count."
    for difference in _differing(report, expected(context, found), "app_id"):
        yield replace(_told(context, difference, _ONE_SETTING), what=what)


def _is_no_app_id(text: str) -> bool:
    """Whether S02 has told about it already."""
    try:
        identifiers.app_id(text)
    except InvalidValue:
        return True
    return False


async def _channel(context: Context) -> Seen:
    found, report = readable(context)
    if report.partly_read and report.channel is None:
        raise CannotTell("the token begins with a service whose layout nobody has documented")
    findings = (*_opened(context, found, report), *_signature(context, found, report))
    return Seen(findings, decoded(report, _now(context)) if findings else proof(report))


def _opened(context: Context, found: Received, report: TokenReport) -> Iterator[Finding]:
    wide = token_remarks.open_channel(report)
    if wide:
        mend = "Give the builder the one channel that the same answer names."
        yield Finding(wide, context.good, why=_LISTENED_TO, mend=mend)
        return
    differences = list(_differing(report, expected(context, found), "channel"))
    other = _MINT_RTC if report.version == VERSION and report.channel is None else None
    yield from (_told(context, difference, other) for difference in differences)
    others = [service for service in report.services if service.name == RTC.name][1:]
    if not differences and any(service.fields.get("channel") != found.channel for service in others):
        yield Finding("The token opens further channels besides agora_channel.", context.good, why=_LISTENED_TO)


def _signature(context: Context, found: Received, report: TokenReport) -> Iterator[Finding]:
    certificate = context.target.certificate
    for difference in _differing(report, expected(context, found), "signature"):
        mistake = token_mistakes.unsigned(report, certificate, expected(context, found)) if certificate else ""
        told = _told(context, difference, _COPY)
        yield replace(told, what=f"{_UNSIGNED} {mistake}".strip(), why=f"{_IF_YOURS} {told.why}")


async def _user(context: Context) -> Seen:
    found, report = opening(context)
    wide = token_remarks.open_user(report)
    if wide:
        mend = f"Give the builder the uid {context.target.join_uid} instead of 0."
        return Seen((Finding(wide, context.good, Severity.SHOULD, why=_ANYBODY, mend=mend),))
    differences = _differing(report, expected(context, found), "uid")
    findings = tuple(_told_user(context, report, difference) for difference in differences)
    return Seen(findings, decoded(report, _now(context)) if findings else f"for {_admitted(context)}")


def _admitted(context: Context) -> str:
    return named_user(str(context.target.join_uid))


def _give(uid: int) -> str:
    """How the token gets this uid."""
    return (
        f"Give the builder uid {uid}, as a number: it is the fourth argument of build_token_with_uid (Python) and "
        "buildTokenWithUid (JavaScript). If join_uid in the agent's Agora configuration says another, take that, and "
        "tell this checker by --join-uid. Your agent joins under a different uid, with a token of its own."
    )


def _told_user(context: Context, report: TokenReport, difference: Difference) -> Finding:
    told = _told(context, difference, _give(context.target.join_uid))
    if report.account is not None:
        return replace(told, what=token_remarks.account(report.account))
    return replace(told, what=f"{told.what} Often it is the agent's own token that was answered by mistake.")


async def _rights(context: Context) -> Seen:
    _, report = opening(context)
    missing = token_remarks.missing_right(report)
    findings = [Finding(missing)] if missing else list(lifetimes.ended_privileges(report, _now(context)))
    return Seen(
        _seen_in(context, findings), decoded(report, _now(context)) if findings else ", ".join(report.privileges)
    )


async def _life(context: Context) -> Seen:
    _, report = readable(context)
    now = _now(context)
    findings = lifetimes.faults(report, now, context.target.call_minutes)
    ends = f"ends {instants.relative(lifetimes.end(report, now), now)}"
    return Seen(_seen_in(context, findings), decoded(report, now) if findings else ends)


def _seen_in(context: Context, findings: Iterable[Finding]) -> tuple[Finding, ...]:
    return tuple(replace(finding, exchange=context.good) for finding in findings)


CHECKS = (
    Check(
        id="K01",
        title="the token is complete, of version 007, and made for this App ID",
        sends="Nothing of its own: it reads the answer to R01's call.",
        severity=Severity.MUST,
        rests_on=f"{_PAGE}; Agora, AccessToken2",
        assumptions=(14,),
        why="With anything else the tester does not get into the channel: Agora reports error 110 or 101.",
        mend="Answer the very text that Agora's token builder returns: no quotes around it, no white space, not "
        "encoded again, not cut by a column of a database.",
        profile="quick",
        run=_format,
        after=("S01",),
    ),
    Check(
        id="K02",
        title="the token opens exactly this channel, and your App Certificate signed it",
        sends="Nothing of its own: it reads the answer to R01's call.",
        severity=Severity.MUST,
        rests_on=f"{_PAGE}: valid for the channel",
        assumptions=(14, 16),
        why="With a token of another channel the tester does not get in: error 110.",
        mend="Make a new token for every call, and give the builder the very channel that is answered as "
        "agora_channel.",
        profile="quick",
        run=_channel,
        after=("K01",),
    ),
    Check(
        id="K03",
        title="the token admits the tester's uid",
        sends="Nothing of its own: it reads the answer to R01's call.",
        severity=Severity.MUST,
        rests_on=f"{_PAGE}: your token must authorize that uid",
        assumptions=(11, 12),
        why="A uid is the number under which a participant joins, and a token opens the channel for one uid only.",
        mend=_give(1),
        profile="quick",
        run=_user,
        after=("K01",),
    ),
    Check(
        id="K04",
        title="the token lets the tester join and speak",
        sends="Nothing of its own: it reads the answer to R01's call.",
        severity=Severity.MUST,
        rests_on=f"{_PAGE}; Agora, AccessToken2: privileges",
        assumptions=(13,),
        why="The tester joins and talks to your agent. Without both rights it stays outside, or is not heard.",
        mend="Give the builder the role of a publisher: Role_Publisher in Python, RtcRole.PUBLISHER in JavaScript, 1 "
        "in all of them.",
        profile="quick",
        run=_rights,
        after=("K01",),
    ),
    Check(
        id="K05",
        title="the token was issued just now, and outlives the call",
        sends="Nothing of its own: it reads the answer to R01's call.",
        severity=Severity.MUST,
        rests_on=f"{_PAGE}; Agora, AccessToken2: at most 24 hours",
        assumptions=(13,),
        why="A token that is over opens nothing, and nobody renews the tester's: when it ends, the call is cut off.",
        mend="Give the builder of version 007 a number of seconds, such as 3600, for token and privileges alike. (Only "
        "that of version 006 takes the instant of the end, in Unix seconds.) --call-minutes tells this checker how "
        "long your calls are.",
        profile="quick",
        run=_life,
        after=("K01",),
    ),
)
"""The checks of this group."""
