"""The service with a TEN agents server: from settings to a worker there, which is pinged, survives us, and is ended."""

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import httpx2
import pytest

from tests.agents.agent_servers import TEMPLATE, VENDOR_KEY, HostedTen
from tests.calling import PATIENCE, call, listening
from tests.commands import Command, command
from tests.settings.given import RIGHT
from tests.standins.ten_server import Worker

pytestmark = pytest.mark.real

TIMEOUT = 15
"""Seconds without a ping until a worker is ended: the shortest that a template may ask for."""


@pytest.fixture
def hosted() -> Iterator[HostedTen]:
    """The stand-in, whose clock stands still."""
    with HostedTen() as running:
        yield running


def serve(hosted: HostedTen, folder: Path, **changes: str) -> AbstractContextManager[Command]:
    """A service whose workers want to be pinged."""
    (folder / "template.json").write_text(json.dumps({**TEMPLATE, "timeout": TIMEOUT}))
    environment = {
        **RIGHT,
        "SESSION_LAUNCHER": "ten",
        "SESSION_TEN_URL": hosted.url,
        "SESSION_TEN_TEMPLATE": "template.json",
        "SESSION_ENCRYPTION_MODE": "aes_256_gcm2",
    }
    return command(folder, "serve", {**environment, **changes})


def stop(ops_port: int, session: str) -> int:
    """The operator ends it."""
    return httpx2.delete(
        f"http://127.0.0.1:{ops_port}/sessions/{session}", timeout=PATIENCE, trust_env=False
    ).status_code


def until_pinged(hosted: HostedTen, worker: Worker) -> None:
    """The server's clock moves almost to the worker's end, and a ping comes that puts it off."""
    hosted.api.now += TIMEOUT - 1
    while worker.pinged != hosted.api.now:
        hosted.api.arrived["ping"].clear()
        assert hosted.api.arrived["ping"].wait(PATIENCE), "nobody pings"


def test_a_call_starts_a_worker_in_the_testers_channel_and_the_end_of_the_service_ends_it(
    hosted: HostedTen, tmp_path: Path
) -> None:
    """One channel, one key, two tokens, and no secret in what the service says."""
    with serve(hosted, tmp_path, SESSION_STORE="memory") as running:
        details = call(running)
        ((channel, worker),) = hosted.api.workers.items()
        encrypted = worker.body["properties"]["agora_rtc"]
        assert details["agora_channel"] == channel
        assert details["encryption_key"] == encrypted["encryption_key"]
        assert details["agora_token"] != worker.body["token"]
        assert json.loads(running.until("agent.started"))["launcher"] == "ten"
        assert running.terminate() == 0
    assert hosted.channels == []
    secrets = (VENDOR_KEY, details["agora_token"], worker.body["token"], details["encryption_key"])
    assert not [secret for secret in secrets if secret in running.said]


def test_a_worker_is_pinged_until_it_is_stopped(hosted: HostedTen, tmp_path: Path) -> None:
    """It lives past its timeout, and not past the operator's word."""
    with serve(hosted, tmp_path) as running:
        where = listening(running)
        call(running)
        session = json.loads(running.until("agent.started"))["session"]
        (worker,) = hosted.api.workers.values()
        until_pinged(hosted, worker)
        assert stop(where["ops_port"], session) == 204
        assert hosted.channels == []
        assert json.loads(running.until("session.ended"))["reason"] == "operator"


def test_a_worker_of_a_killed_service_is_pinged_and_stopped_by_the_next(hosted: HostedTen, tmp_path: Path) -> None:
    """The session goes on in it, under its own id."""
    store = {"SESSION_STORE": f"sqlite:{tmp_path / 'sessions.db'}"}
    with serve(hosted, tmp_path, **store) as first:
        call(first)
        session = json.loads(first.until("agent.started"))["session"]
        first.process.kill()
        first.process.wait(PATIENCE)
    (worker,) = hosted.api.workers.values()
    with serve(hosted, tmp_path, **store) as second:
        assert json.loads(second.until("session.adopted"))["session"] == session
        until_pinged(hosted, worker)
        assert stop(listening(second)["ops_port"], session) == 204
        assert hosted.channels == []
