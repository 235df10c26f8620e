"""Endpoints whose channel nobody can understand, or everybody."""

import secrets
from base64 import b64encode
from typing import ClassVar

from tests.check.mutants.mutant import Mutant


class _Encrypted(Mutant):
    """Encrypts its channels, rightly unless a step says otherwise."""

    def join_details(self) -> dict[str, object]:
        given = {"encryption_mode": self.mode(), "encryption_key": self.key(), "encryption_salt": self.salt()}
        return {**super().join_details(), **{name: value for name, value in given.items() if value is not None}}

    def mode(self) -> object:
        return "aes_256_gcm2"

    def key(self) -> str | None:
        return b64encode(secrets.token_bytes(32)).decode()

    def salt(self) -> str | None:
        return b64encode(secrets.token_bytes(32)).decode()


class WithoutMode(_Encrypted):
    """Leaves the mode out."""

    BREAKS: ClassVar = {"E01": "fail"}

    def mode(self) -> object:
        return None


class WebMode(_Encrypted):
    """Spells the mode as browsers do."""

    BREAKS: ClassVar = {"E01": "fail"}

    def mode(self) -> object:
        return "aes-256-gcm2"


class NumberedMode(_Encrypted):
    """Writes the mode as native SDKs count it."""

    BREAKS: ClassVar = {"E01": "fail"}

    def mode(self) -> object:
        return 8


class WithoutKey(_Encrypted):
    """Has an empty key."""

    BREAKS: ClassVar = {"E01": "fail"}

    def key(self) -> str | None:
        return ""


class WithoutSalt(_Encrypted):
    """Forgets the salt where the mode takes one."""

    BREAKS: ClassVar = {"E01": "fail"}

    def salt(self) -> str | None:
        return None


class ShortSalt(_Encrypted):
    """Has a salt of 16 bytes."""

    BREAKS: ClassVar = {"E02": "fail"}

    def salt(self) -> str | None:
        return b64encode(secrets.token_bytes(16)).decode()


class HexSalt(_Encrypted):
    """Writes the salt in hexadecimal."""

    BREAKS: ClassVar = {"E02": "fail"}

    def salt(self) -> str | None:
        return secrets.token_hex(32)


class UrlSafeSalt(_Encrypted):
    """Writes the salt in the alphabet for URLs."""

    BREAKS: ClassVar = {"E02": "fail"}

    def salt(self) -> str | None:
        return "-_" + b64encode(secrets.token_bytes(32)).decode()[2:]


class Placeholder(_Encrypted):
    """Answers the example's key."""

    BREAKS: ClassVar = {"E02": "fail"}

    def key(self) -> str | None:
        return "<base64 key>"


class ShortKey(_Encrypted):
    """Has a key of eight characters."""

    BREAKS: ClassVar = {"E02": "warn"}

    def key(self) -> str | None:
        return secrets.token_hex(4)


class SameKey(_Encrypted):
    """Has one key for every session."""

    BREAKS: ClassVar = {"E02": "warn"}

    def key(self) -> str | None:
        return "JkL0vQmv7Iu1Q3nqkqjzW0cV5pS2xYt8bR4dE6fG9hA="


class SameSalt(_Encrypted):
    """Has one salt for every session."""

    BREAKS: ClassVar = {"E02": "warn"}

    def salt(self) -> str | None:
        return "JkL0vQmv7Iu1Q3nqkqjzW0cV5pS2xYt8bR4dE6fG9hA="


class SaltForNothing(_Encrypted):
    """Has a salt in a mode without one."""

    BREAKS: ClassVar = {"E02": "warn"}

    def mode(self) -> object:
        return "aes_256_gcm"


MUTANTS: tuple[type[Mutant], ...] = (
    WithoutMode,
    WebMode,
    NumberedMode,
    WithoutKey,
    WithoutSalt,
    ShortSalt,
    HexSalt,
    UrlSafeSalt,
    Placeholder,
    ShortKey,
    SameKey,
    SameSalt,
    SaltForNothing,
)
