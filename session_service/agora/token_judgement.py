"""What is wrong with a token for the use it is wanted for, and what Agora's client would do with it.

Decided here: when a token admits a channel and a uid, when it is live, and the sentence for each difference. Pure: the
instant `now` is given, in Unix seconds. Called by the command line. What is odd though nothing forbids it is told by
`agora.token_remarks`.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from session_service.agora import instants, token_report
from session_service.agora.client_errors import EXPIRED, INVALID_APP_ID, INVALID_TOKEN, RENEWALS, JoinError
from session_service.agora.either_version import ANY_UID
from session_service.agora.identifiers import MAX_LIFETIME
from session_service.agora.legacy_tokens import LegacyToken
from session_service.agora.token_report import JOIN, Expected, TokenReport
from session_service.agora.token_services import RTC
from session_service.agora.tokens import Token

CLOCK_SLACK = 60
"""Seconds by which the clock of the host that mints may be ahead before we say so."""

WILDCARD = "*"
_RENEWALS: Mapping[str, int] = {"signature": 3, "app_id": 5, "channel": 4, "uid": 3, "live": 2}
_HEX_32 = re.compile(r"[0-9A-Fa-f]{32}")


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
        *_user(report, expected.user),
        *(liveness(report, now) if expected.live else ()),
    )


def shown(text: str) -> str:
    """Put a text from a token in quotes, as JSON writes it in ASCII.

    So nothing in it moves a terminal's cursor, and a letter that only looks like another one shows as what it is.
    """
    return json.dumps(text)


def named_user(user: str) -> str:
    """Write a token's user for a person."""
    if user == ANY_UID:
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
    yield Difference("app_id", what, INVALID_TOKEN if _HEX_32.fullmatch(wanted) else INVALID_APP_ID)


def _channel(report: TokenReport, wanted: str | None) -> Iterator[Difference]:
    if wanted is None or admits_channel(report.token, wanted):
        return
    if report.channel is None:
        own = _untold(report, "channel")
    else:
        own = f"The token is for the channel {shown(report.channel)}, expected is {shown(wanted)}."
        own += _looks_alike(report.channel, wanted)
    yield Difference("channel", f"{own} A token opens the one channel that it was made for.", INVALID_TOKEN)


def _user(report: TokenReport, wanted: str | None) -> Iterator[Difference]:
    if wanted is None or admits_user(report.token, wanted):
        return
    if report.user is None:
        own = _untold(report, "uid")
    else:
        own = f"The token is for {named_user(report.user)}, expected is {named_user(wanted)}."
        own += _looks_alike(report.user, wanted)
    rule = "A uid is the number under which a participant joins, and a token is good for one uid only."
    yield Difference("uid", f"{own} {rule}", INVALID_TOKEN)


def _untold(report: TokenReport, what: str) -> str:
    if isinstance(report.token, LegacyToken):
        return f"The token is for another {what} than expected: its checksum differs (version 006 holds no more)."
    return f"The token opens no channel at all, so it holds no {what}: it has no service rtc."


def _looks_alike(own: str, wanted: str) -> str:
    """The hint that a person needs where two texts look equal."""
    if own.strip().lower().lstrip("0") == wanted.strip().lower().lstrip("0") and wanted:
        return " They differ only in case, outer spaces or leading zeros, and these count."
    return ""


def admits_channel(token: Token | LegacyToken, channel: str) -> bool:
    """Tell whether the token opens this channel, be it by a wildcard."""
    if isinstance(token, LegacyToken):
        return token.names_channel(channel)
    patterns = [str(service.fields["channel"]) for service in token.services if service.kind is RTC]
    return any(pattern == "" or _matches(pattern, channel) for pattern in patterns)


def admits_user(token: Token | LegacyToken, user: str) -> bool:
    """Tell whether the token admits this uid or user account, be it because it admits any."""
    if isinstance(token, LegacyToken):
        return token.names_uid(ANY_UID) or token.names_uid(user)
    written = {str(service.fields["uid"]) for service in token.services if service.kind is RTC}
    return not written.isdisjoint({ANY_UID, WILDCARD, user})


def _matches(pattern: str, channel: str) -> bool:
    parts = (re.escape(part) for part in pattern.split(WILDCARD))
    return re.fullmatch(".*".join(parts), channel, re.DOTALL) is not None


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
