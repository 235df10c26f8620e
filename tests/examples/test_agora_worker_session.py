"""What the agent worker takes for a session: what the service writes, and nothing else."""

import contextlib
import json
from base64 import b64decode
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agora_worker.errors import CannotServe
from agora_worker.session import Session, read
from session_service.agents import handover
from session_service.agora.encryption import ENTROPY, MODES, from_entropy
from tests.agents.specs import agent_spec

SPEC = agent_spec()
Change = Callable[[dict[str, Any]], object]


def changed(change: Change) -> bytes:
    """What the service writes, with one thing different."""
    value = json.loads(handover.write(SPEC))
    change(value)
    return json.dumps(value).encode()


def refusal(data: bytes) -> str:
    """The sentence that `data` is refused with."""
    with pytest.raises(CannotServe) as caught:
        read(data)
    return str(caught.value)


@pytest.mark.parametrize("name", MODES)
def test_the_worker_reads_what_the_service_writes(name: str) -> None:
    """In every encryption mode: the key as it stands, the salt as the 32 bytes that an SDK wants."""
    encryption = from_entropy(MODES[name], bytes(range(ENTROPY)))
    session = read(handover.write(replace(SPEC, encryption=encryption)))
    assert session.encryption is not None
    assert (session.encryption.mode_number, session.encryption.key) == (encryption.mode_number, encryption.key)
    assert session.encryption.salt == (b64decode(encryption.salt) if encryption.salt else None)
    seat = SPEC.agora
    assert (session.app_id, session.channel, session.token) == (seat.app_id, seat.channel, seat.token)
    assert (session.uid, session.tester_uid, session.test) == (seat.uid, seat.tester_uid, SPEC.test)


def test_what_may_be_missing_may_be_missing() -> None:
    """A channel without encryption, a call without a test, a service that wants no report."""
    session = read(handover.write(replace(SPEC, encryption=None, test=None, report=None)))
    assert (session.encryption, session.test, session.report) == (None, None, None)


def test_no_secret_shows_when_a_session_is_printed() -> None:
    """A developer prints it sooner or later."""
    shown = repr(read(handover.write(SPEC)))
    assert not [secret for secret in SPEC.secrets() if secret in shown]
    assert repr(b64decode(SPEC.secrets()[2]))[2:-1] not in shown


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda value: value.update(version=2), "reads version 1"),
        (lambda value: value.update(more=1), "exactly the keys"),
        (lambda value: value.pop("test"), "exactly the keys"),
        (lambda value: value.update(agora=None), "an object under agora"),
        (lambda value: value["agora"].update(uid=True), "a whole number under uid"),
        (lambda value: value["agora"].update(uid=0), "no uid from 1"),
        (lambda value: value["agora"].update(uid=2**32), "no uid from 1"),
        (lambda value: value["agora"].update(uid=1), "the same uid"),
        (lambda value: value["agora"].update(token=""), "nothing under token"),
        (lambda value: value["encryption"].update(mode_number=9), "no mode_number"),
        (lambda value: value["encryption"].update(key=""), "nothing under key"),
        (lambda value: value["encryption"].update(salt=None), "need a salt"),
        (lambda value: value["encryption"].update(mode_number=6), "need a salt"),
        (lambda value: value["encryption"].update(salt="c2VudGluZWw="), "base64 of 32 bytes"),
        (lambda value: value["encryption"].update(salt="sentinel!"), "base64 of 32 bytes"),
        (lambda value: value["report"].update(url=None), "text under url"),
    ],
)
def test_everything_else_is_refused_with_the_place(change: Change, sentence: str) -> None:
    """And without the value."""
    text = refusal(changed(change))
    assert sentence in text
    assert "sentinel" not in text
    assert not [secret for secret in SPEC.secrets() if secret in text]


@pytest.mark.parametrize("data", [b"", b"{", b"\xff", b"[" * 100_000, b"null", b"[]"])
def test_what_is_no_object_is_refused(data: bytes) -> None:
    """A worker that somebody starts by hand says what it waits for."""
    assert refusal(data).startswith(("Standard input", "The session must be an object"))


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=5))
def test_any_value_in_any_place_is_a_session_or_a_sentence(value: object) -> None:
    """Nothing else is ever raised."""
    for place in ("version", "session_id", "agora", "encryption", "test", "report"):
        data = changed(lambda whole, place=place: whole.update({place: value}))  # type: ignore[misc]
        with contextlib.suppress(CannotServe):
            assert isinstance(read(data), Session)
