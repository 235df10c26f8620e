"""Notifications as Agora sends them, and reports as agents send them."""

import hashlib
import hmac
import json
from collections.abc import Mapping

from session_service.agents.contract import Report
from tests.contract.answers import Answer
from tests.contract.in_process import Headers, InProcess
from tests.contract.launched import WEBHOOK_SECRET

RTC = "/agora/v1/events/rtc"
CONVOAI = "/agora/v1/events/convoai"
JOINED, LEFT, EMPTIED = 107, 108, 102
AT_ONCE = 0.001
"""Seconds of stepped time that pass when nobody has anything left to do, however many turns of the loop that took."""


def body(event: int, payload: Mapping[str, object], notice: str = "n-1", product: int = 1) -> bytes:
    """A notification's bytes, spaced as Agora's are not: the signature is over whatever is sent."""
    fields = {"noticeId": notice, "productId": product, "eventType": event, "notifyMs": 1611566412672, "sid": "C86"}
    return json.dumps({**fields, "payload": payload}).encode()


def user(channel: str, uid: int, sequence: int, reason: int = 1, ts: int = 1_700_000_010) -> dict[str, object]:
    """What Agora says of a user who joins or leaves."""
    values = {"channelName": channel, "uid": uid, "clientSeq": sequence, "ts": ts, "reason": reason}
    return {**values, "platform": 6, "clientType": 3, "account": "", "duration": 9}


def signature(sent: bytes, secret: bytes = WEBHOOK_SECRET) -> tuple[bytes, bytes]:
    """The header of version 2."""
    return b"agora-signature-v2", hmac.new(secret, sent, hashlib.sha256).hexdigest().encode()


class Agora:
    """Agora's notification centre, as far as one service sees it: every notification has an id of its own."""

    def __init__(self, endpoint: InProcess, path: str = RTC, secret: bytes = WEBHOOK_SECRET) -> None:
        self._endpoint = endpoint
        self._path = path
        self._secret = secret
        self._count = 0

    def tells(self, event: int, payload: Mapping[str, object], notice: str | None = None) -> Answer:
        """One notification, signed, which must be taken."""
        self._count += 1
        product = 1 if self._path == RTC else 17
        answer = self.sends(body(event, payload, notice or f"{self._path}-{self._count}", product))
        assert (answer.status, answer.json()) == (200, {"status": "ok"})
        self._endpoint.wait(AT_ONCE)
        return answer

    def sends(self, sent: bytes, *headers: tuple[bytes, bytes]) -> Answer:
        """These bytes, with their signature unless other headers are given."""
        return self._endpoint.call("POST", self._path, headers=headers or [signature(sent, self._secret)], body=sent)


def path_of(report: Report) -> str:
    """The path of a report's URL."""
    return "/" + report.url.split("/", 3)[3]


def said(endpoint: InProcess, report: Report, value: object, headers: Headers | None = None) -> Answer:
    """An agent reports `value`, as JSON or, where it is bytes, as it stands."""
    bearer = [(b"authorization", b"Bearer " + report.token.encode())]
    sent = value if isinstance(value, bytes) else json.dumps(value).encode()
    answer = endpoint.call("POST", path_of(report), headers=bearer if headers is None else headers, body=sent)
    endpoint.wait(AT_ONCE)
    return answer
