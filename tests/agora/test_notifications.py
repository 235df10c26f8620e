"""Notifications, as bytes and signatures."""

import hashlib
import hmac
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from session_service.agora import notifications
from session_service.agora.notifications import (
    CONVOAI,
    RTC,
    AgentEvent,
    ChannelCreated,
    ChannelDestroyed,
    HealthTest,
    Ignored,
    Product,
    UserJoined,
    UserLeft,
)
from session_service.errors import BadSignature, MalformedNotification

secrets = st.binary(min_size=1, max_size=70)
bodies = st.binary(max_size=400)


def sign(body: bytes, secret: bytes) -> bytes:
    """Signature V2, as Agora's page describes it."""
    return hmac.new(secret, body, hashlib.sha256).hexdigest().encode()


def event(kind: int, payload: object, product: Product = RTC) -> notifications.Event:
    """What a notification of this kind says."""
    value = {"noticeId": "2000001428:4330:107", "productId": product, "eventType": kind, "payload": payload}
    found = notifications.parse(json.dumps(value).encode(), product)
    assert (found.notice_id, found.product) == ("2000001428:4330:107", product)
    return found.event


USER = {"channelName": "c", "uid": 7, "clientSeq": 1625051030746, "ts": 1625051030, "platform": 7, "account": ""}


def test_a_signature_is_what_another_tool_makes_of_the_same_bytes() -> None:
    """By `openssl dgst -sha256 -hmac secret`."""
    body = b'{"eventMs":1560408533119,"eventType":10,"noticeId":"4eb720f0-8da7-11e9-a43e-53f411c2761f"}'
    signature = b"4aa617e659b67d9538e9d62483f9478d49065f2c3c74ea6a38e144a9e61a46d7"
    assert notifications.verify(body, signature, [b"secret"]) == b"secret"


@given(bodies, st.lists(secrets, min_size=1, max_size=4, unique=True), st.data())
def test_each_live_secret_signs(body: bytes, live: list[bytes], data: st.DataObject) -> None:
    """And it is told which one did."""
    signing = data.draw(st.sampled_from(live))
    found = notifications.verify(body, sign(body, signing), live)
    assert sign(body, found) == sign(body, signing)


@given(bodies.filter(bool), secrets, st.data())
def test_any_changed_byte_of_the_body_is_refused(body: bytes, secret: bytes, data: st.DataObject) -> None:
    """One bit is enough."""
    place, bit = data.draw(st.integers(0, len(body) - 1)), data.draw(st.integers(0, 7))
    changed = body[:place] + bytes([body[place] ^ 1 << bit]) + body[place + 1 :]
    with pytest.raises(BadSignature):
        notifications.verify(changed, sign(body, secret), [secret])


@given(bodies, secrets, st.data())
def test_any_changed_byte_of_the_signature_is_refused(body: bytes, secret: bytes, data: st.DataObject) -> None:
    """Upper case is another byte."""
    right = sign(body, secret)
    place, value = data.draw(st.integers(0, 63)), data.draw(st.integers(0, 255))
    changed = right[:place] + bytes([value]) + right[place + 1 :]
    if changed != right:
        with pytest.raises(BadSignature):
            notifications.verify(body, changed, [secret])


@given(bodies, secrets, secrets)
def test_a_secret_that_is_not_live_any_more_is_refused(body: bytes, old: bytes, new: bytes) -> None:
    """HMAC pads keys with zeros, so secrets that differ in these alone are one."""
    if old.rstrip(b"\0") != new.rstrip(b"\0"):
        with pytest.raises(BadSignature):
            notifications.verify(body, sign(body, old), [new])
    with pytest.raises(BadSignature):
        notifications.verify(body, sign(body, old), [])


@pytest.mark.parametrize("kind", [103, 105, 107])
def test_a_join_in_each_role_is_a_join(kind: int) -> None:
    """Broadcaster, audience, communication."""
    assert event(kind, USER) == UserJoined("c", 7, 1625051030746, 1625051030)


