"""`session-service check --follow` and `--join`, as processes, on the real service with its process launcher."""

import contextlib
import json
import os
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.agents.programs import alive
from tests.check.services import LONGEST, Service, process, serving
from tests.check.test_command import silent, terminal
from tests.check.test_join import STAND_IN
from tests.commands import environment

pytestmark = pytest.mark.real

LEAVES = process("import sys; sys.stdin.read(); sys.exit(3)")
STAYS = process(
    "import os, sys, time; sys.stdin.read(); open(f'agent-{os.getpid()}', 'x').close(); time.sleep(600)",
)
TOKEN = "operators-token-of-this-service-1"
SPEAKS = {"PYTHONPATH": str(STAND_IN), "FAKE_AGORA": "speaks"}


def followed(done: "subprocess.CompletedProcess[str]") -> Mapping[str, Any]:
    """What the report says of G02."""
    found: Mapping[str, Any] = next(one for one in json.loads(done.stdout)["checks"] if one["id"] == "G02")
    return found


def states(service: Service, token: str = "") -> set[tuple[str, str]]:
    """State and reason of every session that the service knows."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    listed = httpx2.get(f"{service.ops}/sessions", headers=headers, trust_env=False, timeout=60).json()["sessions"]
    return {(one["state"], one["reason"]) for one in listed}


def agents(folder: Path) -> list[int]:
    """The process ids of the agents that were there."""
    return [int(file.name.removeprefix("agent-")) for file in folder.glob("agent-*")]


def test_an_agent_that_comes_and_goes_passes(tmp_path: Path) -> None:
    """With exit code 0, and the agent's own exit code in the note."""
    with serving(tmp_path, LEAVES) as service:
        done = service.check(f"--only G02 --follow --ops {service.ops} --strict --json -")
        assert ("ended", "agent_exited") in states(service)
    assert (done.returncode, followed(done)["outcome"]) == (0, "pass"), done.stderr
    assert followed(done)["reason"].endswith("reason agent_exited with exit code 3")


def test_an_agent_that_stays_is_told_and_ended(tmp_path: Path) -> None:
    """An info, which fails no run; neither session nor agent is left of it."""
    with serving(tmp_path, STAYS) as service:
        done = service.check(f"--only G02 --follow --ops {service.ops} --follow-seconds 1 --strict --json -")
        assert ("ended", "operator") in states(service)
    assert (done.returncode, followed(done)["outcome"]) == (0, "info"), done.stderr
    assert "Nobody joined, and the agent stayed for 1 seconds" in followed(done)["findings"][0]["what"]
    assert agents(tmp_path)
    assert not [pid for pid in agents(tmp_path) if alive(pid)]


def test_an_agent_that_does_not_start_is_not_followed(tmp_path: Path) -> None:
    """The endpoint itself says so, which is the finding of the first good call."""
    with serving(tmp_path, process("raise SystemExit(1)") | {"SESSION_PROCESS_READY": "line"}) as service:
        done = service.check(f"--only G02 --follow --ops {service.ops} --json -")
    assert (done.returncode, followed(done)["outcome"]) == (1, "skip")
    assert "R01 did not pass" in followed(done)["reason"]


def test_the_settings_say_where_the_operators_port_is_and_what_it_asks_for(tmp_path: Path) -> None:
    """As for `session-service sessions`; the token is shown nowhere."""
    with serving(tmp_path, {**LEAVES, "SESSION_OPS_TOKEN": TOKEN}) as service:
        port = service.ops.rpartition(":")[2]
        (tmp_path / "token").write_text(TOKEN)
        variables = {"SESSION_OPS_PORT": port, "SESSION_OPS_TOKEN_FILE": str(tmp_path / "token")}
        done = service.check("--only G02 --follow --json -", **variables)
        refused = service.check("--only G02 --follow --json -", SESSION_OPS_PORT=port)
        assert ("ended", "agent_exited") in states(service, TOKEN)
    assert (done.returncode, followed(done)["outcome"]) == (0, "pass"), done.stderr
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "SESSION_OPS_TOKEN" in refused.stderr
    assert TOKEN not in done.stdout + done.stderr + refused.stderr


