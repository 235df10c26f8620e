"""What is odd about an encryption key though every SDK takes it: what can be guessed, and what was encoded twice.

Decided here: which keys are no secret, in sentences without the key. Agora recommends 32 bytes and bounds nothing.
Pure. Called by the checker; `agora.encryption_report` tells what is plainly wrong.
"""

import re
from collections.abc import Iterator

from session_service.agora.encryption_report import Side
from session_service.agora.spellings import decoded

_HEX_KEY = re.compile(r"(?:[0-9A-Fa-f]{32}){1,2}")
_PLACEHOLDER = re.compile(
    r"<.*>|\$\{?.*\}?|\{\{.*\}\}|change[ _-]?me|replace[ _-]?me|to[ _-]?do|x{3,}|test|secret|password"
    r"|(your|example|sample|dummy|placeholder)([ _-].*)?"
    r"|(my|the|some|test|base64|encryption)[ _-](secret|key|encryption).*",
    re.IGNORECASE,
)
_FEWEST_DISTINCT = 6  # 16 random hexadecimal digits have about 10; one such key in a million has fewer than 6


def guessable(key: str) -> str | None:
    """Why anybody guesses this key: it is a placeholder, or one character over and over."""
    if len(set(key)) == 1:
        return "The key is one character, over and over: whoever records the call can guess it."
    if _PLACEHOLDER.fullmatch(key):
        return "The key is a placeholder out of an example: whoever records the call can guess it."
    return None


def remarks(side: Side) -> tuple[str, ...]:
    """What is odd about the key of a side that encrypts with a mode that Agora knows."""
    if side.key is None or side.known_mode is None:
        return ()
    return (*_weak(side.key, 32 if "_256_" in side.known_mode.name else 16), *_encoded_twice(side.key))


def _weak(key: str, size: int) -> Iterator[str]:
    if len(key) < size:
        yield (
            f"The key has {len(key)} characters, and the mode's cipher has a key of {size} bytes. Agora recommends 32 "
            "bytes for every mode."
        )
    elif len(set(key)) < _FEWEST_DISTINCT:
        yield f"The key has only {len(set(key))} different characters: it is no random one."


def _encoded_twice(key: str) -> Iterator[str]:
    inner = (decoded(key) or b"").decode("latin-1")
    if _HEX_KEY.fullmatch(inner) or len(decoded(inner) or b"") in (16, 32):
        yield (
            "The key is the base64 of a text that is a key already. Every SDK takes the characters as they stand and "
            "decodes nothing: hand the agent this very text, not the one inside."
        )
