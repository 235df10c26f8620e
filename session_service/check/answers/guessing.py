"""Whether somebody who knows a few channel names could guess the next one.

Decided here: how that is judged from the names alone. What all of them share, beginning, end and every constant place,
is known to whoever has seen one, and a counter or a clock between separators is as good as known. The rest holds at
most as many bits as its places times those of its alphabet, which is the smallest usual one that has all its
characters: an upper bound, so that no name is called guessable that is not. Counters and clocks without separators
change few of their places from call to call, and are found by the same bound; which of them it is, is told where it can
be seen. A name made by hashing a counter passes: nothing in it tells. Pure. Called by G01.
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
_NUMBER = re.compile(r"[0-9]{1,40}")
_SEPARATOR = re.compile(r"[^0-9A-Za-z]+")


def fault(names: Sequence[str], now: float) -> str | None:
    """Why the names can be guessed, in a sentence; None where nothing says so. `now` is in Unix seconds.

    `names` are all different, at least FEWEST_NAMES of them, in the order in which they were answered.
    """
    unknown = [_varying(field) for field in _fields(names) if not _is_known(field, now)]
    places = [(max(map(len, parts)), math.log2(_alphabet("".join(parts)))) for parts in unknown]
    bits = sum(number * each for number, each in places)
    # One place that is the same by chance is forgiven.
    if bits > ENOUGH_BITS - max((each for _, each in places), default=0):
        return None
    left = f"At most {math.ceil(bits)} bits" if bits else "Nothing"
    return f"The channels' names can be guessed. {_kind(names, now)} {left} in them can be random."


def _fields(names: Sequence[str]) -> list[Sequence[str]]:
    """The parts between separators, of all names each; the names themselves where they have not equally many."""
    return _columns([_SEPARATOR.split(name) for name in names]) or [names]


def _columns(rows: Sequence[Sequence[str]]) -> list[Sequence[str]]:
    """The rows turned over; nothing where they are not equally long."""
    return list(zip(*rows, strict=True)) if len({len(row) for row in rows}) == 1 else []


def _is_known(field: Sequence[str], now: float) -> bool:
    """Whether the field is constant, a counter or a clock, so that it holds nothing that cannot be guessed."""
    return len(set(field)) == 1 or _counts(field) or _is_clock(field, now)


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
    columns = [*_fields(names), *_columns([_NUMBER.findall(name) for name in names])]
    if any(_counts(column) for column in columns):
        return "They are counted up."
    if any(len(set(column)) > 1 and _is_clock(column, now) for column in columns):
        return "They are made of the time."
    return "They are too short, or little in them is random."


def _counts(parts: Sequence[str]) -> bool:
    """Whether the numbers follow each other; a few in between may have gone to calls that were refused."""
    ordered = sorted(_numbers(parts))
    return len(set(ordered)) == len(parts) and ordered[-1] - ordered[0] < 3 * len(ordered)


def _is_clock(parts: Sequence[str], now: float) -> bool:
    numbers = _numbers(parts)
    return bool(numbers) and all(any(abs(number / unit - now) < _CLOCK_SLACK for unit in _CLOCKS) for number in numbers)


def _numbers(parts: Sequence[str]) -> list[int]:
    """The parts as numbers; nothing where one of them is none."""
    return [int(part) for part in parts] if all(_NUMBER.fullmatch(part) for part in parts) else []
