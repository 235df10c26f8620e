"""What is odd about a token though nothing forbids it: the sentences for somebody who looks for a fault.

Decided here: what is worth a sentence, and which mistake each oddity usually comes from. Pure: `now` is given, in Unix
seconds. Called by the command line after `agora.token_judgement`, and by the checker for one remark at a time.
"""

from collections.abc import Callable, Iterator

from session_service.agora import identifiers, instants, token_report
from session_service.agora.either_version import ANY_UID
from session_service.agora.identifiers import MAX_LIFETIME
from session_service.agora.legacy_tokens import LegacyToken
from session_service.agora.token_judgement import CLOCK_SLACK, WILDCARD, shown
from session_service.agora.token_report import JOIN, PUBLISH, TokenReport
from session_service.agora.token_services import RTC
from session_service.errors import InvalidValue

_FIRST_INSTANT = 10**9
"""September 2001. No token is older, and no duration is longer: what is on the wrong side was meant as the other."""

_MILLISECONDS = 1000


def remarks(report: TokenReport, now: int) -> tuple[str, ...]:
    """Every remark, in the order of the report. Empty for a token that is as ours are."""
    told = (
        *_version(report),
        *_channel(report),
        *_user(report),
        missing_right(report),
        *_ends(report),
        unreal_issue(report),
        overlong(report, now),
    )
    return tuple(remark for remark in told if remark is not None)


def _version(report: TokenReport) -> Iterator[str | None]:
    if isinstance(report.token, LegacyToken):
        yield (
            "Version 006 holds only checksums of channel and uid and no instant of issue. They can be compared with "
            "what is expected, and not shown."
        )
    yield unread_services(report)
    if not identifiers.is_hex_32(report.app_id):
        yield "The App ID in the token is not 32 hexadecimal characters, so Agora's clients report error 101."


def unread_services(report: TokenReport) -> str | None:
    """The sentence for services whose layout nobody has documented."""
    if report.partly_read:
        return "More services follow that we cannot read; the signature covers them all the same."
    return None


def _channel(report: TokenReport) -> Iterator[str | None]:
    if sum(service.name == RTC.name for service in report.services) > 1:
        yield "The token has the service rtc more than once; channel and uid are those of the first."
    open_to_more = open_channel(report)
    yield open_to_more
    if report.channel is not None and open_to_more is None:
        yield from _broken_rule(identifiers.channel, report.channel)


def open_channel(report: TokenReport) -> str | None:
    """The sentence for a token that opens more than one channel."""
    open_006 = isinstance(report.token, LegacyToken) and report.token.names_channel("")
    if report.channel == "" or open_006:
        return "No channel is written into the token: it may open every channel of the project."
    if report.channel and WILDCARD in report.channel:
        return f"The channel {shown(report.channel)} is a wildcard: the token opens every channel that fits it."
    return None


def _user(report: TokenReport) -> Iterator[str | None]:
    yield open_user(report)
    if open_user(report) is None and report.account is not None:
        yield account(report.account)
        yield from _broken_rule(identifiers.user_account, report.account)


def open_user(report: TokenReport) -> str | None:
    """The sentence for a token that admits anybody."""
    if isinstance(report.token, LegacyToken):
        any_uid = report.token.names_uid(ANY_UID)
    else:
        any_uid = report.user in (ANY_UID, WILDCARD)
    if any_uid:
        return "The token admits any uid: whoever has it can join as anybody, also as the tester or the agent."
    return None


def _broken_rule(rule: Callable[[str], str], text: str) -> Iterator[str]:
    try:
        rule(text)
    except InvalidValue as error:
        yield f"{shown(text)} breaks a rule of Agora, so a join may fail. {error}"


def account(text: str) -> str:
    """What a user account in a token is, and what it may have been meant as."""
    if text == "0":
        return 'The user is the text "0", which is not the uid 0: a token for any uid has an empty text there.'
    number = text.strip().lstrip("+0")
    if token_report.uid(text.strip()) or (number and token_report.uid(number)):
        return f"The user {shown(text)} looks like a uid and is none, because it is not written as a plain number."
    return (
        f"The token names the user account {shown(text)} instead of a uid. The tester joins with a uid (1 unless "
        "configured), and one channel must not mix the two."
    )


def missing_right(report: TokenReport) -> str | None:
    """The sentence for a token that does not let its holder join, or speak."""
    if not report.privileges:
        return "The token opens no channel: it has no privilege of the service rtc. A join fails with error 110."
    if JOIN not in report.privileges:
        return "The privilege join_channel is missing: joining with this token fails with error 110."
    if PUBLISH not in report.privileges:
        return (
            "The privilege publish_audio is missing: this is a subscriber's token. Its holder can join and listen, and "
            "nobody hears it where the project has co-host authentication enabled."
        )
    return None


def _ends(report: TokenReport) -> Iterator[str | None]:
    join, publish = report.privileges.get(JOIN), report.privileges.get(PUBLISH)
    unreal = unreal_end(report)
    yield unreal
    if unreal is None and join is not None and join < report.expires_at:
        early = instants.span(report.expires_at - join)
        yield f"The privilege join_channel ends {early} before the token: its holder is removed from the channel then."
    if publish is not None and publish < min(report.expires_at, join or report.expires_at):
        yield "The privilege publish_audio ends before the token: nobody hears its holder from then on."


def unreal_end(report: TokenReport) -> str | None:
    """The sentence for a duration in a token of version 006, where an instant belongs."""
    first = min(report.expires_at, report.privileges.get(JOIN) or report.expires_at)
    if report.issued_at is None and first < _FIRST_INSTANT:
        return (
            f"The end, {instants.utc(first)}, is no real one: version 006 takes an instant in Unix seconds, and this "
            "looks like a duration, as 007 takes. Clients report error 109."
        )
    return None


def unreal_issue(report: TokenReport) -> str | None:
    """The sentence for an instant of issue that no clock has said."""
    if report.issued_at is not None and report.issued_at < _FIRST_INSTANT:
        return (
            f"Issued on {instants.utc(report.issued_at)}: no real clock says that. It may be a number of milliseconds "
            "that was cut to 32 bits, a duration, or the clock of a host that was never set."
        )
    return None


def overlong(report: TokenReport, now: int) -> str | None:
    """The sentence for a life that Agora does not honour, and the unit that it was probably written in."""
    untold = report.issued_at is None
    lifetime = report.expires_at - (now if report.issued_at is None else report.issued_at)
    if lifetime <= MAX_LIFETIME + (CLOCK_SLACK if untold else 0):
        return None
    what = f"The end lies {instants.span(lifetime)} after {'now' if untold else 'the issue'}"
    return f"{what}, and Agora honours no token for more than 24 hours.{_unit(lifetime, untold)}"


def _unit(lifetime: int, absolute: bool) -> str:
    if not absolute and lifetime >= _FIRST_INSTANT:
        return " It looks like an instant in Unix seconds; version 007 takes seconds after the issue."
    if lifetime % _MILLISECONDS == 0 and lifetime // _MILLISECONDS <= MAX_LIFETIME:
        meant = instants.span(lifetime // _MILLISECONDS)
        return f" It looks like milliseconds; in seconds it would be {meant}."
    return ""
