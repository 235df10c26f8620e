"""Instants and spans in words, for reports that a person reads.

Decided here: that instants are shown in UTC, and spans by their two largest units. Called by the reports of this room
and by the command line.
"""

from datetime import UTC, datetime

_UNITS = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))


def utc(seconds: int) -> str:
    """Write an instant in Unix seconds as UTC, to the second."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC"


def span(seconds: int) -> str:
    """Write a duration, 0 or more, by its largest unit and the one below it where that is not zero: `1 h 5 min`."""
    for index, (unit, size) in enumerate(_UNITS[:-1]):
        if seconds >= size:
            below, small = _UNITS[index + 1]
            rest = seconds % size // small
            return f"{seconds // size} {unit}" + (f" {rest} {below}" if rest else "")
    return f"{seconds} s"


def relative(instant: int, now: int) -> str:
    """Write where an instant lies from `now`: `in 5 min`, or `5 min ago`."""
    return f"in {span(instant - now)}" if instant > now else f"{span(now - instant)} ago"
