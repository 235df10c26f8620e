"""The agent worker as the process launcher starts it, with a stand-in for Agora's SDK that enforces the SDK's rules."""

import hashlib
import json
import os
import shlex
import signal
import subprocess
import sys
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from session_service.agents.process import GRACE, ProcessLauncher
from tests.agents.conftest import Events, Exits, Run, events, exits, run
from tests.agents.fakes import ignore_exit
from tests.agents.processes import process_launcher, refusal
from tests.agents.programs import children
from tests.agents.specs import agent_spec
from tests.agents.starts import soon, started
from tests.calling import call
from tests.commands import command
from tests.settings.given import RIGHT

__all__ = ["events", "exits", "run"]  # the fixtures of the launchers' tests

pytestmark = pytest.mark.real
ROOT = Path(__file__).parents[2]
COMMAND = (sys.executable, "-m", "agora_worker")
PATH = os.pathsep.join([str(ROOT / "examples"), str(Path(__file__).parent / "fake_sdk")])


@pytest.fixture(autouse=True)
def _no_worker_left() -> Iterator[None]:
    """Each worker has ended with its test; one that has not is ended here."""
    before = children()
    yield
    left = children() - before
    for pid in left:
        os.killpg(pid, signal.SIGKILL)
    assert not left


def environment(habit: str) -> dict[str, str]:
    """Where a stand-in with this habit is the only SDK."""
    return {**os.environ, "PYTHONPATH": PATH, "FAKE_AGORA": habit}


def launcher(habit: str, *arguments: str, on_exit: Exits | None = None) -> ProcessLauncher:
    """A launcher of workers, each with such an SDK."""
    return process_launcher((*COMMAND, *arguments), on_exit=on_exit or ignore_exit, environment=environment(habit))


@pytest.mark.parametrize("habit", ["stays", "hangs"])
def test_it_is_ready_in_the_channel_and_leaves_when_it_is_stopped(habit: str, events: Events, run: Run) -> None:
    """With 0, before the service would kill it, even where the SDK does not let go."""
    workers = process_launcher(COMMAND, environment=environment(habit), grace=GRACE)

    async def main() -> int | None:
        ref = await started(workers)
        await workers.stop(ref)
        return (await workers.poll(ref)).code

    assert run(main()) == 0
    assert ("fake SDK: released" in events.lines) == (habit == "stays")


def test_the_testers_leaving_ends_it(events: Events, exits: Exits, run: Run) -> None:
    """After a whole conversation: the stand-in lets its tester leave only when the echo was right."""
    workers = launcher("leaves", on_exit=exits)

    async def main() -> None:
        await started(workers)
        await exits.happened.wait()

    run(main())
    assert [code for _, code in exits.seen] == [0]
    assert {"fake SDK: echo complete", "fake SDK: released"} <= set(events.lines)


def test_a_lost_tester_that_comes_back_is_talked_to_again(events: Events, exits: Exits, run: Run) -> None:
    """The SDK tells a loss from a goodbye by a number."""
    workers = launcher("returns", on_exit=exits)

    async def main() -> None:
        await started(workers)
        await exits.happened.wait()

    run(main())
    assert events.lines.count("fake SDK: echo complete") == 2
    assert [code for _, code in exits.seen] == [0]


def test_the_sdk_gets_the_key_as_text_and_the_salt_as_bytes(events: Events, run: Run) -> None:
    """The same that the tester is given; and no secret reaches the log."""
    workers, encryption = launcher("stays"), agent_spec().encryption
    assert encryption is not None
    assert encryption.salt is not None

    async def main() -> None:
        await workers.stop(await started(workers))

    run(main())
    digest = hashlib.sha256(encryption.key.encode() + b64decode(encryption.salt)).hexdigest()
    assert f"fake SDK: mode 8, key and salt {digest}" in events.lines
    assert not [secret for secret in agent_spec().secrets() if secret in events.all_text()]


def test_a_channel_without_encryption_is_joined_without(events: Events, run: Run) -> None:
    """Nothing is enabled that was not asked for."""
    workers = launcher("stays")

    async def main() -> None:
        await workers.stop(await workers.start(replace(agent_spec(), encryption=None), soon()))

    run(main())
    assert not [line for line in events.lines if "key and salt" in line]


@pytest.mark.parametrize(
    ("habit", "sentence"),
    [
        ("refuses", "not valid here (error 110)"),
        ("unwilling", "does not take encryption mode 8"),
        ("strands", "did not answer the join within 0.1 s"),
        ("missing", "cannot be imported: pip install -r requirements.txt"),
    ],
)
def test_a_start_that_fails_says_why(habit: str, sentence: str, events: Events, run: Run) -> None:
    """In one line under the session's id, and the start is refused."""
    workers = launcher(habit, "--join", "0.1" if habit == "strands" else "60")

    async def main() -> str:
        return await refusal(started(workers))

    assert "exit code 1 before it was ready" in run(main())
    assert [line for line in events.lines if sentence in line]
    assert "Traceback" not in events.all_text()


def test_a_scenario_that_the_sdk_does_not_have_is_refused(events: Events, run: Run) -> None:
    """Before anything is joined, with the argument's name."""
    workers = launcher("stays", "--audio-scenario", "99")

    async def main() -> str:
        return await refusal(started(workers))

    assert "exit code 1 before it was ready" in run(main())
    assert [line for line in events.lines if "correct --audio-scenario" in line]
    assert "Traceback" not in events.all_text()


@pytest.mark.parametrize("data", [b"", b'{"token": "sentinel"}'])
def test_what_is_no_session_is_refused_before_the_sdk_is_touched(data: bytes) -> None:
    """With exit code 1 and one sentence, without the value."""
    done = subprocess.run(COMMAND, input=data, env=environment("missing"), capture_output=True, check=False)
    assert done.returncode == 1
    assert done.stdout.startswith(b"agora_worker: ")
    assert b"sentinel" not in done.stdout + done.stderr


def test_the_worker_needs_the_sdk_and_the_standard_library_alone() -> None:
    """A customer copies one folder; -S hides every installed package."""
    code = "import sys, agora_worker.__main__, agora_worker.sdk; print(*{name.split('.')[0] for name in sys.modules})"
    done = subprocess.run(
        [sys.executable, "-S", "-c", code], env=environment("stays"), capture_output=True, text=True, check=True
    )
    assert set(done.stdout.split()) - sys.stdlib_module_names == {"__main__", "agora", "agora_worker"}


@pytest.mark.parametrize(
    ("habit", "told"),
    [
        ("returns", ["tester.joined", "tester.left", "tester.joined", "tester.left"]),
        ("expires", ["tester.joined", "agent.token_renewed", "tester.left"]),
    ],
)
def test_the_service_hears_of_the_call_from_the_worker(tmp_path: Path, habit: str, told: list[str]) -> None:
    """The real one, by the URL that it handed over: who comes and goes, and that a fresh token is wanted."""
    settings = {
        **RIGHT,
        "SESSION_LAUNCHER": "process",
        "SESSION_PROCESS_COMMAND": shlex.join(COMMAND),
        "SESSION_PROCESS_READY": "line",
        "PYTHONPATH": PATH,
        "FAKE_AGORA": habit,
    }
    with command(tmp_path, "serve", settings) as serve:
        call(serve)
        assert json.loads(serve.until("session.ended"))["reason"] == "tester_left"
    events = [json.loads(line)["event"] for line in serve.said.splitlines()]
    assert [event for event in events if event in told] == told
