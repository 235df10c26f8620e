"""What is wrong with a token for the use it is wanted for, and what Agora's client would do with it.

Decided here: when a token admits a channel and a uid, when it is live, and the sentence for each difference. Pure: the
instant `now` is given, in Unix seconds. Called by the command line. What is odd though nothing forbids it is told by
`agora.token_remarks`.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from session_service.agora import instants, token_report
from session_service.agora.client_errors import EXPIRED, INVALID_APP_ID, INVALID_TOKEN, RENEWALS, JoinError
from session_service.agora.either_version import ANY_UID
from session_service.agora.identifiers import MAX_LIFETIME, is_hex_32
from session_service.agora.legacy_tokens import LegacyToken
from session_service.agora.token_report import JOIN, Expected, TokenReport
from session_service.agora.token_services import RTC, Service
from session_service.agora.tokens import Token

CLOCK_SLACK = 60
"""Seconds by which the clock of the host that mints may be ahead before we say so."""

WILDCARD = "*"
_RENEWALS: Mapping[str, int] = {"signature": 3, "app_id": 5, "channel": 4, "uid": 3, "live": 2}


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that keeps a token from its use. `error` is what Agora's client reports, None where nobody knows."""

    subject: Literal["signature", "app_id", "channel", "uid", "live"]
    what: str
    error: JoinError | None

    def __str__(self) -> str:
        """What is wrong, and what comes of it, in sentences."""
        if self.error is None:
            return f"{self.what} Agora does not say what comes of it; expect a refused join."
        answer = _RENEWALS[self.subject]
        renewal = f"To renewToken during a call the answer is {answer} ({RENEWALS[answer]})."
        return f"{self.what} {self.error.told} {renewal}"


def judge(report: TokenReport, expected: Expected, now: int) -> tuple[Difference, ...]:
    """Every difference: an invalid signature always, the rest where it is expected."""
    return (
        *_signature(report),
        *_app_id(report, expected.app_id),
        *_channel(report, expected.channel),
        *_user(report, expected.user, expected.channel),
        *(liveness(report, now) if expected.live else ()),
    )


def shown(value: object) -> str:
    """Write what a token says as JSON in ASCII: a text in quotes, a role as a number, permissions as an object.

    So nothing in it moves a terminal's cursor, and a letter that only looks like another one shows as what it is.
    """
    return json.dumps(value)


def named_user(user: str) -> str:
    """Write a token's user for a person."""
    if user in (ANY_UID, WILDCARD):
        return "any uid"
    return f"uid {user}" if token_report.uid(user) else f"the user account {shown(user)}"


def _signature(report: TokenReport) -> Iterator[Difference]:
    if report.signature == "invalid":
        what = (
            "This certificate did not sign the token, or the token was changed afterwards. App ID and certificate must "
            "be those of one project in Agora's console."
        )
        yield Difference("signature", what, INVALID_TOKEN)


def _app_id(report: TokenReport, wanted: str | None) -> Iterator[Difference]:
    if wanted is None or report.app_id == wanted:
        return
    what = f"The token is for the App ID {shown(report.app_id)}, expected is {shown(wanted)}."
    if report.app_id.lower() == wanted.lower():
        what += " Only upper and lower case differ, and they count."
    yield Difference("app_id", what, INVALID_TOKEN if is_hex_32(wanted) else INVALID_APP_ID)


def _channel(report: TokenReport, wanted: str | None) -> Iterator[Difference]:
    if wanted is None or _admits_channel(report.token, wanted):
        return
    if report.channel is None:
        own = _untold(report, "channel")
    else:
        channels = _texts(_rtc(report.token), "channel")
        own = f"The token is for the channel {' or '.join(map(shown, channels))}, expected is {shown(wanted)}."
        own += _looks_alike(channels, wanted)
    yield Difference("channel", f"{own} A token opens the one channel that it was made for.", INVALID_TOKEN)