@pytest.mark.parametrize("kind", [104, 106, 108])
def test_a_leave_in_each_role_is_a_leave(kind: int) -> None:
    """With its reason."""
    assert event(kind, {**USER, "reason": 2, "duration": 600}) == UserLeft("c", 7, 1625051030746, 1625051030, 2)


def test_only_reasons_without_a_way_back_are_for_good() -> None:
    """An unknown one is taken for a lost connection."""
    final = [reason for reason in range(1001) if UserLeft("c", 7, 1, 1, reason).for_good]
    assert final == [1, 3, 12]


def test_channels_begin_and_end() -> None:
    """Without a user's number."""
    assert event(101, {"channelName": "c", "ts": 5}) == ChannelCreated("c", 5)
    assert event(102, {"channelName": "c", "ts": 6, "lastUid": 7}) == ChannelDestroyed("c", 6)


@pytest.mark.parametrize("kind", [0, 100, 109, 110, 111, 112, 113, 10_000])
def test_every_other_event_of_a_channel_is_ignored(kind: int) -> None:
    """Whatever its payload is."""
    assert event(kind, {}) == Ignored()


@pytest.mark.parametrize("product", [RTC, CONVOAI])
def test_the_consoles_health_test_is_known(product: Product) -> None:
    """Whatever event it tries."""
    payload = {"channelName": "test_webhook", "channel": "test_webhook", "uid": 12121212}
    assert {event(kind, payload, product) for kind in range(100, 115)} == {HealthTest()}


def test_the_same_number_means_something_else_in_another_product() -> None:
    """101 is a channel here and an agent there."""
    payload = {"agent_id": "A42", "name": "s-1", "channel": "c", "labels": {"session_id": "s-2"}, "start_ts": 1}
    assert event(101, payload, CONVOAI) == AgentEvent("joined", "c", "s-2", agent_id="A42")
    failed = payload | {"status": "FAILED"}
    assert event(102, failed, CONVOAI) == AgentEvent("left", "c", "s-2", failed=True, agent_id="A42")
    assert event(104, payload, CONVOAI) == AgentEvent("token_expiring", "c", "s-2", agent_id="A42")
    assert event(111, payload, CONVOAI) == Ignored()


def test_without_our_label_an_agent_is_known_by_its_name() -> None:
    """Which is the session's id as well."""
    assert event(101, {"name": "s-1", "labels": None}, CONVOAI) == AgentEvent("joined", "", "s-1")


@pytest.mark.parametrize(
    ("errors", "module", "code"),
    [
        ([{"module": "llm", "code": 502, "message": "x"}, {"module": "tts", "code": 1}], "llm", 502),
        ([], "", None),
        (["llm"], "", None),
        ([{"module": 7, "code": "502"}], "", None),
        ({"module": "llm"}, "", None),
        ([{"module": "l\nm", "code": 2**63}], "", None),
    ],
)
def test_the_first_error_of_an_agent_is_told_without_its_words(errors: Any, module: str, code: int | None) -> None:
    """And what is none is none."""
    found = event(110, {"channel": "c", "errors": errors}, CONVOAI)
    assert found == AgentEvent("error", "c", "", module=module, code=code)


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=300)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3)
)
payloads = st.fixed_dictionaries(
    {},
    optional={
        name: values
        for name in ("channelName", "uid", "clientSeq", "ts", "reason", "channel", "name", "labels", "errors", "status")
    },
)
notices = st.fixed_dictionaries(
    {"noticeId": values | st.just("n"), "productId": values | st.sampled_from([1, 17])},
    optional={"eventType": st.integers(99, 114) | values, "payload": payloads | values},
)


@given(notices.map(lambda value: json.dumps(value).encode()) | bodies, st.sampled_from([RTC, CONVOAI]))
def test_nothing_that_is_signed_makes_another_error_than_ours(body: bytes, product: Product) -> None:
    """A signature says who, and not that what they say makes sense."""
    try:
        found = notifications.parse(body, product)
    except MalformedNotification:
        return
    assert found.product == product
