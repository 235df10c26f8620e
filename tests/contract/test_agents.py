"""What a caller sees of the agent's start (docs/contract.md, AGT)."""

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from session_service.agents.contract import Launcher
from session_service.errors import StoreUnavailable
from session_service.sessions.model import Limits
from session_service.sessions.store.contract import Full, Row
from session_service.sessions.store.memory import MemoryStore
from tests.agents.fakes import MemoryLauncher, RefusingLauncher, SlowLauncher, UnavailableLauncher
from tests.contract import callables
from tests.contract.clauses import clause
from tests.contract.conftest import InProcessFactory
from tests.contract.given import HEADER
from tests.contract.launched import BUDGET, Launched

PYTHON = {"SESSION_LAUNCHER": "python", "SESSION_PYTHON_CALLABLE": "tests.contract.callables:stays"}
FAILING = PYTHON | {"SESSION_PYTHON_CALLABLE": "tests.contract.callables:fails"}
LaunchedFactory = Callable[..., Launched]


@pytest.fixture
def launched() -> Iterator[LaunchedFactory]:
    """Makes services around a launcher; they are ended with the test."""
    with ExitStack() as stack:

        def make(
            launcher: Launcher,
            sessions: int = 50,
            starts: int = 10,
            store: MemoryStore | None = None,
            *,
            stop_at_shutdown: bool = True,
        ) -> Launched:
            limits = Limits(sessions, starts)
            made = Launched(launcher, limits, store or MemoryStore("0a1b2c3d"), stop_at_shutdown=stop_at_shutdown)
            stack.callback(made.endpoint.close)
            return made

        yield make


@clause("AGT-1")
def test_200_means_that_the_agent_was_accepted(launched: LaunchedFactory) -> None:
    """It runs by the time the answer is read."""
    launcher = MemoryLauncher()
    answer = launched(launcher).endpoint.call()
    assert answer.status == 200
    assert [spec.agora.channel for spec in launcher.running.values()] == [answer.json()["agora_channel"]]


@clause("AGT-1")
def test_a_callable_of_the_customers_is_started_for_the_channel(in_process: InProcessFactory) -> None:
    """By settings alone."""
    answer = in_process(**PYTHON).call()
    assert answer.json()["agora_channel"] == callables.HANDED[-1].agora.channel


@clause("AGT-2", "REF-2")
@pytest.mark.parametrize(
    ("launcher", "status", "code"),
    [(RefusingLauncher(), 502, "agent_refused"), (UnavailableLauncher(), 503, "agent_unavailable")],
)
def test_a_start_that_fails_is_named(launched: LaunchedFactory, launcher: Launcher, status: int, code: str) -> None:
    """Whether trying again makes sense is told by the code."""
    refused = launched(launcher).endpoint.call()
    assert (refused.status, refused.code) == (status, code)


@clause("AGT-3", "REF-2")
def test_a_start_that_takes_too_long_is_answered_in_time(launched: LaunchedFactory) -> None:
    """The budget holds the stop of what was started as well."""
    house = launched(SlowLauncher())
    began = house.endpoint.time()
    refused = house.endpoint.call()
    assert (refused.status, refused.code, refused.header("retry-after")) == (504, "agent_timeout", "5")
    assert BUDGET - 1 < house.endpoint.time() - began <= BUDGET


@clause("AGT-4", "REF-5")
@pytest.mark.parametrize("launcher", [RefusingLauncher, UnavailableLauncher, SlowLauncher])
def test_nothing_is_left_of_a_failed_start(launched: LaunchedFactory, launcher: type[MemoryLauncher]) -> None:
    """Neither an agent nor a session; the one place there is serves the next call the same way."""
    made = launcher()
    house = launched(made, sessions=1, starts=1)
    assert house.endpoint.call().status == house.endpoint.call().status
    assert made.running == {}
    assert house.live() == ()


@clause("AGT-4")
@pytest.mark.parametrize("kind", [SlowLauncher, MemoryLauncher])
def test_nothing_is_left_of_a_caller_that_hung_up(launched: LaunchedFactory, kind: type[MemoryLauncher]) -> None:
    """Long before the budget is used up, and also where its agent was accepted by the time that this was seen."""
    launcher = kind()
    house = launched(launcher, sessions=1)
    began = house.endpoint.time()
    house.endpoint.call(hangs_up=True)
    assert launcher.calls[-1][0] == "stop"
    assert (launcher.running, house.live()) == ({}, ())
    assert house.endpoint.time() - began < 1


@clause("AGT-5", "REF-2", "REF-5")
def test_sessions_over_the_limit_are_told_when_to_come_back(in_process: InProcessFactory) -> None:
    """No agent is started for them."""
    endpoint = in_process(**PYTHON, SESSION_MAX_SESSIONS="2")
    started = len(callables.HANDED)
    answers = endpoint.at_once(5)
    assert sorted(answer.status for answer in answers) == [200, 200, 429, 429, 429]
    assert {answer.code for answer in answers if answer.status == 429} == {"session_limit"}
    assert all(5 <= int(answer.header("retry-after") or "0") <= 65 for answer in answers if answer.status == 429)
    assert len(callables.HANDED) == started + 2


