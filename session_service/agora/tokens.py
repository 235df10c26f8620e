"""Tokens of version 007: minting them, and reading whatever anybody minted.

Decided here: the frame around a token's services and its signature. `agora.transport` mints with RtcMinter; the command
line and an agent that checks its own seat call `mint` and `read`. Layout and signature are those of Agora's builders
(AgoraIO/Tools, AccessToken2): `007`, then the base64 of the zlib stream of signature and signed body.

Why RtcMinter is written the way it is. Minting is what an answered call costs most, and the deflate and the three HMACs
are most of minting. Its output is that of the plain algorithm, byte for byte; it gets there by four means:

* What is the same in every token of a project is packed once.
* The first HMAC depends on the second and the certificate alone, so its result is kept for that second.
* The other two HMACs have short, fresh keys. HMAC (RFC 2104) is two SHA-256 over a padded key and a text, and two bare
  SHA-256 cost less than the set-up of an HMAC object.
* `zlib.compress` asks for 268 kB of memory per call; in some heaps the C library gives that back each time, and then
  the call takes ten times as long. A token has at most 187 bytes, so 6 kB find the same matches and hold them all: a
  window of 1 KiB (wbits 10; zlib looks back at most that less 262 bytes) and a buffer of 255 symbols (memLevel 2).
  The stream's two header bytes name the window; we put `78 9c` back, as `zlib.compress` writes them.

tests/agora/test_tokens.py holds RtcMinter to the plain algorithm over generated inputs, and benchmarks/mint.py refuses
to measure when they differ. Whatever is changed here, keep these two.
"""

import hmac
import struct
import zlib
from binascii import b2a_base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from session_service.agora import identifiers, packing, token_services
from session_service.agora.identifiers import Project
from session_service.agora.packing import Cursor
from session_service.agora.token_services import Service
from session_service.errors import InvalidValue, UnreadableToken

VERSION = "007"
MAX_PAYLOAD = 0x10000
"""Bytes that we inflate at most. Real tokens have hundreds; a longer one is an attack or no token."""

_MAX_TEXT = 2 * MAX_PAYLOAD
_SIGNATURE_SIZE = 32

# HMAC's two pads: for the bytes of a key, and for the rest of SHA-256's 64-byte block behind a key of 4 or 32 bytes.
_INNER_PAD = bytes(0x36 ^ byte for byte in range(256))
_OUTER_PAD = bytes(0x5C ^ byte for byte in range(256))
_INNER_60, _INNER_32 = b"\x36" * 60, b"\x36" * 32
_OUTER_60, _OUTER_32 = b"\x5c" * 60, b"\x5c" * 32
_NUMBERS = struct.Struct("<IIIHHHHIHIHIHIH")


class RtcMinter:
    """Mints tokens that let one uid join one channel and publish there, for one project. Make it once and keep it."""

    def __init__(self, project: Project) -> None:
        self._app_id = packing.text(project.app_id)
        self._certificate = project.certificate.encode()
        self._second = (-1, b"")

    def mint(self, channel: str, uid: int, *, issued_at: int, lifetime: int, salt: int) -> str:
        """Mint a publisher's token: joining, audio, video and data end when the token does.

        `issued_at` is in Unix seconds, `lifetime` 1 to 86400 seconds (Agora honours no more), `salt` 1 to 99999999 and
        best never the same twice. Else, and for a channel or uid that breaks Agora's rules: InvalidValue.
        """
        identifiers.token_terms(issued_at, lifetime, salt)
        name = identifiers.channel(channel).encode()
        user = b"%d" % identifiers.uid(uid)
        signed = b"".join(
            (
                self._app_id,
                # One service, RTC, with four privileges; then the length of the channel's name.
                _NUMBERS.pack(
                    issued_at, lifetime, salt, 1, 1, 4, 1, lifetime, 2, lifetime, 3, lifetime, 4, lifetime, len(name)
                ),
                name,
                len(user).to_bytes(2, "little"),
                user,
            )
        )
        return _text(b"\x20\x00" + self._signature(issued_at, salt, signed) + signed)

    def _signature(self, issued_at: int, salt: int, signed: bytes) -> bytes:
        second, padded_text = self._second
        if second != issued_at:
            padded_text = _INNER_60 + hmac.digest(packing.u32(issued_at), self._certificate, "sha256")
            self._second = (issued_at, padded_text)
        key = salt.to_bytes(4, "little")
        inner = sha256(key.translate(_INNER_PAD) + padded_text).digest()
        key = sha256(key.translate(_OUTER_PAD) + _OUTER_60 + inner).digest()
        inner = sha256(key.translate(_INNER_PAD) + _INNER_32 + signed).digest()
        return sha256(key.translate(_OUTER_PAD) + _OUTER_32 + inner).digest()


