"""What must not show is found in whatever form it comes, and what may show is left as it is."""

import base64
import html
import json
from collections.abc import Callable
from urllib.parse import quote

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from session_service.check.redaction import HIDDEN, LONGEST, SHORTEST, Known, visible
from session_service.check.target import Target
from tests.check.answers import APP_ID, CHANNEL, KEY, SECRET, SENTINELS, TARGET, TOKEN, answered, known

FORMS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "upper": str.upper,
    "percent": lambda text: quote(text, safe=""),
    "every percent": lambda text: "".join(f"%{byte:02X}" for byte in text.encode()),
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "within base64": lambda text: base64.urlsafe_b64encode(f"ab{text}yz".encode()).decode(),
    "hexadecimal": lambda text: text.encode().hex(),
    "json": json.dumps,
    "json escapes": lambda text: "".join(f"\\u{ord(char):04X}" for char in text),
    "html": html.escape,
    "beginning": lambda text: text[: len(text) // 2],
    "end": lambda text: text[-12:],
    "strewn": "\u200b".join,
    "spaced": "\n".join,
}


def alone(text: str) -> str:
    """What is left of the text once pieces are hidden."""
    return known().hide(text).replace(HIDDEN, "")


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("sentinel", SENTINELS, ids=["secret", "certificate", "token", "key", "salt"])
def test_a_secret_is_found_in_every_form(form: str, sentinel: str) -> None:
    """Hardly a character of it is left, wherever it stands."""
    assert len(alone(f"before {FORMS[form](sentinel)} after")) < len("before  after") + SHORTEST


@given(st.text(max_size=30), st.text(max_size=30), st.sampled_from(SENTINELS), st.data())
def test_no_piece_of_a_secret_is_left(before: str, after: str, sentinel: str, data: st.DataObject) -> None:
    """Any eight characters of it but spaces, in any text."""
    start = data.draw(st.integers(0, len(sentinel) - SHORTEST))
    piece = sentinel[start : start + data.draw(st.integers(SHORTEST, len(sentinel)))]
    assume(len(piece.replace(" ", "")) >= SHORTEST)
    assert piece not in known().hide(before + piece + after)


def test_a_short_secret_is_hidden_as_well() -> None:
    """Though it stands in other words then."""
    target = Target(TARGET.endpoint, "acme", b"abc")
    assert Known(target).hide("xABCx") == f"x{HIDDEN}x"


@pytest.mark.parametrize("text", [APP_ID, CHANNEL, "It was answered 401.", "the key aes_256_gcm2", f"({CHANNEL})"])
def test_what_is_no_secret_stays_readable(text: str) -> None:
    """App ID and channel are what a person looks for in Agora's console."""
    assert known().hide(text) == text


def test_a_channel_that_is_the_key_is_hidden() -> None:
    """What is known as secret is so wherever it stands."""
    body = json.dumps({"agora_channel": KEY, "encryption_key": KEY}).encode()
    assert KEY[:10] not in known(answered(body)).hide(f"the channel {KEY}")


@pytest.mark.parametrize("run", ["4f" * 12, base64.b64encode(bytes(range(30))).decode().replace("/", "A"), "9" * 24])
def test_an_unknown_long_run_is_shortened(run: str) -> None:
    """It may be another secret; its length is told."""
    assert known().hide(f"got {run}.") == f"got <{len(run)} characters>."


def test_a_token_in_a_body_that_is_no_json_is_learned() -> None:
    """Also from HTML, and from JSON that was cut."""
    found = Known(TARGET)
    found.learn(answered(f'<p>{TOKEN}</p> "encryption_key": "{KEY}"'.encode(), 500))
    assert found.hide(f"{TOKEN} {KEY}") == f"{HIDDEN} {HIDDEN}"


def test_a_document_of_any_depth_is_read() -> None:
    """As deep as the parser goes."""
    deep = '{"a":' * 400 + f'{{"agora_token": "{TOKEN}"}}' + "}" * 400
    found = Known(TARGET)
    found.learn(answered(deep.encode()))
    assert found.hide(TOKEN) == HIDDEN


def test_an_endless_supply_of_secrets_is_bounded() -> None:
    """The ones that were there first stay hidden, and a long text is cut."""
    found = Known(TARGET)
    for number in range(200):
        found.learn(answered(json.dumps({f"key{at}": f"{number:04}{at:04}" * 500 for at in range(100)}).encode()))
    assert found.hide(SECRET) == HIDDEN
    assert len(found.hide("x " * LONGEST)) == LONGEST + 3


@given(st.text())
def test_what_is_shown_is_printable(text: str) -> None:
    """No terminal sequence, no line end, and nothing that turns the direction of writing."""
    assert visible(text).isprintable()


def test_control_characters_are_seen() -> None:
    """A title, a colour, and a change of direction."""
    assert visible("\x1b]0;x\x07\x9b31m\u202eabc\r\n") == "\\x1b]0;x\\x07\\x9b31m\\u202eabc\\r\\n"


def test_a_repr_shows_nothing() -> None:
    """Nor does the target's."""
    assert not [one for one in SENTINELS if one in repr(known()) or one in repr(TARGET)]
    assert SECRET not in repr(answered(b"").request)
