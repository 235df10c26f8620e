"""Taking a session's secrets out of text that an agent wrote.

Decided here: what counts as a secret's appearance. Called by `agents.output` for everything that an agent prints.

A line is compared by its letters and digits alone, without regard to case, and eight of them in a row that a secret
also has are taken out. One rule thus covers the secret as it stands, cut short, wrapped, split over two lines, in the
other case, and with its `/`, `+` and `=` as a URL, JSON or base64url writes them. What may stay of a secret in a line
is fewer than eight of its letters and digits.

Not found is a secret that an agent encodes anew (hexadecimal, base64 of base64, every character escaped), writes
backwards, or spreads over lines of fewer than eight: no agent does that by mistake.
"""

import re
from collections.abc import Iterable, Iterator

MARK = "[removed]"
PIECE = 8
"""Letters and digits in a row that are too many to show: 48 bits of base64, 32 of hexadecimal."""

# An escape is one separator, and not the digits that it is written with. %252F is %2F in a URL within a URL.
_WORDS = re.compile(r"%(?:25)*[0-9A-Fa-f]{2}|\\+(?:u[0-9A-Fa-f]{4}|x[0-9A-Fa-f]{2})|([0-9A-Za-z]+)")


def _positions(text: str) -> list[int]:
    """Where the letters and digits of `text` stand."""
    return [place for word in _WORDS.finditer(text) if word[1] for place in range(word.start(), word.end())]


def _pieces(secret: str) -> Iterator[str]:
    letters = "".join(secret[place] for place in _positions(secret)).lower()
    return (letters[start : start + PIECE] for start in range(len(letters) - PIECE + 1))


class Redactor:
    """Takes the given secrets out of any text; what they share with `public` (an App ID in a token 006) may stay.

    A secret of fewer than eight letters and digits is taken out only where it stands whole and unchanged.
    """

    def __init__(self, secrets: Iterable[str], public: Iterable[str] = ()) -> None:
        given = tuple(secrets)
        self._hidden = {piece for secret in given for piece in _pieces(secret)}
        self._hidden.difference_update(piece for text in public for piece in _pieces(text))
        self._short = tuple(secret for secret in given if secret and len(_positions(secret)) < PIECE)

    def __call__(self, text: str) -> str:
        """Return `text` with each appearance replaced by a mark."""
        for secret in self._short:
            text = text.replace(secret, MARK)
        shown, end = "", 0
        for first, last in self._spans(text):
            shown, end = shown + text[end:first] + MARK, last + 1
        return shown + text[end:]

    def _spans(self, text: str) -> Iterator[tuple[int, int]]:
        """First and last position of each run of hidden pieces."""
        places = _positions(text)
        letters = "".join([text[place] for place in places]).lower()
        run: tuple[int, int] | None = None
        for start in range(len(letters) - PIECE + 1):
            if letters[start : start + PIECE] not in self._hidden:
                continue
            if run is not None and start > run[1]:
                yield places[run[0]], places[run[1]]
                run = None
            run = (start if run is None else run[0], start + PIECE - 1)
        if run is not None:
            yield places[run[0]], places[run[1]]
