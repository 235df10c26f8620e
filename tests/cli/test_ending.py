"""How `session-service serve` ends: no new session, then no port, then no call, then no agent."""

import contextlib
import json
import re
import signal
import socket
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.agents.programs import alive
from tests.commands import Command, command
from tests.contract.given import PLENTY
from tests.contract.sockets import DEADLINE, Connection, message
from tests.waiting import eventually

pytestmark = pytest.mark.real

SLOW = {
    "SESSION_LAUNCHER": "process",
    "SESSION_PROCESS_COMMAND": "sh -c 'echo pid $$; sleep 1; echo ready; exec sleep 600'",
    "SESSION_PROCESS_READY": "line",
}
STUCK = {**SLOW, "SESSION_PROCESS_COMMAND": "sh -c 'echo pid $$; exec sleep 600'"}
"""An agent that takes a second to be ready, and one that never is."""
STUBBORN = {
    **SLOW,
    "SESSION_PROCESS_COMMAND": "sh -c 'trap \"echo no\" TERM; echo pid $$; echo ready; while :; do sleep 1; done'",
}
"""An agent that says no when it is asked to end."""
NEVER = {"SESSION_DRAIN_DELAY": "300"}
"""A delay that no test sees the end of."""


def serve(folder: Path, changes: Mapping[str, str]) -> AbstractContextManager[Command]:
    """The service, as an orchestrator runs it."""
    return command(folder, "serve", {**PLENTY, **changes})


def port(running: Command) -> int:
    """Where it listens, once it does."""
    return int(json.loads(running.until("service.listening"))["port"])


def agent(running: Command) -> int:
    """The pid of its next agent, which says it as soon as it runs."""
    return int(re.findall(r'"pid (\d+)"', running.until("agent.output"))[0])


def end(running: Command) -> None:
    """One SIGTERM."""
    running.process.send_signal(signal.SIGTERM)


def until_refused(address: int) -> Connection:
    """A connection on which readiness has been told to be over."""
    connection, deadline = Connection(address), time.monotonic() + DEADLINE
    while (answer := connection.ask("/readyz")).status == 200:
        assert time.monotonic() < deadline, "it is still ready"
    assert (answer.status, answer.code) == (503, "draining")
    return connection


def test_a_call_under_way_is_answered(tmp_path: Path) -> None:
    """Its agent is still being started when the service is told to end; then it is ended as well."""
    with serve(tmp_path, SLOW) as running, Connection(port(running)) as caller:
        caller.send(message())
        pid = agent(running)
        end(running)
        assert caller.answer().status == 200
        assert running.process.wait(DEADLINE * 2) == 0
    assert not alive(pid)


def test_the_port_stays_open_for_the_delay(tmp_path: Path) -> None:
    """Alive, not ready, and without a session for whoever still calls; a call that came before is answered."""
    with serve(tmp_path, {**SLOW, **NEVER}) as running:
        address = port(running)
        with Connection(address) as early:
            early.send(message())
            agent(running)
            end(running)
            with until_refused(address) as late, Connection(address) as later:
                assert late.ask("/livez").status == 200
                later.send(message())
                assert later.answer().code == "draining"
                assert later.line() == b"", "a proxy would send its next call here as well"
            assert early.answer().status == 200


def test_the_service_is_gone_after_the_delay(tmp_path: Path) -> None:
    """With exit code 0, and not before."""
    with serve(tmp_path, {"SESSION_DRAIN_DELAY": "1"}) as running, Connection(port(running)):
        began = time.monotonic()
        assert running.terminate() == 0
        assert 1 <= time.monotonic() - began < DEADLINE


def test_a_second_signal_ends_the_delay(tmp_path: Path) -> None:
    """With exit code 0 all the same, and with every agent ended: uvicorn leaves the lifespan's end out, then."""
    with serve(tmp_path, {**SLOW, **NEVER}) as running:
        address = port(running)
        with Connection(address) as caller:
            caller.send(message())
            pid = agent(running)
            assert caller.answer().status == 200
        end(running)
        until_refused(address).hang_up()
        began = time.monotonic()
        assert running.terminate() == 0
        assert time.monotonic() - began < DEADLINE
    assert not alive(pid)
    assert '"reason":"shutdown"' in running.said


