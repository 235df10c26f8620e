"""What each of Agora's SDKs is given to join an encrypted channel.

Decided here: the SDKs' own names, and which form of mode and salt each takes; the key is the same text for all. Pure.
Called by the command line; docs/encryption.md says the same in prose. Names: Agora's API reference (EncryptionConfig,
setEncryptionConfig), Conversational AI's join body, and the source of agora-python-server-sdk.
"""

from dataclasses import dataclass
from hashlib import sha256
from typing import Protocol

from session_service.agora.encryption import Mode
from session_service.agora.encryption_report import Side
from session_service.agora.spellings import as_bytes

_FINGERPRINT = 12


@dataclass(frozen=True, slots=True)
class Sdk:
    """Where one SDK takes the parameters, and under which names. `salt_as_text`: base64 instead of the bytes."""

    name: str
    place: str
    mode: str
    key: str
    salt: str
    web_name: bool = False
    salt_as_text: bool = False


SDKS = (
    Sdk("native SDKs", "enableEncryption", "encryptionMode", "encryptionKey", "encryptionKdfSalt"),
    Sdk("agora-python-server-sdk", "EncryptionConfig", "encryption_mode", "encryption_key", "encryption_kdf_salt"),
    Sdk("Web SDK", "setEncryptionConfig", "mode", "key", "salt", web_name=True),
    Sdk(
        "Conversational AI",
        "properties.rtc",
        "encryption_mode",
        "encryption_key",
        "encryption_salt",
        salt_as_text=True,
    ),
)


class Show(Protocol):
    """How a key's text or a salt's bytes are written."""

    def __call__(self, secret: str | bytes) -> str: ...


def fingerprint(secret: str | bytes) -> str:
    """Write a secret's length, and enough of the SHA-256 of its characters or bytes to compare two sides by."""
    data = as_bytes(secret) if isinstance(secret, str) else secret
    unit = "characters" if isinstance(secret, str) else "bytes"
    return f"{len(secret)} {unit}, sha256 {sha256(data).hexdigest()[:_FINGERPRINT]}"


def plain(secret: str | bytes) -> str:
    """Write a text in quotes, and bytes in hexadecimal digits."""
    return ascii(secret) if isinstance(secret, str) else f"{len(secret)} bytes, hexadecimal {secret.hex()}"


def parameters(sdk: Sdk, side: Side, mode: Mode, show: Show) -> list[tuple[str, str]]:
    """Return what this SDK is given for this side, by its own names. What the side lacks is left out."""
    found = [(sdk.mode, f'"{mode.web_name}"' if sdk.web_name else str(mode.number))]
    if side.key:
        found.append((sdk.key, show(side.key)))
    salt = side.salt if sdk.salt_as_text else side.salt_bytes
    if mode.salted and salt:
        found.append((sdk.salt, show(salt)))
    return found
