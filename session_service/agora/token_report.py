"""What a token says, in one shape for both versions, and whether its signature holds.

Decided here: how the versions' different ways are told alike (instants instead of seconds after the issue, names
instead of numbers, uid or user account), and when a signature can be checked. `agora.token_judgement` judges the
result. Called by the command line. docs/tokens.md documents `document`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from session_service.agora import either_version, legacy_tokens, tokens
from session_service.agora.either_version import ANY_UID
from session_service.agora.identifiers import MAX_UID
from session_service.agora.legacy_tokens import LegacyToken
from session_service.agora.token_services import RTC, Service
from session_service.agora.tokens import Token

Signature = Literal["valid", "invalid", "unchecked"]
Ends = Mapping[str, int | None]
"""Privileges by name, each with its end in Unix seconds; None where it has none of its own and ends with the token."""

JOIN = "join_channel"
PUBLISH = "publish_audio"
_RTM_LOGIN = legacy_tokens.PRIVILEGES[1000]


@dataclass(frozen=True, slots=True)
class Expected:
    """What a token is wanted for; None where anything will do. `user` is as a token writes it (see `user`)."""

    channel: str | None = None
    user: str | None = None
    app_id: str | None = None
    live: bool = False


@dataclass(frozen=True, slots=True)
class ServiceReport:
    """One service that a token opens, with what it says about its user."""

    name: str
    privileges: Ends
    fields: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class TokenReport:
    """What a token says. Instants are Unix seconds; channel, user and `issued_at` are None where it does not tell.

    `user` is the uid in decimal, a user account, or empty for any uid. `partly_read` tells that more services follow,
    whose layout nobody has documented.
    """

    version: str
    app_id: str
    channel: str | None
    user: str | None
    services: tuple[ServiceReport, ...]
    issued_at: int | None
    expires_at: int
    partly_read: bool
    signature: Signature
    unchecked_because: str | None
    token: Token | LegacyToken = field(repr=False)

    @property
    def uid(self) -> int | None:
        """The uid: 0 for any uid, None where the token names a user account or does not tell."""
        return None if self.user is None else uid(self.user)

    @property
    def account(self) -> str | None:
        """The user account, None where the token has a uid or does not tell."""
        return self.user if self.uid is None else None

    @property
    def privileges(self) -> Ends:
        """Those of the first service that opens a channel; empty where there is none."""
        return next((service.privileges for service in self.services if service.name == RTC.name), {})

    def document(self) -> dict[str, object]:
        """The report for programs, with the keys that docs/tokens.md promises and no others."""
        services = [
            {"name": service.name, "privileges": dict(service.privileges), "fields": dict(service.fields)}
            for service in self.services
        ]
        return {
            "version": self.version,
            "app_id": self.app_id,
            "channel": self.channel,
            "uid": self.uid,
            "account": self.account,
            "privileges": dict(self.privileges),
            "services": services,
            "issued_at": self.issued_at,
            "expires_at": self.expires_at,
            "signature": self.signature,
        }


def uid(user: str) -> int | None:
    """Return the uid that a token's text means: 0 for any, None where it is a user account."""
    if user == ANY_UID:
        return 0
    number = int(user) if user.isascii() and user.isdigit() and len(user) <= len(str(MAX_UID)) else 0
    return number if 1 <= number <= MAX_UID and str(number) == user else None


def user(text: str) -> str:
    """Return a person's `text` for a uid or user account as a token writes it: the uid 0 is the empty text."""
    return ANY_UID if text == "0" else text


def report(text: str, certificate: str | None, expected: Expected) -> TokenReport:
    """Read a token of either version; UnreadableToken for all else, InvalidValue for what is no certificate.

    Without a certificate the signature stays unchecked. A token of version 006 does not hold its channel and uid, which
    are signed all the same: there, `expected` must name both.
    """
    token = either_version.read(text)
    return _current(token, certificate) if isinstance(token, Token) else _legacy(token, certificate, expected)


_NO_CERTIFICATE = "there is no certificate to check it with"
ONLY_CHECKSUMS = (
    "a token of version 006 holds only checksums of channel and uid: it can be checked only when both are expected"
)
_OTHERS = "the expected channel or uid is not the token's, and version 006 does not tell which are"


def _current(token: Token, certificate: str | None) -> TokenReport:
    rtc = next((service for service in token.services if service.kind is RTC), None)
    return TokenReport(
        version=tokens.VERSION,
        app_id=token.app_id,
        channel=str(rtc.fields["channel"]) if rtc else None,
        user=str(rtc.fields["uid"]) if rtc else None,
        services=tuple(_service(service, token.issued_at) for service in token.services),
        issued_at=token.issued_at,
        expires_at=token.issued_at + token.lifetime,
        partly_read=bool(token.unread),
        signature=_verdict(token.signature_valid(certificate)) if certificate else "unchecked",
        unchecked_because=None if certificate else _NO_CERTIFICATE,
        token=token,
    )


def _service(service: Service, issued_at: int) -> ServiceReport:
    names = dict(enumerate(service.kind.privileges, start=1))
    ends = {
        names.get(number, f"privilege_{number}"): issued_at + seconds if seconds else None
        for number, seconds in service.privileges.items()
    }
    return ServiceReport(service.kind.name, ends, service.fields)


def _legacy(token: LegacyToken, certificate: str | None, expected: Expected) -> TokenReport:
    signature, because = _legacy_signature(token, certificate, expected)
    return TokenReport(
        version=legacy_tokens.VERSION,
        app_id=token.app_id,
        channel=None,
        user=None,
        services=tuple(_legacy_services(token.privileges)),
        issued_at=None,
        expires_at=token.expires_at,
        partly_read=False,
        signature=signature,
        unchecked_because=because,
        token=token,
    )


def _legacy_services(privileges: Mapping[int, int]) -> Iterator[ServiceReport]:
    """Version 006 knows no services; its numbers fall into the two that 007 calls rtc and rtm."""
    ends = {
        legacy_tokens.PRIVILEGES.get(number, f"privilege_{number}"): end or None for number, end in privileges.items()
    }
    login = {name: ends.pop(name) for name in (_RTM_LOGIN,) if name in ends}
    if ends:
        yield ServiceReport("rtc", ends, {})
    if login:
        yield ServiceReport("rtm", login, {})


def _legacy_signature(token: LegacyToken, certificate: str | None, expected: Expected) -> tuple[Signature, str | None]:
    if certificate is None:
        return "unchecked", _NO_CERTIFICATE
    if expected.channel is None or expected.user is None:
        return "unchecked", ONLY_CHECKSUMS
    user = ANY_UID if token.names_uid(ANY_UID) else expected.user
    if not token.names(expected.channel, user):
        return "unchecked", _OTHERS
    return _verdict(token.signature_valid(certificate, expected.channel, user)), None


def _verdict(valid: bool) -> Signature:
    return "valid" if valid else "invalid"
