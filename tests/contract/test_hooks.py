"""What Agora's notification centre can rely on, and what nobody else gets (docs/contract.md, HOOK)."""

import hashlib
import hmac
import json
import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from session_service.agents.contract import AgentRef, AgentSpec, Launcher
from session_service.agora import notifications
from session_service.sessions.model import Reason
from tests.agents.fakes import ImmortalLauncher, MemoryLauncher
from tests.contract import callables
from tests.contract.clauses import clause
from tests.contract.conftest import InProcessFactory
from tests.contract.launched import CLOCKS, STRANGERS_SECRET, WEBHOOK_SECRET, Launched
from tests.contract.telling import CONVOAI, EMPTIED, JOINED, LEFT, RTC, Agora, body, signature, user
from tests.virtual_time import NOW

PYTHON = {"SESSION_LAUNCHER": "python", "SESSION_PYTHON_CALLABLE": "tests.contract.callables:stays"}
TESTER, STRANGER = 1, 99
CHANNEL = "cekura-nowhere"
AFTER = 1_700_000_050
"""An instant behind every join of these tests."""


class HostedLauncher(MemoryLauncher):
    """Its agents run elsewhere, where we do not see them end."""

    survives_restart = True


class NamingLauncher(HostedLauncher):
    """Agora has a name of its own for each agent."""

    def ref(self, spec: AgentSpec) -> AgentRef:
        """Tell it."""
        return AgentRef(self.name, spec.session_id, {"agent_id": "A42"})


class HostedImmortalLauncher(HostedLauncher, ImmortalLauncher):
    """They do not end, either."""


class Call:
    """A session in a service, and Agora, which tells of it."""

    def __init__(self, launcher: Launcher | None = None) -> None:
        self.launcher = launcher or MemoryLauncher()
        self.house = Launched(self.launcher, clocks=CLOCKS)
        self.channel: str = self.house.endpoint.call().json()["agora_channel"]
        self.agora = Agora(self.house.endpoint)
        (record,) = self.house.live()
        self.session_id = record.row.session_id
        self.agent_uid = record.row.agent_uid or 0

    def joins(self, sequence: int, uid: int = TESTER) -> None:
        """Somebody joins."""
        self.agora.tells(JOINED, user(self.channel, uid, sequence))

    def leaves(self, sequence: int, reason: int = 1, uid: int = TESTER) -> None:
        """Somebody leaves."""
        self.agora.tells(LEFT, user(self.channel, uid, sequence, reason))


CallFactory = Callable[..., Call]


@pytest.fixture
def calling() -> Iterator[CallFactory]:
    """Makes calls that are ended with the test."""
    with ExitStack() as stack:

        def make(launcher: Launcher | None = None) -> Call:
            made = Call(launcher)
            stack.callback(made.house.endpoint.close)
            return made

        yield make


SENT = body(LEFT, user(CHANNEL, TESTER, 1))
RIGHT = signature(SENT)


@clause("HOOK-1", "REF-1", "REF-2", "REF-6")
@pytest.mark.parametrize(
    "headers",
    [
        [],
        [(RIGHT[0], b"")],
        [(RIGHT[0], b"0" * 64)],
        [(RIGHT[0], RIGHT[1].upper())],
        [(RIGHT[0], RIGHT[1][:-1])],
        [RIGHT, RIGHT],
        [signature(SENT + b" ")],
        [signature(SENT, b"the-secret-of-last-year")],
        [signature(SENT, b"")],
    ],
)
def test_what_no_configured_secret_signed_is_refused(calling: CallFactory, headers: list[tuple[bytes, bytes]]) -> None:
    """Before a byte of it is understood."""
    call = calling()
    refused = call.house.endpoint.call("POST", RTC, headers=headers, body=SENT)
    assert (refused.status, refused.code) == (401, "bad_signature")
    assert refused.header("www-authenticate")
    assert call.house.counted() == {"bad_signature": 1}


@clause("HOOK-1")
@pytest.mark.parametrize("sent", [b"", b"{", b"[" * 5000, body(LEFT, user(CHANNEL, TESTER, 1), product=17)])
def test_what_nobody_signed_is_not_read(calling: CallFactory, sent: bytes) -> None:
    """It would be no notification; the signature is what it is refused for."""
    assert calling().agora.sends(sent, RIGHT).code == "bad_signature"


