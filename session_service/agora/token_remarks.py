"""What is odd about a token though nothing forbids it: the sentences for somebody who looks for a fault.

Decided here: what is worth a sentence, and which mistake each oddity usually comes from. Pure: `now` is given, in Unix
seconds. Called by the command line after `agora.token_judgement`.
"""

from collections.abc import Callable, Iterator

from session_service.agora import identifiers, instants, token_report
from session_service.agora.either_version import ANY_UID
from session_service.agora.identifiers import MAX_LIFETIME
from session_service.agora.legacy_tokens import LegacyToken
from session_service.agora.token_judgement import WILDCARD, shown
from session_service.agora.token_report import JOIN, PUBLISH, TokenReport
from session_service.agora.token_services import RTC
from session_service.errors import InvalidValue

_FIRST_INSTANT = 10**9
"""September 2001. No token is older, and no duration is longer: what is on the wrong side was meant as the other."""

_MILLISECONDS = 1000


def remarks(report: TokenReport, now: int) -> tuple[str, ...]:
    """Every remark, in the order of the report. Empty for a token that is as ours are."""
    return (
        *_version(report),
        *_channel(report),
        *_user(report),
        *_privileges(report),
        *_ends(report),
        *(_issue(report) if report.issued_at is not None else ()),
        *_length(report, now),
    )


def _version(report: TokenReport) -> Iterator[str]:
    if isinstance(report.token, LegacyToken):
        yield (
            "Version 006 holds only checksums of channel and uid and no instant of issue. They can be compared with "
            "what is expected, and not shown."
        )
    if report.partly_read:
        yield "More services follow that we cannot read; the signature covers them all the same."
    if not _is_hex(report.app_id):
        yield "The App ID in the token is not 32 hexadecimal characters, so Agora's clients report error 101."


def _is_hex(app_id: str) -> bool:
    return len(app_id) == 32 and all(character in "0123456789abcdefABCDEF" for character in app_id)


def _channel(report: TokenReport) -> Iterator[str]:
    if sum(service.name == RTC.name for service in report.services) > 1:
        yield "The token has the service rtc more than once; channel and uid are those of the first."
    open_006 = isinstance(report.token, LegacyToken) and report.token.names_channel("")
    if report.channel == "" or open_006:
        yield "No channel is written into the token: it may open every channel of the project."
    elif report.channel and WILDCARD in report.channel:
        yield f"The channel {shown(report.channel)} is a wildcard: the token opens every channel that fits it."
    elif report.channel is not None:
        yield from _broken_rule(identifiers.channel, report.channel)


def _user(report: TokenReport) -> Iterator[str]:
    if isinstance(report.token, LegacyToken):
        any_uid = report.token.names_uid(ANY_UID)
    else:
        any_uid = report.user in (ANY_UID, WILDCARD)
    if any_uid:
        yield "The token admits any uid: whoever has it can join as anybody, also as the tester or the agent."
    elif report.account is not None:
        yield _account(report.account)
        yield from _broken_rule(identifiers.user_account, report.account)


def _broken_rule(rule: Callable[[str], str], text: str) -> Iterator[str]:
    try:
        rule(text)
    except InvalidValue as error:
        yield f"{shown(text)} breaks a rule of Agora, so a join may fail. {error}"


def _account(account: str) -> str:
    if account == "0":
        return 'The user is the text "0", which is not the uid 0: a token for any uid has an empty text there.'
    number = account.strip().lstrip("+0")
    if token_report.uid(account.strip()) or (number and token_report.uid(number)):
        return f"The user {shown(account)} looks like a uid and is none, because it is not written as a plain number."
    return (
        f"The token names the user account {shown(account)} instead of a uid. The tester joins with a uid (1 unless "
        "configured), and one channel must not mix the two."
    )


def _privileges(report: TokenReport) -> Iterator[str]:
    if not report.privileges:
        yield "The token opens no channel: it has no privilege of the service rtc. A join fails with error 110."
    elif JOIN not in report.privileges:
        yield "The privilege join_channel is missing: joining with this token fails with error 110."
    elif PUBLISH not in report.privileges:
        yield (
            "The privilege publish_audio is missing: this is a subscriber's token. Its holder can join and listen, and "
            "nobody hears it where the project has co-host authentication enabled."
        )


def _ends(report: TokenReport) -> Iterator[str]:
    join, publish = report.privileges.get(JOIN), report.privileges.get(PUBLISH)
    first = min(report.expires_at, join or report.expires_at)
    if report.issued_at is None and first < _FIRST_INSTANT:
        yield (
            f"The end, {instants.utc(first)}, is no real one: version 006 takes an instant in Unix seconds, and this "
            "looks like a duration, as 007 takes. Clients report error 109."
        )
    elif join is not None and join < report.expires_at:
        early = instants.span(report.expires_at - join)
        yield f"The privilege join_channel ends {early} before the token: its holder is removed from the channel then."
    if publish is not None and publish < min(report.expires_at, join or report.expires_at):
        yield "The privilege publish_audio ends before the token: nobody hears its holder from then on."


def _issue(report: TokenReport) -> Iterator[str]:
    if report.issued_at is not None and report.issued_at < _FIRST_INSTANT:
        yield (
            f"Issued on {instants.utc(report.issued_at)}: no real clock says that. It may be a number of milliseconds "
            "that was cut to 32 bits, a duration, or the clock of a host that was never set."
        )


def _length(report: TokenReport, now: int) -> Iterator[str]:
    begin = now if report.issued_at is None else report.issued_at
    lifetime = report.expires_at - begin
    if lifetime <= MAX_LIFETIME:
        return
    what = f"The end lies {instants.span(lifetime)} after {'now' if report.issued_at is None else 'the issue'}"
    yield f"{what}, and Agora honours no token for more than 24 hours.{_unit(lifetime, report.issued_at is None)}"


def _unit(lifetime: int, absolute: bool) -> str:
    if not absolute and lifetime >= _FIRST_INSTANT:
        return " It looks like an instant in Unix seconds; version 007 takes seconds after the issue."
    if lifetime % _MILLISECONDS == 0 and lifetime // _MILLISECONDS <= MAX_LIFETIME:
        meant = instants.span(lifetime // _MILLISECONDS)
        return f" It looks like milliseconds; in seconds it would be {meant}."
    return ""
