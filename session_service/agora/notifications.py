"""What Agora's notification centre tells: signed bytes → one frozen event.

Decided here: that only Signature V2 proves a sender (HMAC-SHA256 of the raw body; V1 is SHA-1, and not looked at),
which events mean anything to a session, and which leaves are for good. Everything else is Ignored. Pure. Called by
`http.hooks`. Sources: Agora's pages "Receive notifications", "Channel event types" (product 1) and "Notification event
types" of Conversational AI (product 17). The same event number means something else in each product.
"""

import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import orjson

from session_service.errors import BadSignature, MalformedNotification

Product = Literal[1, 17]
RTC: Product = 1
CONVOAI: Product = 17
MAX_BODY = 1 << 20
"""Bytes. Conversations' histories are the longest that Agora sends; what means something here has under a kilobyte."""
HEALTH_TEST = "test_webhook"
"""The channel of the events that the console's health test sends."""

_SIGNATURE_LENGTH = 64
_LONGEST_TEXT = 256
_LARGEST = 2**53 - 1
_LARGEST_UID = 2**32 - 1
_FOR_GOOD = frozenset({1, 3, 12})
"""Left by itself, removed by the REST API, token refused. The others leave a way back: connection lost (2, 10), another
address (9) or device (5) of the same user, Agora's own trouble (4), and what Agora does not explain (0, 99, 999)."""


@dataclass(frozen=True, slots=True)
class UserJoined:
    """Somebody is in the channel. Of a uid's events, the highest `sequence` is the newest; `at` is in Unix seconds."""

    channel: str
    uid: int
    sequence: int
    at: int


@dataclass(frozen=True, slots=True)
class UserLeft:
    """Somebody is not in the channel any more, for one of Agora's reasons."""

    channel: str
    uid: int
    sequence: int
    at: int
    reason: int

    @property
    def for_good(self) -> bool:
        """Whether this user will not be back. An unknown reason may be a lost connection, and is taken for one."""
        return self.reason in _FOR_GOOD


@dataclass(frozen=True, slots=True)
class ChannelCreated:
    """The first user joins."""

    channel: str
    at: int


@dataclass(frozen=True, slots=True)
class ChannelDestroyed:
    """The last user has left."""

    channel: str
    at: int


@dataclass(frozen=True, slots=True)
class AgentEvent:
    """What Agora says of an agent that it runs itself. What an event does not hold is empty.

    `code` is what its first error says; `failed` tells a leave that is no regular end.
    """

    kind: Literal["joined", "left", "token_expiring", "error"]
    channel: str
    session_id: str
    failed: bool = False
    module: str = ""
    code: int | None = None
    agent_id: str = ""


@dataclass(frozen=True, slots=True)
class HealthTest:
    """The console asks whether anybody answers."""


