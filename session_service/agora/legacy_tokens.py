"""Tokens of version 006, for SDKs too old for 007: minting them by agora-token-builder, and reading them.

Decided here: what that package may be given. It checks nothing (any text passes as App ID), takes its instants as
absolute where 007 takes seconds after the issue, and signs whatever it gets; so everything is checked before. Called by
`agora.transport` where SESSION_TOKEN_VERSION is 006, and by the command line.

The package draws a salt, and an end 24 hours after the host's clock, as it builds its AccessToken; both are public
attributes that its helper functions never set. We set them, so the caller's instant and salt rule, and the token ends
together with its privileges. Fixed by the format: channel and uid stand in it as CRC-32 only, so a reader can confirm
them and not tell them. Layout: AgoraIO/Tools, AccessToken.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from zlib import crc32

from session_service.agora import identifiers, packing
from session_service.agora.identifiers import Project
from session_service.agora.packing import Cursor
from session_service.agora.spellings import as_bytes
from session_service.errors import UnreadableToken

VERSION = "006"
PRIVILEGES: Mapping[int, str] = {
    1: "join_channel",
    2: "publish_audio",
    3: "publish_video",
    4: "publish_data_stream",
    5: "publish_audio_cdn",
    6: "publish_video_cdn",
    7: "request_publish_audio",
    8: "request_publish_video",
    9: "request_publish_data_stream",
    10: "invite_publish_audio",
    11: "invite_publish_video",
    12: "invite_publish_data_stream",
    101: "administrate_channel",
    1000: "rtm_login",
}
"""Every privilege of the format by its number."""

PUBLISHER = (1, 2, 3, 4)
_APP_ID_END = len(VERSION) + 32
_SIGNATURE_SIZE = 32


@dataclass(frozen=True, slots=True)
class LegacyToken:
    """What a token says. `expires_at` and the ends of the privileges are instants in Unix seconds."""

    app_id: str
    channel_crc: int
    uid_crc: int
    expires_at: int
    salt: int
    privileges: Mapping[int, int]
    signature: bytes = field(repr=False)
    message: bytes = field(repr=False)

    def names(self, channel: str, uid: str) -> bool:
        """Tell whether the token's checksums are those of this channel and uid; the empty uid is any uid."""
        return self.names_channel(channel) and self.names_uid(uid)

    def names_channel(self, channel: str) -> bool:
        """Tell whether the token's checksum is that of this channel."""
        return self.channel_crc == crc32(as_bytes(channel))

    def names_uid(self, uid: str) -> bool:
        """Tell whether the token's checksum is that of this uid, as decimal text, or of this user account."""
        return self.uid_crc == crc32(as_bytes(uid))

    def signature_valid(self, certificate: str, channel: str, uid: str) -> bool:
        """Tell whether this certificate signed the token for this channel and uid; compared in constant time.

        The checksums are not signed, so they must agree as well. InvalidValue if the certificate is none.
        """
        identifiers.app_certificate(certificate)
        signed = self.app_id.encode() + as_bytes(channel) + as_bytes(uid) + self.message
        expected = hmac.digest(certificate.encode(), signed, "sha256")
        return hmac.compare_digest(self.signature, expected) and self.names(channel, uid)


def mint(project: Project, channel: str, uid: int, *, issued_at: int, lifetime: int, salt: int) -> str:
    """Mint a publisher's token: joining, audio, video and data end when the token does.

    `issued_at` is in Unix seconds, `lifetime` 1 to 86400 seconds, `salt` 1 to 99999999. Else, and for a channel or uid
    that breaks Agora's rules: InvalidValue.
    """
    identifiers.token_terms(issued_at, lifetime, salt)
    identifiers.channel(channel)
    expires_at = issued_at + lifetime
    privileges = dict.fromkeys(PUBLISHER, expires_at)
    return build(project, channel, f"{identifiers.uid(uid):d}", privileges, expires_at=expires_at, salt=salt)


def build(
    project: Project, channel: str, uid: str, privileges: Mapping[int, int], *, expires_at: int, salt: int
) -> str:
    """Build a token with whatever values the format can hold: for debugging and for tests.

    `privileges` maps a privilege's number to the instant of its end, in Unix seconds. `uid` is decimal text or a user
    account; the empty one admits any uid. InvalidValue where a value does not fit its place in the format.
    """
    # Imported here: who uses 007 does not pay for it.
    from agora_token_builder.AccessToken import AccessToken

    _check_fit(channel, uid, privileges, expires_at, salt)
    builder = AccessToken(project.app_id, project.certificate, channel, uid)
    builder.ts = expires_at
    builder.salt = salt
    for number, end in privileges.items():
        builder.addPrivilege(number, end)
    return str(builder.build())


def _check_fit(channel: str, uid: str, privileges: Mapping[int, int], expires_at: int, salt: int) -> None:
    # The builder would fail on these with errors of struct and of codecs, which are not ours to let out.
    for text in (channel, uid):
        packing.text(text)
    for number in (expires_at, salt):
        packing.u32(number)
    packing.numbers(privileges)


def read(token: str) -> LegacyToken:
    """Read a token of version 006, without judging it. Any text that is none raises UnreadableToken."""
    if not token.startswith(VERSION):
        raise UnreadableToken(f"A token of version {VERSION} begins with {VERSION}.")
    cursor = Cursor(packing.base64_bytes(token[_APP_ID_END:]))
    signature, channel_crc, uid_crc, message = cursor.blob(), cursor.u32(), cursor.u32(), cursor.blob()
    inner = Cursor(message)
    salt, expires_at, privileges = inner.u32(), inner.u32(), inner.numbers()
    if len(signature) != _SIGNATURE_SIZE or cursor.rest() or inner.rest():
        raise UnreadableToken("The token is damaged: its parts do not have their lengths.")
    app_id = token[len(VERSION) : _APP_ID_END]
    if not app_id.isascii():
        raise UnreadableToken("The App ID in the token is no plain text.")
    return LegacyToken(app_id, channel_crc, uid_crc, expires_at, salt, privileges, signature, message)
