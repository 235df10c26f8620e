"""When a token begins and ends, against the clock and the length of a call.

Decided here: how far a clock may be off, how long a token has to live and when it lives too long, and that a privilege
that has ended before its token is one fact and the token's own end another. Pure: `now` is given, in Unix seconds.
Called by K04 and K05.
"""

from collections.abc import Iterator

from session_service.agora import instants, token_remarks
from session_service.agora.identifiers import MAX_LIFETIME
from session_service.agora.token_judgement import CLOCK_SLACK
from session_service.agora.token_report import JOIN, PUBLISH, TokenReport
from session_service.check.model import Finding, Severity

_CLOCK = 300
_LONG = 2 * 60 * 60
_SET_CLOCK = "Set the clock of the host that makes the token (NTP), or this machine's if it is the wrong one."
_FRESH = "Make a new token for every call, and keep none. If you do so, set the clock of the host that makes it (NTP)."
_SAME_END = (
    "Give the builder the same end for privileges as for the token: a number of seconds for 007, an instant in Unix "
    "seconds for 006."
)
_UNHEEDED = "Agora does not give that much, so nobody can rely on it; most often it is a wrong unit."
_COUNTED = "A token's life is counted from its issue: by a wrong clock it ends too early, or has not begun."
_HOUR = "Let it live an hour, or as long as your longest call and a few minutes."


def ended_privileges(report: TokenReport, now: int) -> Iterator[Finding]:
    """The privileges to join and to speak that have ended while the token has not."""
    if report.expires_at <= now:
        return
    over = {name: end for name in (JOIN, PUBLISH) if (end := report.privileges.get(name)) is not None and end <= now}
    if over and (unreal := token_remarks.unreal_end(report)):
        yield Finding(unreal, mend=_SAME_END)
        return
    for name, end in over.items():
        what = f"The privilege {name} ended {instants.relative(end, now)}, and the token itself lives on."
        yield Finding(what, mend=_SAME_END)


def end(report: TokenReport, now: int) -> int:
    """When the tester is cut off, in Unix seconds, by the token or by a privilege that has not ended yet."""
    own = (report.privileges.get(name) for name in (JOIN, PUBLISH))
    return min(report.expires_at, *(instant for instant in own if instant is not None and instant > now), 2**33)


def faults(report: TokenReport, now: int, call_minutes: int) -> tuple[Finding, ...]:
    """What is wrong with the token's time: with its beginning or, where that is right, with its length."""
    return tuple(_issue(report, now)) or tuple(_length(report, now, call_minutes))


def _issue(report: TokenReport, now: int) -> Iterator[Finding]:
    if unreal := token_remarks.unreal_issue(report):
        yield Finding(unreal, why=_COUNTED, mend="Take the issue time from the host's clock, in whole Unix seconds.")
    elif report.issued_at is not None and report.issued_at > now + _CLOCK:
        ahead = instants.span(report.issued_at - now)
        yield Finding(f"The token's issue is {ahead} ahead of this machine's clock.", why=_COUNTED, mend=_SET_CLOCK)
    elif report.issued_at is not None and report.issued_at < now - _CLOCK:
        what = f"The token was issued {instants.relative(report.issued_at, now)}"
        over = ", and it has expired since" if end(report, now) <= now else ""
        yield Finding(
            f"{what}{over}: it was kept from an earlier call, or the host's clock is slow.", why=_COUNTED, mend=_FRESH
        )


def _length(report: TokenReport, now: int, call_minutes: int) -> Iterator[Finding]:
    last = end(report, now)
    # Version 006 does not tell when it was issued: a moment ago, and by a clock that may be a little off.
    begin = now - CLOCK_SLACK if report.issued_at is None else report.issued_at
    if overlong := token_remarks.overlong(report, now):
        yield Finding(overlong, why=_UNHEEDED)
    elif last <= now:
        yield Finding(token_remarks.unreal_end(report) or _over(report, last, now))
    elif last - begin < call_minutes * 60:
        yield _short(last - begin, call_minutes, by_privilege=last < report.expires_at)
    elif last - now > _LONG:
        why = "The page asks for short-lived tokens: one that leaks opens the channel until it ends."
        yield Finding(f"The token is good for {instants.span(last - now)}.", None, Severity.SHOULD, why, _HOUR)


def _over(report: TokenReport, last: int, now: int) -> str:
    if last == report.issued_at:
        return "The token ends in the second of its issue: it was made to live for 0 seconds."
    return f"The token expired {instants.relative(last, now)}."


def _short(seconds: int, call_minutes: int, *, by_privilege: bool) -> Finding:
    ender = "One of the token's privileges" if by_privilege else "The token"
    what = f"{ender} ends after {instants.span(seconds)}, and a call may take {call_minutes} minutes."
    if call_minutes <= seconds <= MAX_LIFETIME // 60:
        what += f" If {seconds} was meant as minutes: the builder takes seconds."
    return Finding(what)
