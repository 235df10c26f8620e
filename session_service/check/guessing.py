"""Whether somebody who knows a few channel names could guess the next one.

Decided here: how that is judged from the names alone. What all of them share, beginning, end and every constant place,
is known to whoever has seen one. The rest holds at most as many bits as its places times those of its alphabet, which
is the smallest usual one that has all its characters: an upper bound, so that no name is called guessable that is not.
Counters and clocks change few of their places from call to call, and are found by the same bound; which it is, is
told where it can be seen. A name made by hashing a counter passes: nothing in it tells. Pure. Called by G01.
"""

import math
import re
import string
from collections.abc import Sequence

ENOUGH_BITS = 64
"""Half of what OWASP ASVS 5.0, 11.5.1, asks of a secret: the name is none, and a token stands before the channel."""

FEWEST_NAMES = 5
"""With fewer names, places that are random are constant by chance too often."""

_ALPHABETS = (string.digits, "0123456789abcdef", "0123456789ABCDEF")
_GROUPS = (string.digits, string.ascii_lowercase, string.ascii_uppercase)
_CLOCKS = (1, 10**3, 10**6, 10**9)
_CLOCK_SLACK = 86400
_NUMBER = re.compile(r"[0-9]+")


def fault(names: Sequence[str], now: float) -> str | None:
    """Why the names can be guessed, in a sentence; None where nothing says so. `now` is in Unix seconds.

    `names` are all different, at least FEWEST_NAMES of them, in the order in which they were answered.
    """
    parts = _varying(names)
    alphabet = _alphabet("".join(parts))
    bits = max(map(len, parts)) * math.log2(alphabet)
    # One place that is the same by chance is forgiven.
    if bits > ENOUGH_BITS - math.log2(alphabet):
        return None
    return f"The channels' names can be guessed. {_kind(names, now)} They differ in at most {math.ceil(bits)} bits."


def _varying(names: Sequence[str]) -> list[str]:
    """The names without what all of them share."""
    begin = _common(names)
    rests = [name[begin:] for name in names]
    end = _common([rest[::-1] for rest in rests])
    parts = [rest[: len(rest) - end] for rest in rests]
    if len({len(part) for part in parts}) > 1:
        return parts
    places = [place for place in zip(*parts, strict=True) if len(set(place)) > 1]
    return ["".join(part) for part in zip(*places, strict=True)]


def _common(names: Sequence[str]) -> int:
    """With how many characters all of them begin alike."""
    first, last = min(names), max(names)
    return next((at for at, pair in enumerate(zip(first, last, strict=False)) if pair[0] != pair[1]), len(first))


def _alphabet(characters: str) -> int:
    """How many characters the smallest usual alphabet has that these may be drawn from."""
    for alphabet in _ALPHABETS:
        if set(characters) <= set(alphabet):
            return len(alphabet)
    others = len(set(characters) - set("".join(_GROUPS)))
    return others + sum(len(group) for group in _GROUPS if set(characters) & set(group))


def _kind(names: Sequence[str], now: float) -> str:
    """What changes from name to name, where a person would see it too."""
    numbers = [[int(number) for number in _NUMBER.findall(name)] for name in names]
    if len({len(found) for found in numbers}) == 1:
        columns = list(zip(*numbers, strict=True))
        if any(_counts(column) for column in columns):
            return "They are counted up."
        if any(len(set(column)) > 1 and all(_is_clock(number, now) for number in column) for column in columns):
            return "They are made of the time."
    return "They are too short, or little in them is random."


def _counts(column: Sequence[int]) -> bool:
    """Whether the numbers follow each other; a few in between may have gone to calls that were refused."""
    ordered = sorted(set(column))
    return len(ordered) == len(column) and ordered[-1] - ordered[0] < 3 * len(ordered)


def _is_clock(number: int, now: float) -> bool:
    return any(abs(number / unit - now) < _CLOCK_SLACK for unit in _CLOCKS)