@clause("HOOK-2")
def test_the_old_signature_opens_nothing(calling: CallFactory) -> None:
    """SHA-1, though made with the right secret."""
    old = (b"agora-signature", hmac.new(WEBHOOK_SECRET, SENT, hashlib.sha1).hexdigest().encode())
    assert calling().agora.sends(SENT, old).code == "bad_signature"


@clause("HOOK-3")
@pytest.mark.parametrize(
    ("setting", "path"), [("SESSION_RTC_WEBHOOK_SECRET", CONVOAI), ("SESSION_CONVOAI_WEBHOOK_SECRET", RTC)]
)
def test_without_a_secret_there_is_no_such_path(in_process: InProcessFactory, setting: str, path: str) -> None:
    """The other product's secret does not open it."""
    assert in_process().call("POST", path, headers=[RIGHT], body=SENT).status == 404
    one = in_process(**{setting: WEBHOOK_SECRET.decode()})
    assert one.call("POST", path, headers=[RIGHT], body=SENT).status == 404
    assert one.call("GET", RTC if path == CONVOAI else CONVOAI, headers=[]).status == 405


@clause("HOOK-4", "REF-3")
@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"{",
        b"[]",
        b'"sentinel"',
        b"[" * 5000,
        b'{"noticeId": "sentinel"}',
        body(LEFT, user(CHANNEL, TESTER, 1), product=17),
        body(LEFT, user("sentinel" * 40, TESTER, 1)),
        body(LEFT, {"uid": TESTER}),
        body(LEFT, user(CHANNEL, TESTER, 1), notice=""),
        json.dumps({"noticeId": "n", "productId": True, "eventType": 108, "payload": {}}).encode(),
        json.dumps({"noticeId": "n", "productId": 1, "eventType": 108.0, "payload": {}}).encode(),
        json.dumps({"noticeId": "n", "productId": 1, "eventType": 108, "payload": []}).encode(),
    ],
)
def test_a_signed_body_that_is_no_notification_is_refused(calling: CallFactory, sent: bytes) -> None:
    """And not echoed."""
    refused = calling().agora.sends(sent)
    assert (refused.status, refused.code) == (400, "malformed_notification")
    assert b"sentinel" not in refused.body


@clause("HOOK-4")
@pytest.mark.parametrize(
    "wrong", [{"uid": "somebody"}, {"uid": -1}, {"clientSeq": None}, {"reason": True}, {"ts": 1.5}]
)
def test_an_event_of_a_session_that_cannot_be_read_is_refused(calling: CallFactory, wrong: dict[str, Any]) -> None:
    """And changes nothing; of a channel that is not ours it would not matter."""
    call = calling()
    refused = call.agora.sends(body(LEFT, user(call.channel, TESTER, 1) | wrong))
    assert (refused.status, refused.code) == (400, "malformed_notification")
    assert call.house.reason() is None


@clause("HOOK-5")
def test_a_notification_is_at_most_a_mebibyte(calling: CallFactory) -> None:
    """However it is signed, and one of exactly that size is read."""
    agora = calling().agora
    assert agora.sends(SENT + b" " * (notifications.MAX_BODY - len(SENT))).status == 200
    assert agora.sends(SENT + b" " * (notifications.MAX_BODY + 1 - len(SENT))).status == 413


@clause("HOOK-6")
@pytest.mark.parametrize(
    ("event", "payload", "counted"),
    [
        (LEFT, user("test_webhook", 12121212, 1), "ignored"),
        (101, {"channelName": "test_webhook"}, "ignored"),
        (111, user(CHANNEL, TESTER, 1), "ignored"),
        (999, {}, "ignored"),
        (JOINED, user(CHANNEL, TESTER, 1), "unknown"),
        (EMPTIED, {"channelName": CHANNEL, "ts": 1, "lastUid": 7}, "unknown"),
        (LEFT, user(CHANNEL, 2**32, 1), "unknown"),
        (LEFT, user(CHANNEL, TESTER, 1) | {"uid": "somebody"}, "unknown"),
        (EMPTIED, {"channelName": CHANNEL}, "unknown"),
    ],
)
def test_what_means_nothing_here_is_taken_and_counted_and_not_logged(
    calling: CallFactory, caplog: pytest.LogCaptureFixture, event: int, payload: dict[str, Any], counted: str
) -> None:
    """Notifications come for every channel of the Agora project."""
    call = calling()
    with caplog.at_level(logging.DEBUG):
        call.agora.tells(event, payload)
    assert call.house.counted() == {counted: 1}
    assert [record for record in caplog.records if record.name.startswith("session_service")] == []


