"""What an agent can rely on that reports of its session (docs/contract.md, REP)."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from session_service.agents.contract import AgentSpec, Report
from session_service.agora import tokens
from session_service.sessions.minting import token_hash
from session_service.sessions.model import Reason
from session_service.sessions.store.memory import MemoryStore
from tests.agents.fakes import ImmortalLauncher, MemoryLauncher
from tests.contract import callables
from tests.contract.answers import Answer
from tests.contract.clauses import clause
from tests.contract.conftest import InProcessFactory
from tests.contract.launched import CLOCKS, Launched
from tests.contract.telling import path_of, said
from tests.virtual_time import NOW

PYTHON = {"SESSION_LAUNCHER": "python", "SESSION_PYTHON_CALLABLE": "tests.contract.callables:stays"}


class Call:
    """A session, its agent's orders, and the agent's words."""

    def __init__(self, launcher: MemoryLauncher, house: Launched) -> None:
        self.house = house
        self.launcher = launcher
        house.endpoint.call()
        self.spec: AgentSpec = list(launcher.running.values())[-1]
        assert self.spec.report is not None
        self.report: Report = self.spec.report

    def says(self, value: object, *headers: tuple[bytes, bytes]) -> Answer:
        """A report, with the right token unless other headers are given."""
        return said(self.house.endpoint, self.report, value, headers or None)


class NotingStore(MemoryStore):
    """Says when it is told of an end."""

    def __init__(self, steps: list[str]) -> None:
        super().__init__("0a1b2c3d")
        self._steps = steps

    async def ending(self, session_id: str, reason: Reason) -> None:
        """Say so."""
        self._steps.append(reason)
        await super().ending(session_id, reason)


@contextmanager
def calling(launcher: MemoryLauncher | None = None, store: MemoryStore | None = None) -> Iterator[Call]:
    """A call that is ended with the test."""
    launcher = launcher or MemoryLauncher()
    house = Launched(launcher, clocks=CLOCKS, store=store or MemoryStore("0a1b2c3d"))
    try:
        yield Call(launcher, house)
    finally:
        house.endpoint.close()


@pytest.fixture
def call() -> Iterator[Call]:
    """A call whose agent behaves."""
    with calling() as made:
        yield made


def handed(in_process: InProcessFactory, **changes: str) -> Report | None:
    """The report of a callable that a service with these settings starts."""
    in_process(**PYTHON, **changes).call()
    return callables.HANDED[-1].report


@clause("REP-1")
def test_an_agent_on_this_machine_is_handed_the_services_own_address(in_process: InProcessFactory) -> None:
    """The port that is listened on, and loopback where that is every address."""
    session_path = "/agent/v1/sessions/{}/events"
    for host, shown in (("127.0.0.1", "127.0.0.1"), ("::", "[::1]"), ("10.0.0.7", "10.0.0.7")):
        report = handed(in_process, SESSION_HOST=host, SESSION_PORT="8099")
        assert report is not None
        assert report.url == f"http://{shown}:8099" + session_path.format(callables.HANDED[-1].session_id)


@clause("REP-1")
def test_the_public_url_beats_it(in_process: InProcessFactory) -> None:
    """With a path before ours, and whether or not it ends with a slash."""
    report = handed(in_process, SESSION_PUBLIC_URL="https://sessions.example/voice/")
    assert report is not None
    assert report.url.startswith("https://sessions.example/voice/agent/v1/sessions/")


@clause("REP-2", "REF-1", "REF-2", "REF-6")
@pytest.mark.parametrize(
    "headers",
    [
        [(b"x-other", b"1")],
        [(b"authorization", b"Bearer")],
        [(b"authorization", b"Bearer ")],
        [(b"authorization", b"Bearer " + b"0" * 64)],
        [(b"authorization", b"Basic TOKEN")],
        [(b"authorization", b"Bearer TOKEN"), (b"authorization", b"Bearer TOKEN")],
        [(b"authorization", b"Bearer TOKEN0")],
        [(b"authorization", b"Bearer HASH")],
        [(b"authorization", b"Bearer \xff\xfe")],
        [(b"x-cekura-secret", b"sentinel-secret-Zk3-Q9w2_p7Xv")],
    ],
)
def test_only_the_sessions_own_token_opens_its_path(call: Call, headers: list[tuple[bytes, bytes]]) -> None:
    """Neither the platform's secret nor what is kept of the token."""
    token = call.report.token.encode()
    kept = token_hash(call.report.token).encode()
    sent = [(name, value.replace(b"TOKEN", token).replace(b"HASH", kept)) for name, value in headers]
    refused = call.says({"event": "left"}, *sent)
    assert (refused.status, refused.code, refused.header("www-authenticate")) == (401, "bad_report_token", "Bearer")
    assert call.house.live()


