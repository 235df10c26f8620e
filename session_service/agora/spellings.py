"""The ways in which people write bytes: which one a text is, and what else it may have been meant as.

Decided here: the usual confusions of base64 with hexadecimal, with its URL-safe kind, and with itself; and what a text
compares by that has no UTF-8. Pure. Called by the reports on encryption and on tokens, and by the checker. No text of
this module holds a key or a salt.
"""

import binascii
import re
from base64 import b64decode, b64encode
from collections.abc import Iterator

from session_service.agora.encryption import SALT_SIZE

_HEX = re.compile(r"(?:[0-9A-Fa-f]{2})+")


def decoded(text: str) -> bytes | None:
    """Return what `text` is the base64 of, with or without a strict end; None where it is none."""
    try:
        return b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


def as_bytes(text: str) -> bytes:
    """Return the text in UTF-8; half of a surrogate pair, which JSON and a command line can hold, does not fail."""
    return text.encode(errors="surrogatepass")


def other_alphabet(text: str) -> str:
    """Say how a text that is no standard base64 writes bytes, where that can be seen; empty where it cannot."""
    if text != text.strip():
        return " There is white space around it."
    padded = text + "=" * (-len(text) % 4)
    if padded != text and decoded(padded):
        return " The = at its end are missing."
    standard = padded.replace("-", "+").replace("_", "/")
    if standard != padded and decoded(standard):
        return " It is the URL-safe kind, with - and _ instead of + and /."
    return ""


def misread(text: str, salt: bytes) -> str:
    """Say what else a text was meant as that happens to be the base64 of `salt`; empty where nothing tells."""
    if _HEX.fullmatch(text):
        return " It is written in hexadecimal."
    inner = decoded(salt.decode("latin-1"))
    return " It is base64 of base64: it was encoded twice." if inner and len(inner) == SALT_SIZE else ""


def of_one_key(key: str) -> Iterator[str]:
    """Every text that a key becomes when somebody encodes or decodes it once."""
    yield b64encode(as_bytes(key)).decode()
    yield as_bytes(key).hex()
    inner = decoded(key)
    if inner:
        yield inner.hex()
        yield inner.decode("latin-1")
