"""Endpoints whose token does not let the tester in, or not for long."""

import time
from base64 import b64encode
from typing import ClassVar

from session_service.agora import legacy_tokens, tokens
from session_service.agora.identifiers import Project
from session_service.agora.token_services import KINDS, Service
from tests.check.correct import HOUR, PROJECT, token
from tests.check.mutants.mutant import Mutant

STRANGER = Project("11112222333344445555666677778888", "88887777666655554444333322221111")


class Cut(Mutant):
    """Loses the end of the token, as a column that is too short does."""

    BREAKS: ClassVar = {"K01": "fail"}

    def token(self, channel: str) -> str:
        return token(channel)[:100]


class Quoted(Mutant):
    """Leaves the quotes of a JSON text around the token."""

    BREAKS: ClassVar = {"K01": "fail"}

    def token(self, channel: str) -> str:
        return f'"{token(channel)}"'


class EncodedAgain(Mutant):
    """Encodes the token as base64 once more."""

    BREAKS: ClassVar = {"K01": "fail"}

    def token(self, channel: str) -> str:
        return b64encode(token(channel).encode()).decode()


class AppIdAsToken(Mutant):
    """Answers the App ID as token, as projects without certificate do."""

    BREAKS: ClassVar = {"K01": "fail"}

    def token(self, channel: str) -> str:
        return PROJECT.app_id


class OtherProject(Mutant):
    """Mints for another project than it answers."""

    BREAKS: ClassVar = {"K01": "fail"}

    def token(self, channel: str) -> str:
        return token(channel, project=STRANGER)


class AppIdIsCertificate(Mutant):
    """Answers the certificate as App ID."""

    BREAKS: ClassVar = {"K01": "fail"}

    def join_details(self) -> dict[str, object]:
        return {**super().join_details(), "agora_app_id": PROJECT.certificate}


class Old(Mutant):
    """Mints version 006."""

    BREAKS: ClassVar = {"K01": "warn"}

    def token(self, channel: str) -> str:
        return old(channel)


class OtherChannel(Mutant):
    """Mints for a channel of its own making."""

    BREAKS: ClassVar = {"K02": "fail"}

    def token(self, channel: str) -> str:
        return token(channel.upper())


class EveryChannel(Mutant):
    """Mints for every channel."""

    BREAKS: ClassVar = {"K02": "fail"}

    def token(self, channel: str) -> str:
        return token("")


class Wildcard(Mutant):
    """Mints for every channel that begins alike."""

    BREAKS: ClassVar = {"K02": "fail"}

    def token(self, channel: str) -> str:
        return token(f"{channel[:7]}*")


class MessagesOnly(Mutant):
    """Mints for messages instead of calls."""

    BREAKS: ClassVar = {"K02": "fail"}

    def token(self, channel: str) -> str:
        service = Service(KINDS[2], {1: HOUR}, {"user_id": "1"})
        return tokens.mint(PROJECT, [service], issued_at=int(time.time()), lifetime=HOUR, salt=7)


class OtherCertificate(Mutant):
    """Signs with another project's certificate."""

    BREAKS: ClassVar = {"K02": "fail"}

    def token(self, channel: str) -> str:
        return token(channel, project=Project(PROJECT.app_id, STRANGER.certificate))


class OldOfOtherChannel(Mutant):
    """Mints version 006 for another channel."""

    BREAKS: ClassVar = {"K01": "warn", "K02": "fail"}

    def token(self, channel: str) -> str:
        return old("lobby")


class AgentsToken(Mutant):
    """Answers the agent's token."""

    BREAKS: ClassVar = {"K03": "fail"}

    def token(self, channel: str) -> str:
        return token(channel, "4711")


class Account(Mutant):
    """Mints for a user account."""

    BREAKS: ClassVar = {"K03": "fail"}

    def token(self, channel: str) -> str:
        return token(channel, "tester")


class ZeroAsText(Mutant):
    """Mints for the user account that is named like no uid."""

    BREAKS: ClassVar = {"K03": "fail"}

    def token(self, channel: str) -> str:
        return token(channel, "0")


class AnyUid(Mutant):
    """Mints for anybody."""

    BREAKS: ClassVar = {"K03": "warn"}

    def token(self, channel: str) -> str:
        return token(channel, "")


class OldOfAgent(Mutant):
    """Answers the agent's token, in version 006."""

    BREAKS: ClassVar = {"K01": "warn", "K03": "fail"}

    def token(self, channel: str) -> str:
        return old(channel, "4711")


class Subscriber(Mutant):
    """Mints a listener's token."""

    BREAKS: ClassVar = {"K04": "fail"}

    def token(self, channel: str) -> str:
        return token(channel, privileges=(1,))


class Outside(Mutant):
    """Mints a token that may speak and not join."""

    BREAKS: ClassVar = {"K04": "fail"}

    def token(self, channel: str) -> str:
        return token(channel, privileges=(2, 3, 4))


class OldWithDurations(Mutant):
    """Gives durations to version 006, which takes instants."""

    BREAKS: ClassVar = {"K01": "warn", "K04": "fail"}

    def token(self, channel: str) -> str:
        return old(channel, end=HOUR)


class Stale(Mutant):
    """Answers a token that was minted long ago, or by a clock that is slow."""

    BREAKS: ClassVar = {"K05": "fail"}

    def token(self, channel: str) -> str:
        return token(channel, age=10 * 60, lifetime=2 * HOUR)


class FastClock(Mutant):
    """Mints by a clock that is fast."""

    BREAKS: ClassVar = {"K05": "fail"}

    def token(self, channel: str) -> str:
        return token(channel, age=-10 * 60)


class Instant(Mutant):
    """Gives an instant to version 007, which takes a duration."""

    BREAKS: ClassVar = {"K05": "fail"}

    def token(self, channel: str) -> str:
        return token(channel, lifetime=int(time.time()) + HOUR)


class Milliseconds(Mutant):
    """Gives a duration in milliseconds."""

    BREAKS: ClassVar = {"K05": "fail"}

    def token(self, channel: str) -> str:
        return token(channel, lifetime=1000 * HOUR)


class Minute(Mutant):
    """Mints for a minute."""

    BREAKS: ClassVar = {"K05": "fail"}

    def token(self, channel: str) -> str:
        return token(channel, lifetime=60)


class Day(Mutant):
    """Mints for a day."""

    BREAKS: ClassVar = {"K05": "warn"}

    def token(self, channel: str) -> str:
        return token(channel, lifetime=24 * HOUR)


def old(channel: str, uid: str = "1", end: int | None = None) -> str:
    """A token of version 006, right unless told otherwise. `end` is that of the privileges."""
    expires_at = int(time.time()) + HOUR
    privileges = dict.fromkeys(legacy_tokens.PUBLISHER, expires_at if end is None else end)
    return legacy_tokens.build(PROJECT, channel, uid, privileges, expires_at=expires_at, salt=7)


MUTANTS: tuple[type[Mutant], ...] = (
    Cut,
    Quoted,
    EncodedAgain,
    AppIdAsToken,
    OtherProject,
    AppIdIsCertificate,
    Old,
    OtherChannel,
    EveryChannel,
    Wildcard,
    MessagesOnly,
    OtherCertificate,
    OldOfOtherChannel,
    AgentsToken,
    Account,
    ZeroAsText,
    AnyUid,
    OldOfAgent,
    Subscriber,
    Outside,
    OldWithDurations,
    Stale,
    FastClock,
    Instant,
    Milliseconds,
    Minute,
    Day,
)
