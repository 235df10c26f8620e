"""`serve` as nobody configured its store: a file in the folder where it is started, found again by the next start."""

import json
import stat
import urllib.request
from pathlib import Path

import pytest

from tests.commands import Command, command, run
from tests.settings.given import RIGHT

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]

NOT_SET = {"SESSION_STORE": ""}
ONE_PLACE = {**RIGHT, **NOT_SET, "SESSION_MAX_SESSIONS": "1"}
FILE = "session-service.db"
CALLABLE = "import asyncio\nasync def run(spec): await asyncio.Event().wait()\n"


def call(serve: Command, *, after: str = "service.listening") -> str:
    """One session, asked for once the service listens and that event has been logged; its id."""
    port = json.loads(serve.until("service.listening"))["port"]
    if after not in serve.said:
        serve.until(after)
    body = json.dumps({"client_id": RIGHT["SESSION_CLIENT_ID"]}).encode()
    headers = {"X-Cekura-Secret": RIGHT["SESSION_SECRET"], "Content-Type": "application/json"}
    request = urllib.request.Request(f"http://127.0.0.1:{port}/cekura/v1/sessions", body, headers)
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - loopback
        channel: str = json.loads(answer.read())["agora_channel"]
    return channel.removeprefix("cekura-")


def kill(serve: Command) -> None:
    """SIGKILL, and the process is gone."""
    serve.process.kill()
    serve.process.wait(60)


def test_the_file_is_in_the_current_folder_and_its_owners_alone(tmp_path: Path) -> None:
    """The log names it in full; nothing of it is anywhere else."""
    with command(tmp_path, "serve", {**RIGHT, **NOT_SET}) as serve:
        line = json.loads(serve.until("service.listening"))
        assert line["store"] == f"sqlite:{tmp_path.resolve() / FILE}"
        assert {path.name for path in tmp_path.iterdir()} == {FILE, f"{FILE}-wal", f"{FILE}-shm", f"{FILE}.lock"}
        assert not [path for path in tmp_path.iterdir() if stat.S_IMODE(path.stat().st_mode) != 0o600]


def test_dev_keeps_nothing_in_a_file(tmp_path: Path) -> None:
    """Its agents end with it."""
    with command(tmp_path, "dev", NOT_SET) as dev:
        dev.until("Press Ctrl-C to stop.")
    assert not list(tmp_path.glob("*.db*"))


def test_a_second_service_in_the_folder_is_refused_in_one_sentence(tmp_path: Path) -> None:
    """It would end the first one's agents. Asking for the settings is no second service."""
    with command(tmp_path, "serve", {**RIGHT, **NOT_SET}) as first:
        first.until("service.listening")
        second = run(tmp_path, "serve", {**RIGHT, **NOT_SET, "SESSION_PORT": "0", "SESSION_OPS_PORT": "off"})
        assert (second.returncode, second.stderr.count("\n")) == (2, 1)
        assert f"{FILE} is in use by another service. Give each its own file." in second.stderr
        assert run(tmp_path, "config", {**RIGHT, **NOT_SET}).returncode == 0


def test_a_session_without_an_agent_keeps_its_place_until_its_time_is_over(tmp_path: Path) -> None:
    """Its tester may still be in the channel. Then the place is free: nothing piles up."""
    settings = {**ONE_PLACE, "SESSION_MAX_DURATION": "3"}
    with command(tmp_path, "serve", settings) as first:
        session = call(first)
        kill(first)
    with command(tmp_path, "serve", settings) as second:
        assert json.loads(second.until("session.adopted"))["session"] == session
        ended = json.loads(second.until("session.ended"))
        assert (ended["session"], ended["reason"]) == (session, "max_duration")


def test_a_callable_that_was_killed_with_its_service_is_lost(tmp_path: Path) -> None:
    """It ran in the process that is gone; its place is free for the first call."""
    (tmp_path / "my_agent.py").write_text(CALLABLE)
    settings = {**ONE_PLACE, "SESSION_LAUNCHER": "python", "SESSION_PYTHON_CALLABLE": "my_agent:run"}
    with command(tmp_path, "serve", settings) as first:
        session = call(first)
        kill(first)
    with command(tmp_path, "serve", settings) as second:
        assert call(second, after="session.ended") != session
        second.terminate()
    ended = [json.loads(line) for line in second.said.splitlines() if "session.ended" in line]
    assert [(line["session"] == session, line["reason"]) for line in ended] == [(True, "lost"), (False, "shutdown")]


def test_sessions_end_at_each_restart_where_they_are_to_be_forgotten(tmp_path: Path) -> None:
    """Memory: the place is free at once, and nobody knows of the first session any more."""
    settings = {**ONE_PLACE, "SESSION_STORE": "memory"}
    with command(tmp_path, "serve", settings) as first:
        call(first)
        kill(first)
    with command(tmp_path, "serve", settings) as second:
        call(second)
    assert not list(tmp_path.iterdir())