@clause("HOOK-6", "HOOK-7")
def test_the_answer_is_out_before_anything_is_stopped(calling: CallFactory) -> None:
    """The agent that shall be stopped here never ends."""
    call = calling(HostedImmortalLauncher())
    call.leaves(1)
    assert call.house.counted() == {"applied": 1}
    assert call.house.reason() == Reason.TESTER_LEFT


@clause("HOOK-7")
@pytest.mark.parametrize("reason", [1, 3, 12])
def test_a_tester_that_leaves_for_good_ends_its_session(calling: CallFactory, reason: int) -> None:
    """At once."""
    call = calling()
    call.joins(1)
    call.leaves(2, reason)
    assert (call.house.reason(), call.house.live()) == (Reason.TESTER_LEFT, ())


@clause("HOOK-7")
@pytest.mark.parametrize("reason", [0, 2, 4, 5, 9, 10, 99, 999, 12345])
@pytest.mark.parametrize("returns", [True, False])
def test_a_tester_that_may_come_back_has_the_idle_time(calling: CallFactory, reason: int, returns: bool) -> None:
    """Reasons that nobody has explained included."""
    call = calling()
    call.joins(1)
    call.leaves(2, reason)
    call.house.endpoint.wait(CLOCKS.idle_timeout - 1)
    assert call.house.live()
    if returns:
        call.joins(3)
    call.house.endpoint.wait(1000)
    assert call.house.reason() == (None if returns else Reason.IDLE)


@clause("HOOK-7")
@pytest.mark.parametrize("off", [-7200, -120, 120, 7200])
def test_the_idle_time_counts_from_the_telling(calling: CallFactory, off: int) -> None:
    """However late the loss is told, or wrong a clock is: what tells of the return may come right behind."""
    call = calling()
    call.joins(1)
    call.house.endpoint.wait(1000)
    call.agora.tells(LEFT, user(call.channel, TESTER, 2, reason=10, ts=NOW + 1000 + off))
    call.house.endpoint.wait(CLOCKS.idle_timeout - 1)
    assert call.house.live()
    call.house.endpoint.wait(2)
    assert call.house.reason() == Reason.IDLE


@clause("HOOK-7")
def test_an_emptied_channel_leaves_the_idle_time_as_well(calling: CallFactory) -> None:
    """Told two minutes late."""
    call = calling()
    call.joins(1)
    call.house.endpoint.wait(1000)
    call.agora.tells(EMPTIED, {"channelName": call.channel, "ts": NOW + 880, "lastUid": TESTER})
    call.house.endpoint.wait(CLOCKS.idle_timeout - 1)
    assert call.house.live()
    call.house.endpoint.wait(2)
    assert call.house.reason() == Reason.IDLE


@clause("HOOK-7")
def test_a_tester_that_never_comes_is_missed(calling: CallFactory) -> None:
    """With notifications its coming would be known."""
    call = calling()
    call.house.endpoint.wait(CLOCKS.join_deadline + 1)
    assert call.house.reason() == Reason.JOIN_DEADLINE


@clause("HOOK-8")
def test_a_repetition_counts_for_nothing(calling: CallFactory) -> None:
    """Even where it would mean something again."""
    call = calling()
    payload = user(call.channel, TESTER, 1, reason=2)
    call.agora.tells(LEFT, payload, notice="n-7")
    call.agora.tells(LEFT, payload, notice="n-7")
    assert call.house.counted() == {"applied": 1, "repeated": 1}