@dataclass(frozen=True, slots=True)
class Ignored:
    """An event that means nothing to a session."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """An event that says whose channel it is about, and the rest not as Agora documents it: `why` says what."""

    channel: str
    why: str


Event = UserJoined | UserLeft | ChannelCreated | ChannelDestroyed | AgentEvent | HealthTest | Ignored | Unreadable


@dataclass(frozen=True, slots=True)
class Notification:
    """One event, and the id that its repetitions share."""

    notice_id: str
    product: int
    event: Event


def verify(body: bytes, signature: bytes, secrets: Iterable[bytes]) -> bytes:
    """Return the secret that signed exactly this body; BadSignature if none of them did.

    `signature` is the value of Agora-Signature-V2. Every secret is compared, each in constant time.
    """
    if len(signature) != _SIGNATURE_LENGTH:
        raise BadSignature("Agora-Signature-V2 is missing, or no HMAC-SHA256 in hexadecimal digits")
    found = [secret for secret in secrets if hmac.compare_digest(_sign(body, secret), signature)]
    if not found:
        raise BadSignature("no configured secret signed this")
    return found[0]


def _sign(body: bytes, secret: bytes) -> bytes:
    return hmac.digest(secret, body, "sha256").hex().encode("ascii")


def parse(body: bytes, product: Product) -> Notification:
    """Return the notification of this product; MalformedNotification for anything else. Verify the body first.

    An RTC event that names its channel, and is else not what it should be, is Unreadable.
    """
    value = _parsed(body)
    if value.get("productId") != product:
        raise MalformedNotification(f"productId is not {product}")
    notice_id = _text(value, "noticeId")
    kind = _number(value, "eventType", _LARGEST)
    payload = value.get("payload")
    if not isinstance(payload, dict):
        raise MalformedNotification("payload is no object")
    return Notification(notice_id, product, (_rtc if product == RTC else _convoai)(kind, payload))


def _parsed(body: bytes) -> dict[str, Any]:
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise MalformedNotification("the body is not JSON") from None
    if not isinstance(value, dict):
        raise MalformedNotification("the body is no object")
    return value


def _rtc(kind: int, payload: Mapping[str, Any]) -> Event:
    """103 to 108 are joins and leaves in each of Agora's roles."""
    if payload.get("channelName") == HEALTH_TEST:
        return HealthTest()
    if kind not in range(101, 109):
        return Ignored()
    channel = _text(payload, "channelName")
    try:
        return _in_channel(kind, channel, payload)
    except MalformedNotification as error:  # which matters for a channel of ours alone: they come for all of a project
        return Unreadable(channel, str(error))


def _in_channel(kind: int, channel: str, payload: Mapping[str, Any]) -> Event:
    at = _number(payload, "ts", _LARGEST)
    if kind in (101, 102):
        return ChannelCreated(channel, at) if kind == 101 else ChannelDestroyed(channel, at)
    uid, sequence = _number(payload, "uid", _LARGEST_UID), _number(payload, "clientSeq", _LARGEST)
    if kind in (103, 105, 107):
        return UserJoined(channel, uid, sequence, at)
    return UserLeft(channel, uid, sequence, at, _number(payload, "reason", _LARGEST))


_AGENT_EVENTS: Mapping[int, Literal["joined", "left", "token_expiring", "error"]] = {
    101: "joined",
    102: "left",
    104: "token_expiring",
    110: "error",
}


def _convoai(kind: int, payload: Mapping[str, Any]) -> Event:
    """Read what is there: Agora documents no field of these payloads as required."""
    channel = _maybe_text(payload.get("channel"))
    if channel == HEALTH_TEST:
        return HealthTest()
    if kind not in _AGENT_EVENTS:
        return Ignored()
    labels = payload.get("labels")
    labelled = _maybe_text(labels.get("session_id")) if isinstance(labels, dict) else ""
    module, code = _first_error(payload.get("errors"))
    return AgentEvent(
        kind=_AGENT_EVENTS[kind],
        channel=channel,
        session_id=labelled or _maybe_text(payload.get("name")),
        failed=payload.get("status") == "FAILED",
        module=module,
        code=code,
        agent_id=_maybe_text(payload.get("agent_id")),
    )


def _first_error(errors: object) -> tuple[str, int | None]:
    """Module and number of the first error. Its message is anybody's text, and stays where it is."""
    first = errors[0] if isinstance(errors, list) and errors else None
    if not isinstance(first, dict):
        return "", None
    code = first.get("code")
    return _maybe_text(first.get("module")), code if type(code) is int and abs(code) <= _LARGEST else None


def _text(value: Mapping[str, Any], key: str) -> str:
    found = _maybe_text(value.get(key))
    if not found:
        raise MalformedNotification(f"{key} is no text of 1 to {_LONGEST_TEXT} printable characters")
    return found


def _maybe_text(value: object) -> str:
    return value if isinstance(value, str) and len(value) <= _LONGEST_TEXT and value.isprintable() else ""


def _number(value: Mapping[str, Any], key: str, highest: int) -> int:
    found = value.get(key)
    if type(found) is not int or not 0 <= found <= highest:
        raise MalformedNotification(f"{key} is no whole number from 0 to {highest}")
    return found
