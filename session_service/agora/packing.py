"""Bytes of a token: little-endian numbers, texts after their length, and base64 with one spelling.

Decided here: the layout that both token versions share, and that a token ends where it should. Called by the token
modules only. What does not fit is InvalidValue; what cannot be read is UnreadableToken.
"""

import struct
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from typing import TypeVar

from session_service.errors import InvalidValue, UnreadableToken

_U16 = struct.Struct("<H")
_U32 = struct.Struct("<I")
_I16 = struct.Struct("<h")
_PAIR = struct.Struct("<HI")

Item = TypeVar("Item")


def u16(number: int) -> bytes:
    """Pack a count, a type or a privilege's number."""
    return _packed(_U16, number)


def u32(number: int) -> bytes:
    """Pack an instant, a duration or a salt."""
    return _packed(_U32, number)


def i16(number: int) -> bytes:
    """Pack a role, which may be negative."""
    return _packed(_I16, number)


def text(value: str) -> bytes:
    """Pack a text as UTF-8 after its length in bytes."""
    try:
        return blob(value.encode())
    except UnicodeEncodeError:
        raise InvalidValue(
            "A text in a token must be valid Unicode; this one holds half of a surrogate pair."
        ) from None


def blob(value: bytes) -> bytes:
    """Pack bytes after their number."""
    if len(value) > 0xFFFF:
        raise InvalidValue("A text in a token is at most 65535 bytes long.")
    return _U16.pack(len(value)) + value


def numbers(pairs: Mapping[int, int]) -> bytes:
    """Pack privileges: a count, then each number with its seconds, in ascending order."""
    return u16(len(pairs)) + b"".join(u16(key) + u32(pairs[key]) for key in sorted(pairs))


def _packed(form: struct.Struct, number: int) -> bytes:
    try:
        return form.pack(number)
    except struct.error:
        raise InvalidValue(f"A number in a token does not fit its {form.size * 8} bits.") from None


def base64_bytes(text: str) -> bytes:
    """Decode standard base64. Another spelling of the same bytes is refused, so that every flipped bit is seen."""
    try:
        decoded = b64decode(text, validate=True)
    except ValueError:
        decoded = b""
    if not decoded or b64encode(decoded).decode() != text:
        raise UnreadableToken("The token is not complete base64. Copy it whole, without quotes or line breaks.")
    return decoded


class Cursor:
    """Reads forward through bytes, and raises UnreadableToken where they end too early."""

    __slots__ = ("_data", "_position")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._position = 0

    def u16(self) -> int:
        """Read what `u16` packed."""
        return int(self._number(_U16))

    def peek_u16(self) -> int:
        """Read what `u16` packed, and stay before it."""
        start, number = self._position, self.u16()
        self._position = start
        return number

    def u32(self) -> int:
        """Read what `u32` packed."""
        return int(self._number(_U32))

    def i16(self) -> int:
        """Read what `i16` packed."""
        return int(self._number(_I16))

    def blob(self) -> bytes:
        """Read what `blob` packed."""
        end = self.u16() + self._position
        if end > len(self._data):
            raise UnreadableToken("The token ends in the middle of a text.")
        start, self._position = self._position, end
        return self._data[start:end]

    def text(self) -> str:
        """Read what `text` packed."""
        try:
            return self.blob().decode()
        except UnicodeDecodeError:
            raise UnreadableToken("A text in the token is not UTF-8.") from None

    def numbers(self) -> dict[int, int]:
        """Read what `numbers` packed, in whatever order it stands."""
        start, size = self._position + 2, _PAIR.size * self.u16()
        self._position = start + size
        if self._position > len(self._data):
            raise UnreadableToken("The token ends in the middle of its privileges.")
        return dict(_PAIR.iter_unpack(self._data[start : start + size]))

    def many(self, read: Callable[[], Item]) -> list[Item]:
        """Read a count, then that many items."""
        return [read() for _ in range(self.u16())]

    def rest(self) -> bytes:
        """Take everything that is left."""
        start, self._position = self._position, len(self._data)
        return self._data[start:]

    def _number(self, form: struct.Struct) -> int:
        try:
            (number,) = form.unpack_from(self._data, self._position)
        except struct.error:
            raise UnreadableToken("The token ends in the middle of a number.") from None
        self._position += form.size
        return int(number)
