"""Signatures as Standard Webhooks prescribes them, and the example of the documents that verifies them."""

import re
import time
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from session_service.agents.signing import Signer, checked_secret
from session_service.errors import InvalidValue
from tests.agents.agent_servers import NEXT_SECRET, SECRET
from tests.agents.specs import counted_entropy

AGENTS = Path(__file__).parents[2] / "docs" / "agents.md"
BODY = b'{"session_id":"s-1"}'


def signed(*secrets: str, at: float | None = None) -> dict[str, str]:
    """The headers of a start of session s-1."""
    signer = Signer(secrets, clock=lambda: time.time() if at is None else at, entropy=counted_entropy())
    return dict(signer.headers("start", "s-1", BODY))


@pytest.fixture(scope="module")
def verify() -> Callable[..., None]:
    """The function that docs/agents.md gives to whoever writes an agent server."""
    (source,) = re.findall(r"```python\n(.*?)```", AGENTS.read_text(encoding="utf-8"), re.DOTALL)
    found: dict[str, Any] = {}
    exec(compile(source, "docs/agents.md", "exec"), found)  # noqa: S102 - our own document
    function: Callable[..., None] = found["verify"]
    return function


@pytest.mark.parametrize("secret", [SECRET, NEXT_SECRET])
def test_the_documents_example_takes_a_request_of_ours_in_the_middle_of_a_rotation(
    verify: Callable[..., None], secret: str
) -> None:
    """With the old secret and with the new one."""
    verify(secret, signed(NEXT_SECRET, SECRET), BODY, "start", "s-1")


@pytest.mark.parametrize(
    ("secret", "age", "altered", "received"),
    [
        (NEXT_SECRET, 0, {}, (BODY, "start", "s-1")),
        (SECRET, 0, {}, (BODY + b" ", "start", "s-1")),
        (SECRET, 0, {}, (BODY, "stop", "s-1")),
        (SECRET, 0, {}, (BODY, "start", "s-2")),
        (SECRET, 301, {}, (BODY, "start", "s-1")),
        (SECRET, -400, {}, (BODY, "start", "s-1")),
        (SECRET, 0, {"webhook-id": "start_s-1_0"}, (BODY, "start", "s-1")),
        (SECRET, 0, {"webhook-signature": "v1,"}, (BODY, "start", "s-1")),
        (SECRET, 0, {"webhook-signature": "nonsense"}, (BODY, "start", "s-1")),
    ],
)
def test_the_documents_example_refuses_everything_else(
    verify: Callable[..., None], secret: str, age: int, altered: dict[str, str], received: tuple[bytes, str, str]
) -> None:
    """Another secret, body, verb, session, time or id, and headers that are cut."""
    headers = signed(secret, at=time.time() - age) | altered
    with pytest.raises((WebhookVerificationError, ValueError)):
        verify(SECRET, headers, *received)


def test_the_documents_example_refuses_a_request_without_headers(verify: Callable[..., None]) -> None:
    """What an unsigned caller sends."""
    with pytest.raises((WebhookVerificationError, ValueError)):
        verify(SECRET, {}, BODY, "start", "s-1")


@given(st.text(max_size=200), st.binary(min_size=24, max_size=64))
def test_the_official_library_verifies_whatever_we_sign(text: str, key: bytes) -> None:
    """The body byte by byte."""
    secret = "whsec_" + b64encode(key).decode()
    signer = Signer([checked_secret(secret)], clock=time.time, entropy=counted_entropy())
    headers = dict(signer.headers("poll", "s-1", text.encode()))
    Webhook(secret).verify(text.encode(), headers, json_parse=False)


def test_the_time_is_unix_time_wherever_the_machine_is() -> None:
    """The library takes a time's digits for UTC, whatever zone it says; fractions are cut."""
    assert signed(SECRET, at=1_795_262_400.9)["webhook-timestamp"] == "1795262400"


def test_a_signer_shows_no_secret() -> None:
    """Not in a repr of it or of what it is made of."""
    signer = Signer([SECRET], clock=time.time, entropy=counted_entropy())
    assert SECRET.removeprefix("whsec_") not in repr(signer) + repr(vars(signer))


@pytest.mark.parametrize("text", ["", "whsec_", "whsec_AAAA", "sentinel", "whsec_sentinel sentinel sentinel sentinel"])
def test_what_is_no_signing_secret_is_refused_without_showing_it(text: str) -> None:
    """The rule is told, and how to make one is in the example beside it."""
    with pytest.raises(InvalidValue) as caught:
        checked_secret(text)
    assert "sentinel" not in str(caught.value)
