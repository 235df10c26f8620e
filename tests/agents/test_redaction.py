"""Secrets in text: whatever form they take, no usable part stays."""

import base64
import json
import textwrap
from collections.abc import Callable
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from session_service.agents.redaction import MARK, PIECE, Redactor
from tests.agents.specs import PROJECT, agent_spec

SECRET = "x/9Rf+ORo0Kq3JpVb7Zt/LmA1sD2fG4hJ5kL6qW8eR0="
FORMS: dict[str, Callable[[str], str]] = {
    "as it stands": str,
    "in a sentence": lambda secret: f"join failed with token={secret}, giving up",
    "in JSON": lambda secret: json.dumps({"token": secret}),
    "with JSON's escaped slash": lambda secret: secret.replace("/", "\\/"),
    "with JSON's numbers": lambda secret: secret.replace("/", "\\u002f").replace("+", "\\u002B"),
    "in a URL": lambda secret: f"wss://host/?token={quote(secret, safe='')}",
    "in a URL within a URL": lambda secret: quote(quote(secret, safe=""), safe=""),
    "as base64url": lambda secret: secret.replace("/", "_").replace("+", "-").rstrip("="),
    "in the other case": str.swapcase,
    "wrapped": lambda secret: "\n  ".join(textwrap.wrap(secret, 12)),
    "spaced out": " ".join,
    "with a null after each character": "\0".join,
    "without its end": lambda secret: secret[:20],
    "without its beginning": lambda secret: secret[20:],
    "twice": lambda secret: secret + secret,
}


def letters(text: str) -> str:
    """What a reader could put together from a text."""
    return "".join(filter(str.isalnum, text)).lower()


def shared(text: str, secret: str) -> list[str]:
    """The pieces of a secret that a text still shows."""
    known, shown = letters(secret), letters(text)
    pieces = [known[start : start + PIECE] for start in range(len(known) - PIECE + 1)]
    return [piece for piece in pieces if piece in shown]


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_no_usable_part_of_a_secret_stays(form: Callable[[str], str]) -> None:
    """Whatever an agent, an SDK or a proxy makes of it."""
    shown = Redactor([SECRET])(form(SECRET))
    assert MARK in shown
    assert shared(shown.replace(MARK, "\n"), SECRET) == []


@given(st.binary(min_size=24, max_size=64), st.text(max_size=60), st.text(max_size=60), st.data())
def test_any_part_of_any_secret_is_taken_out_of_any_text(
    secret: bytes, before: str, after: str, data: st.DataObject
) -> None:
    """Also where the text around it looks like an escape."""
    text = base64.b64encode(secret).decode()
    start = data.draw(st.integers(0, len(text) - 1))
    shown = Redactor([text])(before + " " + text[start:] + " " + after)
    assert not [part for part in shown.split(MARK) if shared(part, text)]


@given(st.text(max_size=200))
def test_other_text_stays_as_it_is(text: str) -> None:
    """Nothing is taken out that is no secret."""
    assert Redactor([SECRET])(text) == text


def test_what_is_around_a_secret_stays() -> None:
    """The line remains useful."""
    line = f"GET /join?token={SECRET}&uid=7 200"
    assert Redactor([SECRET])(line) == f"GET /join?token={MARK}=&uid=7 200"


def test_a_public_part_of_a_secret_stays() -> None:
    """A token of version 006 holds the App ID in the clear, and a log without App IDs is of less use."""
    token = agent_spec(version="006").agora.token
    redact = Redactor([token], public=[PROJECT.app_id])
    assert redact(f"app {PROJECT.app_id}") == f"app {PROJECT.app_id}"
    assert shared(redact(token), token.removeprefix("006" + PROJECT.app_id)) == []


@pytest.mark.parametrize("secret", ["", "k3y", "!!/+"])
def test_a_short_secret_is_taken_out_where_it_stands_whole(secret: str) -> None:
    """And an empty one takes nothing."""
    assert Redactor([secret])(f"key is {secret}.") == f"key is {MARK if secret else ''}."
