"""Agora's algorithm for tokens of version 007, step by step as its own builders take it, with no regard for speed.

A token draws its salt and takes services, whose privileges are added one by one; building checks the identifiers, sorts
services and privileges, packs each number and text by itself, and signs. Tests hold `agora.tokens` to this, with the
salt set, and the benchmark measures against it. It shares no line with what it judges.
"""

import base64
import hmac
import secrets
import struct
import zlib
from dataclasses import dataclass, field
from hashlib import sha256


def u16(number: int) -> bytes:
    """Pack 16 bits."""
    return struct.pack("<H", number)


def u32(number: int) -> bytes:
    """Pack 32 bits."""
    return struct.pack("<I", number)


def blob(data: bytes) -> bytes:
    """Pack bytes after their number."""
    return u16(len(data)) + data


def drawn_salt() -> int:
    """Draw a salt from the range that Agora's builders draw from."""
    return secrets.SystemRandom().randint(1, 99999999)


@dataclass
class Service:
    """What every service has: its number, and privileges for so many seconds after the issue."""

    number: int
    privileges: dict[int, int] = field(default_factory=dict)

    def add_privilege(self, privilege: int, seconds: int) -> None:
        """Grant one more privilege."""
        self.privileges[privilege] = seconds

    def pack_number(self) -> bytes:
        """Lay out the number."""
        return u16(self.number)

    def pack_privileges(self) -> bytes:
        """Lay out the privileges in ascending order."""
        packed = u16(len(self.privileges))
        for privilege, seconds in sorted(self.privileges.items(), key=lambda item: int(item[0])):
            packed += u16(privilege) + u32(seconds)
        return packed

    def pack(self) -> bytes:
        """Lay out what every service has."""
        return self.pack_number() + self.pack_privileges()


class RtcService(Service):
    """A channel, and who may do what in it."""

    def __init__(self, channel: str, uid: int | str) -> None:
        super().__init__(1)
        self.channel = channel.encode()
        self.uid = b"" if uid == 0 else str(uid).encode()

    def pack(self) -> bytes:
        """Lay out the service with its channel and uid."""
        return super().pack() + blob(self.channel) + blob(self.uid)


@dataclass
class AccessToken:
    """A token under construction."""

    app_id: str
    certificate: str
    issued_at: int
    lifetime: int
    salt: int = field(default_factory=drawn_salt)
    services: list[Service] = field(default_factory=list)

    def add_service(self, service: Service) -> None:
        """Open one more service."""
        self.services.append(service)

    def payload(self) -> bytes:
        """Give signature and signed body, or nothing where something is missing."""
        if not (is_hexadecimal(self.app_id) and is_hexadecimal(self.certificate) and self.services):
            return b""
        key = self.signing_key(self.certificate.encode())
        signed = blob(self.app_id.encode()) + u32(self.issued_at) + u32(self.lifetime) + u32(self.salt)
        signed += u16(len(self.services))
        for service in sorted(self.services, key=lambda service: service.number):
            signed += service.pack()
        return blob(hmac.new(key, signed, sha256).digest()) + signed

    def signing_key(self, certificate: bytes) -> bytes:
        """Make the key of the signature from the certificate, by two HMACs."""
        key = hmac.new(u32(self.issued_at), certificate, sha256).digest()
        return hmac.new(u32(self.salt), key, sha256).digest()

    def build(self) -> str:
        """Give the token."""
        return "007" + base64.b64encode(zlib.compress(self.payload())).decode()


def is_hexadecimal(text: str) -> bool:
    """Tell whether these are 32 hexadecimal characters."""
    try:
        return len(text) == 32 and len(bytes.fromhex(text)) == 16
    except ValueError:
        return False


def publisher(
    app_id: str, certificate: str, channel: str, uid: int | str, *, issued_at: int, lifetime: int
) -> AccessToken:
    """Give a publisher's token, still to be built, with a salt of its own."""
    service = RtcService(channel, uid)
    for privilege in (1, 2, 3, 4):
        service.add_privilege(privilege, lifetime)
    token = AccessToken(app_id, certificate, issued_at, lifetime)
    token.add_service(service)
    return token


def sign(certificate: str, issued_at: int, salt: int, signed: bytes) -> bytes:
    """Sign a body that stands elsewhere."""
    key = AccessToken("", certificate, issued_at, 0, salt).signing_key(certificate.encode())
    return hmac.new(key, signed, sha256).digest()
