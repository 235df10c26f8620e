"""Endpoints whose answer is not the documented object."""

import json
from collections.abc import Mapping
from typing import ClassVar

from tests.check.correct import PROJECT, SECRET
from tests.check.mutants.mutant import Mutant


class _Form(Mutant):
    """Answers join details in another form."""

    BREAKS: ClassVar = {"S01": "fail"}

    def reply(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        if status == 200:
            body, headers = self.formed(body), {**headers, **self.declared()}
        super().reply(status, body, headers)

    def formed(self, body: bytes) -> bytes:
        return body

    def declared(self) -> Mapping[str, str]:
        return {}


class Html(_Form):
    """Declares JSON as a page."""

    def declared(self) -> Mapping[str, str]:
        return {"Content-Type": "text/html; charset=utf-8"}


class Latin(_Form):
    """Declares another character set."""

    def declared(self) -> Mapping[str, str]:
        return {"Content-Type": "application/json; charset=iso-8859-1"}


class Marked(_Form):
    """Begins with a byte order mark."""

    def formed(self, body: bytes) -> bytes:
        return b"\xef\xbb\xbf" + body


class Utf16(_Form):
    """Writes UTF-16."""

    def formed(self, body: bytes) -> bytes:
        return body.decode().encode("utf-16")


class PythonRepr(_Form):
    """Prints a dictionary instead of encoding it."""

    def formed(self, body: bytes) -> bytes:
        return repr(json.loads(body)).encode()


class Twice(_Form):
    """Encodes the encoded object."""

    def formed(self, body: bytes) -> bytes:
        return json.dumps(body.decode()).encode()


class Repeated(_Form):
    """Has a key twice."""

    def formed(self, body: bytes) -> bytes:
        return body.replace(b"{", b'{"agora_channel": "other", ', 1)


class NotANumber(_Form):
    """Has what Python's encoder writes for no number."""

    def formed(self, body: bytes) -> bytes:
        return body.replace(b"{", b'{"load": NaN, ', 1)


class _Document(Mutant):
    """Answers other join details."""

    def join_details(self) -> dict[str, object]:
        return self.changed(super().join_details())

    def changed(self, details: dict[str, object]) -> dict[str, object]:
        return details


class Enveloped(_Document):
    """Puts the join details one level down."""

    BREAKS: ClassVar = {"S01": "fail"}

    def changed(self, details: dict[str, object]) -> dict[str, object]:
        return {"data": details}


class WithoutToken(_Document):
    """Leaves the token out."""

    BREAKS: ClassVar = {"S01": "fail"}

    def changed(self, details: dict[str, object]) -> dict[str, object]:
        return {name: value for name, value in details.items() if name != "agora_token"}


class EmptyToken(_Document):
    """Has an empty token, as builders return for bad credentials."""

    BREAKS: ClassVar = {"S01": "fail"}

    def changed(self, details: dict[str, object]) -> dict[str, object]:
        return {**details, "agora_token": ""}


class CutAppId(_Document):
    """Answers an App ID that lost its last character."""

    BREAKS: ClassVar = {"S02": "fail"}

    def changed(self, details: dict[str, object]) -> dict[str, object]:
        return {**details, "agora_app_id": PROJECT.app_id[:-1]}


class Slashed(Mutant):
    """Has a slash in every channel's name."""

    BREAKS: ClassVar = {"S02": "fail"}

    def channel(self) -> str:
        return f"cekura/{super().channel()}"


class LongChannel(Mutant):
    """Has channel names of 64 characters, about which Agora's pages differ."""

    BREAKS: ClassVar = {"S02": "warn"}

    def channel(self) -> str:
        return super().channel().rjust(64, "x")


class LineEnd(Mutant):
    """Answers the token as a shell printed it."""

    BREAKS: ClassVar = {"S02": "fail"}

    def token(self, channel: str) -> str:
        return super().token(channel) + "\n"


class Null(_Document):
    """Says null where the page says to leave it out."""

    BREAKS: ClassVar = {"S03": "warn"}

    def changed(self, details: dict[str, object]) -> dict[str, object]:
        return {**details, "encryption_mode": None, "encryption_key": None, "encryption_salt": None}


class WithCertificate(_Document):
    """Hands out the certificate under a harmless name."""

    BREAKS: ClassVar = {"S03": "warn"}

    def changed(self, details: dict[str, object]) -> dict[str, object]:
        return {**details, "project": {"name": "acme", "signed_with": PROJECT.certificate}}


class WithOtherHex(_Document):
    """Hands out 32 hexadecimal characters that nobody asked for."""

    BREAKS: ClassVar = {"S03": "warn"}

    def changed(self, details: dict[str, object]) -> dict[str, object]:
        return {**details, "project": "0f" * 16}


class WithSecretName(_Document):
    """Has a further key that is named like a secret."""

    BREAKS: ClassVar = {"S03": "warn"}

    def changed(self, details: dict[str, object]) -> dict[str, object]:
        return {**details, "customerSecret": "abc"}


class Echo(_Document):
    """Says again which secret it was sent."""

    BREAKS: ClassVar = {"S03": "warn"}

    def changed(self, details: dict[str, object]) -> dict[str, object]:
        return {**details, "request": {"headers": [f"X-Cekura-Secret: {SECRET}"]}}


class Stored(Mutant):
    """May be cached."""

    BREAKS: ClassVar = {"S04": "warn"}

    def common(self) -> Mapping[str, str]:
        return {"Cache-Control": "no-cache, max-age=0"}


MUTANTS: tuple[type[Mutant], ...] = (
    Html,
    Latin,
    Marked,
    Utf16,
    PythonRepr,
    Twice,
    Repeated,
    NotANumber,
    Enveloped,
    WithoutToken,
    EmptyToken,
    CutAppId,
    Slashed,
    LongChannel,
    LineEnd,
    Null,
    WithCertificate,
    WithOtherHex,
    WithSecretName,
    Echo,
    Stored,
)
