"""Agora's algorithm for tokens of version 007, step by step as its own builders take it, with no regard for speed.

A token is a list of services with privileges that are added one by one; building checks the identifiers, sorts services
and privileges, packs each number and text by itself, and signs. Tests hold `agora.tokens` to this, and the benchmark
measures against it: it shares no line with what it judges.
"""

import base64
import hmac
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


@dataclass
class RtcService:
    """A channel and who may do what in it."""

    channel: str
    uid: str
    number: int = 1
    privileges: dict[int, int] = field(default_factory=dict)

    def add_privilege(self, privilege: int, seconds: int) -> None:
        """Grant one more privilege, for so many seconds after the issue."""
        self.privileges[privilege] = seconds

    def pack(self) -> bytes:
        """Lay out type, privileges in order, channel and uid."""
        packed = u16(self.number) + u16(len(self.privileges))
        for privilege, seconds in sorted(self.privileges.items()):
            packed += u16(privilege) + u32(seconds)
        return packed + blob(self.channel.encode()) + blob(self.uid.encode())


@dataclass
class AccessToken:
    """A token under construction."""

    app_id: str
    certificate: str
    issued_at: int
    lifetime: int
    salt: int
    services: list[RtcService] = field(default_factory=list)

    def payload(self) -> bytes:
        """Give signature and signed body."""
        if not (is_hexadecimal(self.app_id) and is_hexadecimal(self.certificate) and self.services):
            return b""
        signed = blob(self.app_id.encode()) + u32(self.issued_at) + u32(self.lifetime) + u32(self.salt)
        signed += u16(len(self.services))
        for service in sorted(self.services, key=lambda service: service.number):
            signed += service.pack()
        return blob(sign(self.certificate, self.issued_at, self.salt, signed)) + signed


def is_hexadecimal(text: str) -> bool:
    """Tell whether these are 32 hexadecimal characters."""
    try:
        return len(text) == 32 and len(bytes.fromhex(text)) == 16
    except ValueError:
        return False


def sign(certificate: str, issued_at: int, salt: int, signed: bytes) -> bytes:
    """Sign with a key that two HMACs make from the certificate."""
    key = hmac.new(u32(issued_at), certificate.encode(), sha256).digest()
    key = hmac.new(u32(salt), key, sha256).digest()
    return hmac.new(key, signed, sha256).digest()


def payload(
    app_id: str, certificate: str, channel: str, uid: str, *, issued_at: int, lifetime: int, salt: int
) -> bytes:
    """Give the bytes of a publisher's token, before they are compressed."""
    service = RtcService(channel, uid)
    for privilege in (1, 2, 3, 4):
        service.add_privilege(privilege, lifetime)
    token = AccessToken(app_id, certificate, issued_at, lifetime, salt)
    token.services.append(service)
    return token.payload()


def mint(app_id: str, certificate: str, channel: str, uid: str, *, issued_at: int, lifetime: int, salt: int) -> str:
    """Give a publisher's token."""
    data = payload(app_id, certificate, channel, uid, issued_at=issued_at, lifetime=lifetime, salt=salt)
    return "007" + base64.b64encode(zlib.compress(data)).decode()