@clause("HOOK-8")
def test_an_older_event_that_comes_later_counts_for_nothing(calling: CallFactory) -> None:
    """The tester has come back by then."""
    call = calling()
    call.joins(1)
    call.joins(5)
    call.leaves(4)
    call.house.endpoint.wait(1000)
    assert call.house.live()
    assert call.house.counted() == {"applied": 2, "stale": 1}


@clause("HOOK-8")
def test_an_emptied_channel_that_is_in_use_again_counts_for_nothing(calling: CallFactory) -> None:
    """It has no number of its own, so its instant is compared with the last join's."""
    call = calling(HostedLauncher())
    call.joins(1)
    call.agora.tells(EMPTIED, {"channelName": call.channel, "ts": 1_700_000_001, "lastUid": TESTER})
    call.house.endpoint.wait(1000)
    assert call.house.live()


@clause("HOOK-9")
def test_a_secret_speaks_for_its_own_clients_only(calling: CallFactory) -> None:
    """Another project's is right, and knows nothing of this channel."""
    call = calling()
    Agora(call.house.endpoint, secret=STRANGERS_SECRET).tells(LEFT, user(call.channel, TESTER, 1))
    assert call.house.live()
    assert call.house.counted() == {"unknown": 1}


@clause("HOOK-9")
def test_two_secrets_are_live_while_one_is_changed(in_process: InProcessFactory) -> None:
    """By one setting."""
    service = in_process(SESSION_RTC_WEBHOOK_SECRET="first-of-two-secrets second-of-two-secrets")
    for secret in (b"first-of-two-secrets", b"second-of-two-secrets"):
        assert Agora(service, secret=secret).sends(SENT).status == 200
    assert Agora(service, secret=b"a-third-secret-of-nobody").sends(SENT).status == 401


@clause("HOOK-10")
@pytest.mark.parametrize("event", ["leaves", "empties", "reported", "labelled"])
def test_a_remote_agent_that_left_ends_its_session(calling: CallFactory, event: str) -> None:
    """Whoever says so; it is stopped all the same, so that nothing is billed."""
    call = calling(HostedLauncher())
    convoai = Agora(call.house.endpoint, CONVOAI)
    if event == "leaves":
        call.leaves(1, uid=call.agent_uid)
    elif event == "empties":
        call.agora.tells(EMPTIED, {"channelName": call.channel, "ts": AFTER})
    elif event == "reported":
        convoai.tells(102, {"agent_id": "A42", "channel": call.channel, "status": "FAILED"})
    else:
        convoai.tells(102, {"agent_id": "A42", "labels": {"session_id": call.session_id}})
    assert (call.house.reason(), call.house.live()) == (Reason.AGENT_EXITED, ())


@clause("HOOK-10")
@pytest.mark.parametrize(("agent_id", "ended"), [("A41", None), ("A42", Reason.AGENT_EXITED)])
def test_an_earlier_try_of_the_start_is_not_the_sessions_agent(
    calling: CallFactory, agent_id: str, ended: Reason | None
) -> None:
    """It failed, was answered 503, and is told of when the next try runs, under the same name."""
    call = calling(NamingLauncher())
    labels = {"session_id": call.session_id}
    failed = {"agent_id": agent_id, "name": call.session_id, "labels": labels, "status": "FAILED"}
    Agora(call.house.endpoint, CONVOAI).tells(102, failed)
    assert call.house.reason() == ended


@clause("HOOK-10")
def test_a_process_of_ours_is_told_by_its_own_end(calling: CallFactory) -> None:
    """Its exit code is worth waiting for."""
    call = calling(MemoryLauncher())
    call.leaves(1, uid=call.agent_uid)
    call.house.endpoint.wait(1)
    assert call.house.live()


@clause("HOOK-10")
@pytest.mark.parametrize(
    ("event", "logged"), [(101, []), (103, []), (104, ["agent.token_expiring"]), (110, ["agent.error"])]
)
def test_what_agora_says_of_a_running_agent_ends_nothing(
    calling: CallFactory, caplog: pytest.LogCaptureFixture, event: int, logged: list[str]
) -> None:
    """An error is one line of the log, without Agora's own words: agents go on after most of them."""
    call = calling(HostedLauncher())
    errors = [{"module": "llm", "code": 502, "message": "sentinel"}]
    with caplog.at_level(logging.INFO):
        Agora(call.house.endpoint, CONVOAI).tells(event, {"channel": call.channel, "errors": errors})
    assert call.house.live()
    assert [vars(record)["event"] for record in caplog.records if "event" in vars(record)] == logged
    assert "sentinel" not in str([vars(record) for record in caplog.records])


