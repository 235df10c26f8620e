"""What no report may show, and how a text is cleaned of it.

Decided here: that a report never shows the secret, the certificate, or any token, key and salt that an endpoint
answered with: not whole, not in part, not encoded, not in other case, and not with other characters strewn in. That
what merely looks like one is shortened, and that no control character reaches a terminal. Every text that came from
outside goes through `Known.hide` before a report holds it. Called by `reports.view`.
"""

import base64
import binascii
import html
import json
import re
from collections.abc import Iterator, Sequence
from itertools import islice
from urllib.parse import quote

from session_service.agora import identifiers
from session_service.agora.spellings import as_bytes
from session_service.check.answers.judging import document
from session_service.check.asking.messages import Exchange
from session_service.check.target import Target
from session_service.errors import InvalidValue

HIDDEN = "<hidden>"
"""What stands in the place of a piece of a secret."""

SHORTEST = 8
"""Characters that give a secret away. Fewer stand in many words by chance."""

LONGEST = 4096
"""Characters of a text that are looked at; the rest is left out."""

_MOST_VALUES = 64
_LONGEST_VALUE = 1024
_MOST_LEARNED = 32 * 1024
"""Characters of all values together: an endless supply of them may not fill the memory."""
_SECRET_NAME = re.compile(r"token|key|salt|secret|certificate|passw|private|credential|signature", re.IGNORECASE)
_ENCRYPTION = ("encryption_key", "encryption_salt")
_IN_TEXT = re.compile(r'"(?:agora_token|encryption_key|encryption_salt)"\s*:\s*"([^"]+)"|\b(00[67][0-9A-Za-z+/=]{40,})')
_RUN = re.compile(r"[0-9A-Za-z+=_-]{20,}")
_REQUEST_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_LEGACY_HEAD = 35
"""A token of version 006 begins with the version and the App ID, which is no secret."""


class Known:
    """Everything that must not show, learned from the target and from each answer as it comes."""

    def __init__(self, target: Target) -> None:
        self._waiting = [target.secret.decode("ascii"), *([target.certificate] if target.certificate else [])]
        self._learned: set[str] = set()
        self._pieces: dict[int, set[str]] = {}
        self._harmless = {target.client_id, str(target.endpoint), target.endpoint.host}

    def learn(self, exchange: Exchange) -> None:
        """Remember what came back. Cheap: what it takes to find it again is made when a report is."""
        if exchange.answer is None:
            return
        found = document(exchange.answer)
        if found is None:
            text = exchange.answer.body.decode("utf-8", "replace")
            self._waiting += [match[1] or match[2] for match in islice(_IN_TEXT.finditer(text), _MOST_VALUES)]
            return
        self._waiting += islice(_secret_texts(found), _MOST_VALUES)
        self._harmless.update(_public_texts(found))

    def hide(self, text: str) -> str:
        """The text with every piece of a secret replaced, unknown long runs shortened, and each character visible."""
        whole = visible(self._shortened(self.without_secrets(text[:LONGEST])))
        return whole if len(text) <= LONGEST else f"{whole}..."

    def without_secrets(self, text: str) -> str:
        """The text with every piece of a secret replaced, and the rest as it is."""
        self._take_waiting()
        letters, places = _skeleton(text)
        marked = bytearray(len(text) + 1)
        for size, pieces in self._pieces.items():
            for start in range(len(letters) - size + 1):
                if letters[start : start + size] in pieces:
                    first, last = places[start], places[start + size - 1]
                    marked[first : last + 1] = b"\1" * (last + 1 - first)
        return _replaced(text, marked)

    def _shortened(self, text: str) -> str:
        def short(match: re.Match[str]) -> str:
            run = match[0]
            plain = not any(map(str.isdigit, run)) or _REQUEST_ID.fullmatch(run)
            if plain or any(run in harmless for harmless in self._harmless):
                return run
            return f"<{len(run)} characters>"

        return _RUN.sub(short, text)

    def _take_waiting(self) -> None:
        for value in [value[:_LONGEST_VALUE] for value in self._waiting]:
            if value not in self._learned and sum(map(len, self._learned)) < _MOST_LEARNED:
                self._learned.add(value)
                for form in _forms(value):
                    self._take(_skeleton(form)[0])
        self._waiting.clear()

    def _take(self, letters: str) -> None:
        size = min(SHORTEST, len(letters))
        if size:
            pieces = self._pieces.setdefault(size, set())
            pieces.update(letters[start : start + size] for start in range(len(letters) - size + 1))