def _user(report: TokenReport, wanted: str | None, channel: str | None) -> Iterator[Difference]:
    if wanted is None or _admits_user(report.token, wanted, channel):
        return
    if report.user is None:
        own = _untold(report, "uid")
    else:
        users = _users(report.token, channel)
        own = f"The token is for {' or '.join(map(named_user, users))}, expected is {named_user(wanted)}."
        own += _looks_alike(users, wanted)
    rule = "A uid is the number under which a participant joins, and a token is good for one uid only."
    yield Difference("uid", f"{own} {rule}", INVALID_TOKEN)


def _untold(report: TokenReport, what: str) -> str:
    if isinstance(report.token, LegacyToken):
        return f"The token is for another {what} than expected: its checksum differs (version 006 holds no more)."
    return f"The token opens no channel at all, so it holds no {what}: it has no service rtc."


def _looks_alike(own: Iterable[str], wanted: str) -> str:
    """The hint that a person needs where two texts look equal."""
    if wanted and _blurred(wanted) in map(_blurred, own):
        return " They differ only in case, outer spaces or leading zeros, and these count."
    return ""


def _blurred(text: str) -> str:
    return text.strip().lower().lstrip("0")


def _admits_channel(token: Token | LegacyToken, channel: str) -> bool:
    """Tell whether the token opens this channel, be it by a wildcard."""
    if isinstance(token, LegacyToken):
        return token.names_channel(channel)
    return any(_opens(service, channel) for service in _rtc(token))


def _admits_user(token: Token | LegacyToken, user: str, channel: str | None) -> bool:
    """Tell whether the token admits this uid or user account, be it because it admits any.

    Each of several services rtc has a channel and a user of its own: where `channel` is given, and the token opens it,
    the user must be one of that channel.
    """
    if isinstance(token, LegacyToken):
        return token.names_uid(ANY_UID) or token.names_uid(user)
    return not {ANY_UID, WILDCARD, user}.isdisjoint(_users(token, channel))


def _users(token: Token | LegacyToken, channel: str | None) -> list[str]:
    services = _rtc(token)
    opening = [service for service in services if channel is not None and _opens(service, channel)]
    return _texts(opening or services, "uid")


def _rtc(token: Token | LegacyToken) -> list[Service]:
    return [] if isinstance(token, LegacyToken) else [service for service in token.services if service.kind is RTC]


def _texts(services: Iterable[Service], name: str) -> list[str]:
    return list(dict.fromkeys(str(service.fields[name]) for service in services))


def _opens(service: Service, channel: str) -> bool:
    pattern = str(service.fields["channel"])
    return pattern == "" or _matches(pattern, channel)


def _matches(pattern: str, channel: str) -> bool:
    """Compare by hand: a regular expression with many wildcards takes for ever over a token made for that."""
    first, *others = pattern.split(WILDCARD)
    if not others:
        return pattern == channel
    *middle, last = others
    if not (channel.startswith(first) and channel.endswith(last)):
        return False
    at, end = len(first), len(channel) - len(last)
    for part in middle:
        found = channel.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return at <= end


def liveness(report: TokenReport, now: int) -> tuple[Difference, ...]:
    """What keeps the token from being good at `now`: over already, or not issued yet. Empty while it is live."""
    found = []
    end, why = end_of_use(report)
    if end <= now:
        what = f"Expired {instants.relative(end, now)}, on {instants.utc(end)}: {why}."
        found.append(Difference("live", what, EXPIRED))
    if report.issued_at is not None and report.issued_at > now + CLOCK_SLACK:
        ahead = instants.span(report.issued_at - now)
        what = f"Not issued yet: the clock that minted the token is {ahead} ahead of this machine's."
        found.append(Difference("live", what, None))
    return tuple(found)


def end_of_use(report: TokenReport) -> tuple[int, str]:
    """Tell when nobody can join with the token any more, in Unix seconds, and what ends it."""
    ends = [(report.expires_at, "the token ends then")]
    join = report.privileges.get(JOIN)
    if join is not None:
        ends.append((join, "its privilege to join ends then"))
    if report.issued_at is not None:
        ends.append((report.issued_at + MAX_LIFETIME, "Agora honours no token for more than 24 hours after its issue"))
    return min(ends, key=lambda end: end[0])