def _text(payload: bytes) -> str:
    deflater = zlib.compressobj(6, zlib.DEFLATED, 10, 2)
    stream = deflater.compress(payload) + deflater.flush()
    return VERSION + b2a_base64(b"\x78\x9c" + stream[2:], newline=False).decode()


@dataclass(frozen=True, slots=True)
class Token:
    """What a token says. `lifetime` and privileges are seconds after `issued_at`, an instant in Unix seconds.

    `unread` is the rest from the first service whose layout nobody has documented: it is signed like all else.
    """

    app_id: str
    issued_at: int
    lifetime: int
    salt: int
    services: tuple[Service, ...]
    unread: bytes = field(repr=False)
    signature: bytes = field(repr=False)
    signed: bytes = field(repr=False)

    def signature_valid(self, certificate: str) -> bool:
        """Tell whether this certificate signed the token; compared in constant time. InvalidValue if it is none."""
        identifiers.app_certificate(certificate)
        return hmac.compare_digest(self.signature, _sign(certificate, self.issued_at, self.salt, self.signed))


def _sign(certificate: str, issued_at: int, salt: int, signed: bytes) -> bytes:
    key = hmac.digest(packing.u32(issued_at), certificate.encode(), "sha256")
    key = hmac.digest(packing.u32(salt), key, "sha256")
    return hmac.digest(key, signed, "sha256")


def mint(project: Project, services: Sequence[Service], *, issued_at: int, lifetime: int, salt: int) -> str:
    """Mint a token for any services, with whatever values the format can hold: for debugging and for tests.

    Nothing here keeps a token from opening every channel, or from having expired long ago. InvalidValue where a value
    does not fit its place in the format.
    """
    if not services:
        raise InvalidValue("A token needs at least one service.")
    head = packing.text(project.app_id) + b"".join(map(packing.u32, (issued_at, lifetime, salt)))
    body = [token_services.pack(service) for service in sorted(services, key=lambda service: service.kind.number)]
    signed = head + packing.u16(len(body)) + b"".join(body)
    payload = packing.blob(_sign(project.certificate, issued_at, salt, signed)) + signed
    if len(payload) > MAX_PAYLOAD:
        raise InvalidValue(f"A token holds at most {MAX_PAYLOAD} bytes.")
    return VERSION + b2a_base64(zlib.compress(payload), newline=False).decode()


def read(token: str) -> Token:
    """Read a token of version 007, without judging it. Any text that is none raises UnreadableToken."""
    if not token.startswith(VERSION):
        raise UnreadableToken(f"A token of version {VERSION} begins with {VERSION}.")
    if len(token) > _MAX_TEXT:
        raise UnreadableToken("The text is far longer than any token.")
    cursor = Cursor(_inflated(packing.base64_bytes(token[len(VERSION) :])))
    signature = cursor.blob()
    if len(signature) != _SIGNATURE_SIZE:
        raise UnreadableToken(f"The token's signature does not have {_SIGNATURE_SIZE} bytes.")
    return _read_signed(signature, cursor.rest())


def _inflated(stream: bytes) -> bytes:
    inflater = zlib.decompressobj()
    try:
        payload = inflater.decompress(stream, MAX_PAYLOAD)
    except zlib.error:
        raise UnreadableToken("The token is damaged: what it holds cannot be decompressed.") from None
    if not inflater.eof or inflater.unused_data:
        raise UnreadableToken("The token is cut short, too long, or followed by something else.")
    if _ends_in_noise(stream, payload):
        raise UnreadableToken("The token is damaged: bits that mean nothing are set behind what it holds.")
    return payload


def _ends_in_noise(stream: bytes, payload: bytes) -> bool:
    """Tell whether bits are set between the last code and the end of its byte, where every encoder leaves them off.

    Inflating ignores them, so the character that holds them could be mistyped without notice. They are noise where the
    payload stays as it is with the highest set bit and all above it turned over. The highest set bit alone does not
    tell: where the code that ends the stream is all zeros, that bit belongs to the distance of a repetition, and a
    shorter distance may lead to the same text.
    """
    last = stream[-5]  # four bytes of checksum follow
    turned = last ^ (0xFF << last.bit_length() >> 1 & 0xFF)
    try:
        return last != 0 and zlib.decompress(stream[:-5] + bytes((turned,)) + stream[-4:]) == payload
    except zlib.error:
        return False


def _read_signed(signature: bytes, signed: bytes) -> Token:
    cursor = Cursor(signed)
    app_id, issued_at, lifetime, salt = cursor.text(), cursor.u32(), cursor.u32(), cursor.u32()
    services, unread = _read_services(cursor)
    return Token(app_id, issued_at, lifetime, salt, services, unread, signature, signed)


def _read_services(cursor: Cursor) -> tuple[tuple[Service, ...], bytes]:
    services: list[Service] = []
    for _ in range(cursor.u16()):
        service = token_services.read(cursor)
        if service is None:
            break
        services.append(service)
    return tuple(services), cursor.rest()
