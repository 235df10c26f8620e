"""What `sessions` gets for one session on Agora: the tester's join details, and the agent's seat.

Decided here: the channel's name, who has which uid, whose token has which salt, and which random byte goes where.
`app` builds one AgoraTransport per client that may ask for sessions; `sessions` calls it with its clock and entropy.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Literal, Protocol

from session_service.agora import encryption, identifiers, legacy_tokens, tokens
from session_service.agora.encryption import ChannelEncryption, Mode
from session_service.agora.identifiers import Project
from session_service.agora.tokens import RtcMinter
from session_service.errors import InvalidValue
from session_service.values import value

TokenVersion = Literal["007", "006"]

_TWO_NUMBERS = struct.Struct("<QQ")
_AGENT_UID = slice(16, 24)
_ENCRYPTION = slice(24, 24 + encryption.ENTROPY)
_FIRST_AGENT_UID = 2
_AGENT_UIDS = 2**31 - 1 - _FIRST_AGENT_UID  # one of Agora's pages bounds uids to signed 32 bits; one is the tester's


@value
class JoinDetails:
    """What the tester needs, under the contract's names. What is absent is None."""

    agora_app_id: str
    agora_channel: str
    agora_token: str = field(repr=False)
    encryption_mode: str | None = None
    encryption_key: str | None = field(default=None, repr=False)
    encryption_salt: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Seat:
    """The agent's own place in the channel: its uid, and a token that admits that uid alone."""

    app_id: str
    channel: str
    token: str = field(repr=False)
    uid: int
    tester_uid: int


@dataclass(frozen=True, slots=True)
class Renewal:
    """A fresh token for a seat that somebody sits on; `expires_at` is in Unix seconds."""

    token: str = field(repr=False)
    expires_at: int


class Mint(Protocol):
    """Mints a publisher's token of one project, of either version."""

    def __call__(self, channel: str, uid: int, *, issued_at: int, lifetime: int, salt: int) -> str: ...


class AgoraTransport:
    """Mints what the parties of one session need to meet, and to understand each other.

    Pure: the same arguments give the same result. `entropy` is ENTROPY random bytes, the same ones for both methods of
    one session and never used again; `now` is in Unix seconds.
    """

    ENTROPY = 24 + encryption.ENTROPY
    RENEWAL_ENTROPY = 8
    name = "agora"

    def __init__(
        self,
        project: Project,
        *,
        prefix: str,
        join_uid: int,
        agent_uid: int | None,
        lifetime: int,
        token_version: TokenVersion,
        encryption: Mode | None,
        master_key: bytes | None,
    ) -> None:
        """Fix what every session of a client shares; InvalidValue where it breaks a rule, before any session does.

        `lifetime` is that of both tokens, in seconds. `agent_uid` None draws one per session. `master_key` None draws
        a key and salt per session instead of deriving them.
        """
        identifiers.token_terms(0, lifetime, 1)
        self.app_id = project.app_id
        self._project = project
        self._prefix = identifiers.channel_prefix(prefix)
        self.join_uid = identifiers.uid(join_uid)
        self._agent_uid = _configured_agent_uid(agent_uid, join_uid)
        self.lifetime = lifetime
        self._mint = _minter(project, token_version)
        self._encrypt = _encrypter(encryption, master_key)

    def join(self, session_id: str, now: int, entropy: bytes) -> tuple[JoinDetails, ChannelEncryption | None]:
        """Mint the tester's join details. The channel is the prefix and the session id; the salt is not the agent's."""
        channel = self._prefix + session_id
        token = self._token(channel, self.join_uid, now, _salts(entropy)[0])
        made = self._encrypt(channel, entropy[_ENCRYPTION]) if self._encrypt else None
        if made is None:
            return JoinDetails(self._project.app_id, channel, token), None
        return JoinDetails(self._project.app_id, channel, token, made.mode, made.key, made.salt), made

    def seat(self, channel: str, now: int, entropy: bytes) -> Seat:
        """Mint the agent's seat in a channel that `join` named."""
        uid = self._agent_uid or _drawn_agent_uid(entropy, self.join_uid)
        token = self._token(channel, uid, now, _salts(entropy)[1])
        return Seat(self._project.app_id, channel, token, uid, self.join_uid)

    def renew(self, channel: str, uid: int, now: int, entropy: bytes) -> Renewal:
        """Mint a fresh token for a uid of a channel of ours. `entropy` is RENEWAL_ENTROPY random bytes of its own."""
        salt = 1 + int.from_bytes(entropy, "little") % identifiers.MAX_SALT
        return Renewal(self._token(channel, uid, now, salt), now + self.lifetime)

    def _token(self, channel: str, uid: int, now: int, salt: int) -> str:
        return self._mint(channel, uid, issued_at=now, lifetime=self.lifetime, salt=salt)


def _minter(project: Project, version: TokenVersion) -> Mint:
    if version == tokens.VERSION:
        return RtcMinter(project).mint
    if version == legacy_tokens.VERSION:
        return partial(legacy_tokens.mint, project)
    raise InvalidValue(f"A token version is {tokens.VERSION}, or {legacy_tokens.VERSION} for old SDKs.")


def _configured_agent_uid(agent_uid: int | None, join_uid: int) -> int | None:
    if agent_uid is None:
        return None
    if agent_uid == join_uid:
        raise InvalidValue("The agent's uid must not be the tester's: the second to join would throw out the first.")
    return identifiers.uid(agent_uid)


Encrypt = Callable[[str, bytes], ChannelEncryption]


def _encrypter(mode: Mode | None, master_key: bytes | None) -> Encrypt | None:
    """Choose how a channel's encryption comes about, from its name and fresh entropy."""
    if mode is None:
        if master_key is not None:
            raise InvalidValue("A master key needs an encryption mode.")
        return None
    if master_key is None:
        return lambda channel, entropy: encryption.from_entropy(mode, entropy)
    key = encryption.checked_master_key(master_key)
    return lambda channel, entropy: encryption.derive(mode, key, channel)


def _salts(entropy: bytes) -> tuple[int, int]:
    """The tester's salt and the agent's: two different numbers from 1 to 99999999."""
    if len(entropy) != AgoraTransport.ENTROPY:
        raise InvalidValue(f"A session takes {AgoraTransport.ENTROPY} random bytes.")
    first, step = _TWO_NUMBERS.unpack_from(entropy)
    tester = first % identifiers.MAX_SALT
    agent = (tester + 1 + step % (identifiers.MAX_SALT - 1)) % identifiers.MAX_SALT
    return tester + 1, agent + 1


def _drawn_agent_uid(entropy: bytes, join_uid: int) -> int:
    """Draw from 2 to 2**31 - 1 without the tester's uid, each as likely as any other."""
    uid = _FIRST_AGENT_UID + int.from_bytes(entropy[_AGENT_UID], "little") % _AGENT_UIDS
    return uid + 1 if uid >= join_uid >= _FIRST_AGENT_UID else uid