def test_a_second_signal_waits_for_no_call_and_for_every_agent(tmp_path: Path) -> None:
    """A start that would take all of its budget is given up, and what it started is gone."""
    with serve(tmp_path, {**STUCK, **NEVER, "SESSION_ANSWER_BUDGET": "60"}) as running:
        address = port(running)
        with Connection(address) as caller:
            caller.send(message())
            pid = agent(running)
            end(running)
            with until_refused(address):
                assert running.terminate() == 0
    assert not alive(pid)


def test_a_further_signal_waits_for_no_agent(tmp_path: Path) -> None:
    """One that has seconds left to end is killed, and its session is left to the next start."""
    with serve(tmp_path, STUBBORN) as running, Connection(port(running)) as caller:
        caller.send(message())
        pid = agent(running)
        assert caller.answer().status == 200
        end(running)
        while '"no"' not in running.until("agent.output"):
            pass
        assert running.terminate() == 0
    assert "service.sessions_left" in running.said
    eventually(lambda: not alive(pid))


def test_a_terminal_that_is_closed_ends_the_service_and_every_agent(tmp_path: Path) -> None:
    """A window, or a connection that is lost, comes as SIGHUP, of which a process dies unless it listens."""
    with serve(tmp_path, SLOW) as running, Connection(port(running)) as caller:
        caller.send(message())
        pid = agent(running)
        assert caller.answer().status == 200
        running.process.send_signal(signal.SIGHUP)
        assert running.process.wait(DEADLINE * 2) == 0
    assert not alive(pid)


def test_a_service_that_was_told_not_to_hear_of_it_outlives_its_terminal(tmp_path: Path) -> None:
    """By nohup, that is."""
    with command(tmp_path, "serve", PLENTY, before="nohup") as running:
        address = port(running)
        running.process.send_signal(signal.SIGHUP)
        with Connection(address) as probe:
            assert probe.ask("/livez").status == 200
        assert running.terminate() == 0


def test_a_log_that_nobody_reads_holds_up_neither_calls_nor_the_end(tmp_path: Path) -> None:
    """A paused terminal, or a collector that hangs: its pipe is full after some two hundred calls."""
    with serve(tmp_path, {}) as running, Connection(port(running)) as caller:
        for _ in range(1000):
            caller.send(message())
            assert caller.answer().status == 200
        end(running)
        assert running.process.wait(DEADLINE * 2) == 0


def test_a_callable_that_swallows_its_cancellation_does_not_keep_the_process(tmp_path: Path) -> None:
    """It is named in the log, and the process is gone within seconds, with exit code 0."""
    (tmp_path / "stuck_agent.py").write_text(
        "import asyncio\n"
        "async def run(spec):\n"
        "    while True:\n"
        "        try:\n"
        "            await asyncio.sleep(3600)\n"
        "        except asyncio.CancelledError:\n"
        "            pass\n"
    )
    python = {"SESSION_LAUNCHER": "python", "SESSION_PYTHON_CALLABLE": "stuck_agent:run"}
    with serve(tmp_path, python) as running, Connection(port(running)) as caller:
        caller.send(message())
        assert caller.answer().status == 200
        end(running)
        assert "agent.stuck" in running.until("agent.stuck")
        assert running.until("service.task_left")
        assert running.process.wait(DEADLINE * 2) == 0


def test_two_services_of_one_machine_need_no_setting_for_the_operator_s_port(tmp_path: Path) -> None:
    """The second one says that it goes without."""
    plain = {**PLENTY, "SESSION_OPS_PORT": ""}
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError):  # whoever has it, it is taken
            stack.enter_context(socket.create_server(("127.0.0.1", 9090)))
        with command(tmp_path, "serve", plain) as running:
            assert "operator's port" in running.until("service.warning")
            assert port(running)