@clause("REP-2")
def test_a_token_opens_no_other_session_whether_there_is_one_or_not(call: Call) -> None:
    """And the two answers are one."""
    other = Call(call.launcher, call.house)
    there = said(call.house.endpoint, Report(other.report.url, call.report.token), {"event": "left"})
    nowhere = said(call.house.endpoint, Report(other.report.url.replace("0a1b", "ffff"), call.report.token), {})
    assert there.without_request_id() == nowhere.without_request_id()
    assert len(call.house.live()) == 2


@clause("REP-2")
def test_a_session_without_an_agent_has_no_reports(in_process: InProcessFactory) -> None:
    """An empty token opens nothing either."""
    service = in_process()
    session_id = service.call().json()["agora_channel"].removeprefix("cekura-")
    report = Report(f"http://localhost/agent/v1/sessions/{session_id}/events", "")
    assert said(service, report, {"event": "left"}).code == "bad_report_token"


@clause("REP-3")
def test_a_tester_that_joined_is_not_missed(call: Call) -> None:
    """The join deadline is over, and nothing happens; it is found in the record."""
    assert call.says({"event": "joined"}).json() == {"status": "ok"}
    call.house.endpoint.wait(CLOCKS.join_deadline + 1)
    (record,) = call.house.live()
    assert record.status.joined_at == pytest.approx(NOW, abs=1)


@clause("REP-3")
def test_a_tester_that_left_ends_the_session(call: Call) -> None:
    """At once."""
    call.says({"event": "joined"})
    assert call.says({"event": "left"}).status == 200
    assert (call.house.reason(), call.launcher.running) == (Reason.TESTER_LEFT, {})


@clause("REP-3")
def test_that_a_tester_has_left_is_kept_before_it_is_answered() -> None:
    """It is told once: a service that is killed in between would leave the agent running."""
    steps: list[str] = []
    with calling(store=NotingStore(steps)) as call:
        right = [(b"authorization", b"Bearer " + call.report.token.encode())]
        path, left = path_of(call.report), b'{"event": "left"}'
        call.house.endpoint.call("POST", path, headers=right, body=left, answered=lambda: steps.append("answered"))
    assert steps[:2] == [Reason.TESTER_LEFT, "answered"]


@clause("REP-3")
@pytest.mark.parametrize("returns", [True, False])
def test_a_tester_that_is_lost_has_the_idle_time(call: Call, returns: bool) -> None:
    """As with notifications."""
    call.says({"event": "joined"})
    call.says({"event": "left", "lost": True})
    call.house.endpoint.wait(CLOCKS.idle_timeout - 1)
    assert call.house.live()
    if returns:
        call.says({"event": "joined"})
    call.house.endpoint.wait(1000)
    assert call.house.reason() == (None if returns else Reason.IDLE)


@clause("REP-4", "REF-3")
@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"{",
        [],
        {},
        {"event": "sentinel"},
        {"event": ["left"]},
        {"event": "left", "lost": 1},
        {"event": "left", "code": "x"},
        {"event": "joined", "lost": True},
        {"event": "failed", "code": 7},
        {"event": "failed", "code": "Sentinel words"},
        {"event": "failed", "code": "x" * 33},
        {"event": "failed", "code": ""},
        {"event": "renew", "uid": 1},
        b"[" * 1000,
    ],
)
def test_what_is_no_report_is_refused_and_changes_nothing(call: Call, value: Any) -> None:
    """And not echoed."""
    refused = call.says(value)
    assert (refused.status, refused.code) == (400, "malformed_report")
    assert b"entinel" not in refused.body
    assert call.house.live()


@clause("REP-4")
def test_a_report_is_at_most_a_kibibyte(call: Call) -> None:
    """Spaces count."""
    assert call.says(b'{"event": "joined"}' + b" " * 1005).status == 200
    assert call.says(b'{"event": "left"}' + b" " * 1024).status == 413
    assert call.house.live()