CANNOT = {
    "nobody there": ("--follow --ops http://127.0.0.1:9", {}, "nothing answers on the operator's port"),
    "no such port": ("--follow", {"SESSION_OPS_PORT": "off"}, "SESSION_OPS_PORT names no port"),
    "no operator's port": ("--follow --ops URL", {}, "the operator's port answered 404"),
    "no port's URL": ("--follow --ops nowhere", {}, "not that of a session endpoint"),
    "a readable token": ("--follow --ops http://10.0.0.1", {"SESSION_OPS_TOKEN": TOKEN}, "travel readable"),
    "nobody to ask it": ("--ops URL", {}, "Give --follow as well"),
    "no SDK": ("--join", {**SPEAKS, "FAKE_AGORA": "missing"}, "pip install agora-python-server-sdk"),
}


@pytest.mark.parametrize("name", CANNOT)
def test_who_cannot_look_says_so_before_anything_is_sent(name: str, tmp_path: Path) -> None:
    """With exit code 2 and one sentence."""
    words, variables, sentence = CANNOT[name]
    with serving(tmp_path, LEAVES) as service:
        base = service.url.removesuffix("/cekura/v1/sessions")
        done = service.check(words.replace("URL", base), **variables)
        assert states(service) == set()
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert sentence in done.stderr
    assert done.stderr.count("\n") == 1


def test_joining_and_following_see_the_same_session(tmp_path: Path) -> None:
    """The tester first."""
    with serving(tmp_path, STAYS) as service:
        words = f"--only G02 --join --follow --ops {service.ops} --follow-seconds 1 --json -"
        done = service.check(words, **SPEAKS)
        assert ("ended", "operator") in states(service)
    assert (done.returncode, followed(done)["outcome"]) == (0, "info"), done.stderr
    assert "uid 4711 came and was heard" in followed(done)["reason"]
    assert "The tester had left, and the agent stayed" in followed(done)["findings"][0]["what"]


def test_a_tester_that_is_refused_fails_the_run(tmp_path: Path) -> None:
    """With exit code 1: the platform's would be, too."""
    with serving(tmp_path, {**LEAVES, "SESSION_JOIN_UID": "2"}) as service:
        done = service.check("--only G02 --join --join-uid 2 --json -", **{**SPEAKS, "FAKE_AGORA": "refuses"})
    assert (done.returncode, followed(done)["outcome"]) == (1, "fail"), done.stderr
    assert "error 110" in followed(done)["findings"][0]["what"]


def test_ctrl_c_ends_the_session_that_is_followed(tmp_path: Path) -> None:
    """So that no agent stays behind whoever has seen enough."""
    with serving(tmp_path, STAYS) as service:
        variables = environment({"SESSION_SECRET": service.secret})
        ours, its = os.openpty()
        words = service.words(f"--only G02 --follow --ops {service.ops} --follow-seconds 200")
        with subprocess.Popen(words, env=variables, stdin=its, stdout=its, stderr=its) as check:
            os.close(its)
            until(ours, b"waiting up to 200 s for its end")
            check.send_signal(signal.SIGINT)
            until(ours, b"never said")
            assert check.wait(LONGEST) == 130
        os.close(ours)
        assert ("ended", "operator") in states(service)
    assert not [pid for pid in agents(tmp_path) if alive(pid)]


def test_ctrl_c_before_the_run_is_no_failed_check(tmp_path: Path) -> None:
    """Exit code 130 also while the operator's port is asked whether it is there."""
    with serving(tmp_path, LEAVES) as service, silent() as (ops, asked):
        variables = environment({"SESSION_SECRET": service.secret})
        words = service.words(f"--follow --ops {ops}")
        with subprocess.Popen(words, env=variables, stderr=subprocess.PIPE, text=True) as check:
            assert asked.wait(LONGEST)
            check.send_signal(signal.SIGINT)
            _, said = check.communicate(timeout=LONGEST)
        assert states(service) == set()
    assert (check.returncode, said) == (130, "")


def until(file: int, words: bytes) -> None:
    """Read up to the words, or to the end of whoever writes."""
    said = b""
    with contextlib.suppress(OSError):  # what reading the last of a terminal raises once nobody writes
        while words not in said:
            said += os.read(file, 65536)


def test_a_person_is_told_how_far_it_has_come(tmp_path: Path) -> None:
    """On the line that says which check is made."""
    with serving(tmp_path, LEAVES) as service:
        variables = environment({"SESSION_SECRET": service.secret, "TERM": "xterm"})
        said = terminal(service.words(f"--only G02 --follow --ops {service.ops}"), variables)
    assert "a session was started; waiting for its agent" in said