@clause("AGT-5")
def test_a_clients_own_limit_counts_within_the_deployments(in_process: InProcessFactory, tmp_path: Path) -> None:
    """As its table says; who has none of its own goes on, until all of them together are as many as may be."""
    secrets = {name: f"secret-of-{name}-Zk3-Q9w2_p7Xv" for name in ("blue", "green")}
    tables = [f'[clients.{name}]\nsecret = "{secret}"\n' for name, secret in secrets.items()]
    (tmp_path / "clients.toml").write_text("max_sessions = 1\n".join(tables))
    file = str(tmp_path / "clients.toml")
    endpoint = in_process(
        **PYTHON, SESSION_CONFIG=file, SESSION_SECRET="", SESSION_CLIENT_ID="", SESSION_MAX_SESSIONS="3"
    )
    for name, codes in (("blue", [None, "session_limit"]), ("green", [None, None, "session_limit"])):
        query, right = f"client_id={name}".encode(), ((HEADER, secrets[name].encode()),)
        answers = [endpoint.get(query, headers=right) for _ in codes]
        assert [None if answer.status == 200 else answer.code for answer in answers] == codes


@clause("AGT-6", "REF-2")
def test_starts_over_the_limit_are_told_when_to_come_back(launched: LaunchedFactory) -> None:
    """One start is under way, and two more are asked for."""
    answers = launched(SlowLauncher(), starts=1).endpoint.at_once(3)
    refused = [answer for answer in answers if answer.status == 429]
    assert {answer.code for answer in refused} == {"start_limit"}
    assert [2 <= int(answer.header("retry-after") or "0") <= 7 for answer in refused] == [True, True]


@clause("AGT-7", "REF-2")
def test_a_service_that_ends_ends_every_session(in_process: InProcessFactory) -> None:
    """And takes no new one."""
    endpoint = in_process(**PYTHON)
    channels = [endpoint.call().json()["agora_channel"] for _ in range(3)]
    endpoint.end()
    assert {"cekura-" + session for session in callables.ENDED} >= set(channels)
    refused = endpoint.call()
    assert (refused.status, refused.code, refused.header("retry-after")) == (503, "draining", "5")


class HostedLauncher(MemoryLauncher):
    """Its agents run elsewhere, and go on when the service ends."""

    survives_restart = True


@clause("AGT-7")
@pytest.mark.parametrize(("stop", "left"), [(True, 0), (False, 1)])
def test_a_service_that_ends_leaves_what_the_next_start_finds(launched: LaunchedFactory, stop: bool, left: int) -> None:
    """As its settings say; with no new session either way."""
    house = launched(HostedLauncher(), stop_at_shutdown=stop)
    assert house.endpoint.call().status == 200
    house.endpoint.end()
    assert (len(house.live()), house.endpoint.call().code) == (left, "draining")


@clause("AGT-8", "AUTH-5")
def test_the_log_says_why_an_agent_was_not_started(
    in_process: InProcessFactory, caplog: pytest.LogCaptureFixture
) -> None:
    """Under the request id that the caller can pass on; what the agent said of its token is not repeated."""
    with caplog.at_level(logging.INFO):
        refused = in_process(**FAILING).call()
    (call,) = [vars(record) for record in caplog.records if vars(record).get("event") == "call"]
    assert (call["request_id"], call["outcome"]) == (refused.request_id, "agent_refused")
    assert "suspension" in call["why"]
    assert callables.HANDED[-1].agora.token not in repr([vars(record) for record in caplog.records])


class BrokenStore(MemoryStore):
    """Cannot be written."""

    async def admit(self, row: Row, deployment: Limits, client: Limits) -> Full | None:
        """Refuse."""
        raise StoreUnavailable("the disk is full", retry_after=5)


@clause("AGT-9", "REF-2", "REF-5")
def test_nothing_is_started_that_cannot_be_recorded(launched: LaunchedFactory) -> None:
    """An agent that nobody remembers is an agent that nobody ends."""
    launcher = MemoryLauncher()
    refused = launched(launcher, store=BrokenStore("0a1b2c3d")).endpoint.call()
    assert (refused.status, refused.code, refused.header("retry-after")) == (503, "store_unavailable", "5")
    assert launcher.calls == []


@clause("PRO-4", "REF-2")
@pytest.mark.parametrize("state", ["stranded", "finding_out"])
def test_a_service_that_cannot_end_what_it_found_or_does_not_know_it_yet_is_not_ready(
    launched: LaunchedFactory, state: str
) -> None:
    """It lives, and takes calls that reach it; whoever balances them is told to wait."""
    house = launched(MemoryLauncher())
    setattr(house.sessions, state, ("somebody",))
    ready = house.endpoint.call("GET", "/readyz")
    assert (ready.status, ready.code, ready.header("retry-after")) == (503, "not_ready", None)
    assert (house.endpoint.call("GET", "/livez").status, house.endpoint.call().status) == (200, 200)