@clause("HOOK-10")
@pytest.mark.parametrize("reason", [2, 10])
def test_a_remote_agent_that_lost_its_connection_may_come_back(calling: CallFactory, reason: int) -> None:
    """And so may one that is somebody else's."""
    call = calling(HostedLauncher())
    call.leaves(1, reason, uid=call.agent_uid)
    call.leaves(1, uid=STRANGER)
    assert call.house.live()


@clause("HOOK-11", "REF-2")
def test_wrong_signatures_are_throttled_and_right_ones_pass(in_process: InProcessFactory) -> None:
    """Counted with the wrong secrets of the session endpoint."""
    service = in_process(lambda: 0.0, SESSION_AUTH_FAILURES="2", SESSION_RTC_WEBHOOK_SECRET=WEBHOOK_SECRET.decode())
    wrong = signature(SENT, b"wrong-secret-of-nobody")
    answers = [service.call("POST", RTC, headers=[wrong], body=SENT) for _ in range(3)]
    assert [answer.code for answer in answers] == ["bad_signature", "bad_signature", "too_many_failures"]
    assert answers[-1].header("retry-after")
    assert service.call("POST", RTC, headers=[RIGHT], body=SENT).status == 200


@clause("HOOK-7")
def test_by_settings_alone_a_leave_ends_the_agent(in_process: InProcessFactory) -> None:
    """From the environment's secret to the callable that is cancelled."""
    service = in_process(**PYTHON, SESSION_RTC_WEBHOOK_SECRET=WEBHOOK_SECRET.decode())
    channel = service.call().json()["agora_channel"]
    Agora(service).tells(LEFT, user(channel, TESTER, 1))
    service.wait(1)
    assert callables.ENDED[-1] == callables.HANDED[-1].session_id


@clause("HOOK-7")
@pytest.mark.parametrize(
    ("secret", "missed"),
    [("SESSION_RTC_WEBHOOK_SECRET", True), ("SESSION_CONVOAI_WEBHOOK_SECRET", False), (None, False)],
)
def test_by_settings_alone_a_tester_is_missed_only_where_its_coming_would_be_told(
    in_process: InProcessFactory, secret: str | None, missed: bool
) -> None:
    """An agent that may report need not: whoever hears nothing of the tester cuts no call."""
    told = {secret: WEBHOOK_SECRET.decode()} if secret else {}
    service = in_process(**PYTHON, **told, SESSION_JOIN_DEADLINE="20")
    ended = len(callables.ENDED)
    assert service.call().status == 200
    service.wait(19)
    assert len(callables.ENDED) == ended
    service.wait(2)
    assert len(callables.ENDED) - ended == missed


@clause("HOOK-7")
def test_by_settings_alone_a_lost_tester_has_its_time_to_come_back(in_process: InProcessFactory) -> None:
    """Not less, and not more."""
    told = {"SESSION_RTC_WEBHOOK_SECRET": WEBHOOK_SECRET.decode(), "SESSION_IDLE_TIMEOUT": "20"}
    service = in_process(**PYTHON, **told)
    ended = len(callables.ENDED)
    channel = service.call().json()["agora_channel"]
    Agora(service).tells(LEFT, user(channel, TESTER, 1, reason=10))
    service.wait(19)
    assert len(callables.ENDED) == ended
    service.wait(2)
    assert len(callables.ENDED) - ended == 1


def test_by_settings_alone_a_session_ends_at_its_maximum_duration(in_process: InProcessFactory) -> None:
    """Though nobody has told of its tester."""
    service = in_process(**PYTHON, SESSION_MAX_DURATION="20")
    ended = len(callables.ENDED)
    assert service.call().status == 200
    service.wait(19)
    assert len(callables.ENDED) == ended
    service.wait(2)
    assert len(callables.ENDED) - ended == 1
