"""What a channel is encrypted with: Agora's eight modes, and one key and salt for everybody in a channel.

Decided here: each mode's three spellings and whether it takes a salt, what a key and a salt look like, and the two ways
to make them: from fresh entropy, or derived from a master key. Called by `agora.transport`, and by `app` and `cli` for
what people write. docs/encryption.md tells users the same, and a test holds the two together.

The key is printable text, because Agora's native SDKs take the characters themselves as the key and decode nothing.
Every party gets the same text unchanged.
"""

import binascii
import re
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from session_service.agora import identifiers
from session_service.errors import InvalidValue

KEY_ENTROPY = 32
SALT_SIZE = 32
ENTROPY = KEY_ENTROPY + SALT_SIZE
"""Bytes that `from_entropy` takes: enough for every mode."""

MASTER_KEY_SIZE = 32
_FEWEST_DISTINCT_BYTES = 16  # 32 random bytes have about 30; one key in 10**14 would be refused by mistake
_PRINTABLE = re.compile(r"[\x20-\x7e]+")
_HEX_KEY = re.compile(r"[0-9A-Fa-f]{64}")


@dataclass(frozen=True, slots=True)
class Mode:
    """One way to encrypt. `name` is the contract's and the native SDKs' word, `number` the SDKs' enumeration."""

    name: str
    number: int
    salted: bool

    @property
    def web_name(self) -> str:
        """The Web SDK's spelling."""
        return self.name.replace("_", "-")


_NAMES = (
    "aes_128_xts",
    "aes_128_ecb",
    "aes_256_xts",
    "sm4_128_ecb",
    "aes_128_gcm",
    "aes_256_gcm",
    "aes_128_gcm2",
    "aes_256_gcm2",
)

MODES: Mapping[str, Mode] = MappingProxyType(
    {name: Mode(name, number, salted=name.endswith("gcm2")) for number, name in enumerate(_NAMES, start=1)}
)
"""Every mode by its name, in the order of the numbers (EncryptionMode in Agora's API reference)."""


def mode(name: str) -> Mode:
    """Return the mode of that name, or raise InvalidValue. Web names are not accepted: one spelling, the contract's."""
    try:
        return MODES[name]
    except KeyError:
        raise InvalidValue(f"An encryption mode is one of {', '.join(MODES)}.") from None


@dataclass(frozen=True, slots=True)
class ChannelEncryption:
    """What every party of one channel must agree on, in each spelling of the mode that an SDK may want.

    `key` is used as it stands; `salt` is base64 of 32 bytes in the modes that take one, and None in the others.
    """

    mode: str
    mode_number: int
    web_mode: str
    key: str = field(repr=False)
    salt: str | None = field(repr=False)

    def __post_init__(self) -> None:
        """Raise InvalidValue where an SDK would fail, or would encrypt with something else than the other side."""
        expected = mode(self.mode)
        if (self.mode_number, self.web_mode) != (expected.number, expected.web_name):
            raise InvalidValue("The mode's name, number and Web name must be those of one mode.")
        if _PRINTABLE.fullmatch(self.key) is None:
            raise InvalidValue("An encryption key is at least one character, all of them printable ASCII.")
        _check_salt(expected, self.salt)


def _check_salt(expected: Mode, salt: str | None) -> None:
    if not expected.salted:
        if salt is not None:
            raise InvalidValue(f"Mode {expected.name} takes no salt.")
    elif salt is None or not any(_decoded(salt, SALT_SIZE)):
        raise InvalidValue(f"Mode {expected.name} needs a salt: base64 of {SALT_SIZE} bytes that are not all zero.")


def _decoded(text: str, size: int) -> bytes:
    """Return what `text` is the base64 of, if that has `size` bytes and no other spelling; else nothing at all."""
    try:
        decoded = b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""
    return decoded if len(decoded) == size and b64encode(decoded).decode() == text else b""


def build(mode: Mode, key: str, salt: str | None) -> ChannelEncryption:
    """Put a key and a salt that already exist under `mode`; InvalidValue where they do not fit it."""
    return ChannelEncryption(mode.name, mode.number, mode.web_name, key, salt)


def from_entropy(mode: Mode, entropy: bytes) -> ChannelEncryption:
    """Make a fresh key and, in a salted mode, a fresh salt.

    The key is the base64 of the first 32 bytes, the salt that of the next 32, which a mode without salt does not need.
    """
    if len(entropy) < (ENTROPY if mode.salted else KEY_ENTROPY):
        raise InvalidValue(f"Fresh encryption takes {ENTROPY} random bytes, {KEY_ENTROPY} in a mode without salt.")
    return _encoded(mode, entropy[:KEY_ENTROPY], entropy[KEY_ENTROPY:ENTROPY])


def _encoded(mode: Mode, key: bytes, salt: bytes) -> ChannelEncryption:
    return build(mode, b64encode(key).decode(), b64encode(salt).decode() if mode.salted else None)


def master_key(text: str) -> bytes:
    """Read the master key: 32 bytes, written as base64 or as 64 hexadecimal digits. InvalidValue also if it is weak."""
    key = bytes.fromhex(text) if _HEX_KEY.fullmatch(text) else _decoded(text, MASTER_KEY_SIZE)
    return checked_master_key(key)


def checked_master_key(key: bytes) -> bytes:
    """Return `key` if it is 32 bytes that may have come from a random source."""
    if len(key) != MASTER_KEY_SIZE:
        raise InvalidValue("A master key is 32 bytes, written as base64 (44 characters) or as 64 hexadecimal digits.")
    if len(set(key)) < _FEWEST_DISTINCT_BYTES:
        raise InvalidValue("The master key repeats itself too much to be random. Make one: openssl rand -base64 32")
    return key


def derive(mode: Mode, master_key: bytes, channel: str) -> ChannelEncryption:
    """Derive the key and salt of one channel, so that an agent elsewhere derives the same without being told.

    HKDF-SHA256 (RFC 5869) over the master key, without HKDF salt, 32 bytes of output. The info is the ASCII text
    `session-service/1/agora/PURPOSE/MODE/CHANNEL`, PURPOSE being `key` or `salt` and MODE the mode's name; a channel
    name holds no slash, so no two purposes, modes or channels share an info. Both outputs are written as base64.
    """
    checked_master_key(master_key)
    identifiers.channel(channel)
    key = _hkdf(master_key, f"session-service/1/agora/key/{mode.name}/{channel}")
    salt = _hkdf(master_key, f"session-service/1/agora/salt/{mode.name}/{channel}") if mode.salted else b""
    return _encoded(mode, key, salt)


def _hkdf(master_key: bytes, info: str) -> bytes:
    # Imported here: only derived keys need it, and it costs every start 14 ms (docs/performance.md).
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    return HKDF(algorithm=SHA256(), length=KEY_ENTROPY, salt=None, info=info.encode()).derive(master_key)