@clause("REP-5")
@pytest.mark.parametrize("event", ["joined", "left", "failed", "renew"])
def test_a_session_that_is_over_says_so(call: Call, event: str) -> None:
    """To whoever has its token."""
    call.says({"event": "left"})
    refused = call.says({"event": event})
    assert (refused.status, refused.code) == (410, "session_over")


@clause("REP-5")
def test_a_session_that_is_ending_gives_no_token_away() -> None:
    """Its agent does not end, and is to."""
    with calling(ImmortalLauncher()) as call:
        call.says({"event": "left"})
        assert call.house.live()
        assert call.says({"event": "renew"}).code == "session_over"


@clause("REP-6", "REF-2")
def test_reports_without_end_are_throttled(call: Call) -> None:
    """Those of this session, and no other's."""
    answers = [call.says({"event": "joined"}) for _ in range(61)]
    assert [answer.status for answer in answers] == [200] * 60 + [429]
    assert (answers[-1].code, answers[-1].header("retry-after") is not None) == ("too_many_reports", True)
    assert Call(call.launcher, call.house).says({"event": "joined"}).status == 200


@clause("REP-7")
def test_a_renewed_token_is_a_fresh_one_for_the_agents_own_seat(call: Call) -> None:
    """Same channel, same uid, later end, another salt."""
    call.house.endpoint.wait(30)
    answer = call.says({"event": "renew"})
    fresh, first = tokens.read(answer.json()["agora_token"]), tokens.read(call.spec.agora.token)
    assert set(answer.json()) == {"agora_token", "expires_at"}
    assert fresh.services[0].fields == first.services[0].fields
    assert (fresh.issued_at, answer.json()["expires_at"]) == (NOW + 30, fresh.issued_at + fresh.lifetime)
    assert fresh.salt != first.salt


@clause("REP-8")
def test_an_agent_that_failed_ends_its_session(call: Call, caplog: pytest.LogCaptureFixture) -> None:
    """The code is for the log."""
    with caplog.at_level(logging.INFO):
        call.says({"event": "failed", "code": "no-tts"})
    assert call.house.reason() == Reason.AGENT_EXITED
    assert "no-tts" in [vars(record).get("code") for record in caplog.records]


@clause("REP-8")
def test_the_answer_to_a_failure_does_not_wait_for_the_end() -> None:
    """This agent never ends."""
    with calling(ImmortalLauncher()) as call:
        assert call.says({"event": "failed"}).status == 200


@clause("REP-9")
def test_the_token_is_kept_nowhere_and_logged_nowhere(call: Call, caplog: pytest.LogCaptureFixture) -> None:
    """Not in the row, not in a repr, and an agent that prints it has it taken out."""
    with caplog.at_level(logging.DEBUG):
        for value in ({"event": "joined"}, {"event": "renew"}, b"", {"event": "failed", "code": "x"}):
            call.says(value)
    shown = repr(call.house.live()) + repr(call.spec) + str([vars(record) for record in caplog.records])
    assert call.report.token not in shown
    assert call.report.token in call.spec.secrets()


@clause("HOOK-11", "REP-2")
def test_wrong_tokens_are_throttled_by_address(in_process: InProcessFactory) -> None:
    """Together with everything else that is wrong; the right one passes."""
    service = in_process(lambda: 0.0, **PYTHON, SESSION_AUTH_FAILURES="2")
    service.call()
    report = callables.HANDED[-1].report
    assert report is not None
    wrong = [service.call("POST", path_of(report), headers=[], body=b"{}") for _ in range(3)]
    assert [answer.code for answer in wrong] == ["bad_report_token", "bad_report_token", "too_many_failures"]
    assert said(service, report, {"event": "joined"}).status == 200


@clause("REP-10", "REF-2")
def test_an_agent_that_the_service_cannot_reach_any_more_gets_no_token(call: Call) -> None:
    """It keeps the one that it has, and its session is not over."""
    call.house.sessions.stranded[call.spec.session_id] = "its server is not configured any more"
    refused = call.says({"event": "renew"})
    assert (refused.status, refused.code) == (409, "no_fresh_token")
    assert call.house.live()