def visible(text: str) -> str:
    """The text in one line, with each character that a terminal would obey, or would not show, written as an escape."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text)


def _skeleton(text: str) -> tuple[str, Sequence[int]]:
    """The characters that are seen, in lower case, and the place of each: what is strewn between them hides nothing."""
    if text.isascii() and text.isprintable() and " " not in text:  # as tokens and nearly all their forms are
        return text.lower(), range(len(text))
    places = [place for place, char in enumerate(text) if char.isprintable() and char != " "]
    return "".join(text[place].lower()[0] for place in places), places


def _replaced(text: str, marked: bytearray) -> str:
    found: list[str] = []
    for place, char in enumerate(text):
        if not marked[place]:
            found.append(char)
        elif place == 0 or not marked[place - 1]:
            found.append(HIDDEN)
    return "".join(found)


def _secret_texts(document: dict[str, object]) -> Iterator[str]:
    """The texts whose name says that they are secret, at any depth, and whatever is like a token."""
    waiting: list[tuple[str, object]] = [("", document)]
    while waiting:
        name, value = waiting.pop()
        if isinstance(value, dict):
            waiting += value.items()
        elif isinstance(value, list):
            waiting += [(name, inner) for inner in value]
        elif isinstance(value, str) and _is_secret(name, value):
            yield value[_LEGACY_HEAD:] if value.startswith("006") else value


def _is_secret(name: str, value: str) -> bool:
    if name in _ENCRYPTION:
        return len(value) > 3
    return bool((len(value) >= SHORTEST and _SECRET_NAME.search(name)) or _IN_TEXT.match(value))


def _public_texts(found: dict[str, object]) -> Iterator[str]:
    """App ID and channel, where they are what their names say."""
    for name, rule in (("agora_app_id", identifiers.app_id), ("agora_channel", identifiers.channel)):
        try:
            value = found.get(name)
            if isinstance(value, str):
                yield rule(value)
        except InvalidValue:
            continue


def _forms(value: str) -> set[str]:
    """How the value may be written: plain, percent-encoded, as JSON, as HTML, in base64 at any offset, as digits."""
    data = as_bytes(value)
    forms = {value, quote(data, safe=""), quote(data), html.escape(value), json.dumps(value)[1:-1], data.hex()}
    forms |= {"".join(f"{mark}{byte:02x}" for byte in data) for mark in ("%", "\\u00", "\\x", "&#x")}
    forms |= {"".join(f"&#{byte};" for byte in data)}
    forms |= {form for offset in range(3) for form in _base64_forms(data, offset)}
    return forms | _decoded_forms(value)


def _base64_forms(data: bytes, offset: int) -> set[str]:
    """What base64 makes of the value inside a longer text, whose other bytes decide the characters at both ends."""
    padded = bytes(offset) + data
    whole = len(padded) // 3 * 4
    first = -(-offset * 8 // 6)
    return {base64.b64encode(padded)[first:whole].decode(), base64.urlsafe_b64encode(padded)[first:whole].decode()}


def _decoded_forms(value: str) -> set[str]:
    """A key or a salt in base64 stands for bytes, which somebody may write in hexadecimal."""
    try:
        data = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return set()
    return {data.hex()} if len(data) >= SHORTEST else set()
