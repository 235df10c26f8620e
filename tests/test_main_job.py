"""The main job on real input: a call over a socket, a token that Agora's own code accepts, an agent that runs."""

import base64
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from session_service.agora import tokens
from tests.agents.programs import alive
from tests.interop.official import node

pytestmark = pytest.mark.real

SECRET = "main-job-0123456789-0123456789"
ENVIRONMENT = {
    "AGORA_APP_ID": "970CA35de60c44645bbae8a215061b33",
    "AGORA_APP_CERTIFICATE": "5CFd2fd1755d40ecb72977518be15d3b",
    "SESSION_CLIENT_ID": "acme",
    "SESSION_SECRET": SECRET,
    "SESSION_PORT": "0",
    "SESSION_OPS_PORT": "off",
    "SESSION_STORE": "memory",
    "SESSION_LAUNCHER": "process",
    "SESSION_PROCESS_COMMAND": f"{sys.executable} -m session_service.agents.demo",
    "SESSION_PROCESS_READY": "line",
    "SESSION_ENCRYPTION_MODE": "aes_256_gcm2",
    "PYTHONPATH": str(Path(__file__).parent.parent),
}


class Served:
    """A running `session-service serve`, its log line by line."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        self.log: list[dict[str, Any]] = []
        self.port: int = self.until("service.listening")["port"]
        self.url = f"http://127.0.0.1:{self.port}/cekura/v1/sessions"

    def until(self, event: str) -> dict[str, Any]:
        """Read the log up to the next event of this kind."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.log.append(json.loads(line))
            if self.log[-1].get("event") == event:
                return self.log[-1]
        raise AssertionError(f"the service ended before {event}: {self.log}")

    def first(self, event: str) -> dict[str, Any]:
        """The first event of this kind, which may have been read on the way to another."""
        return next((line for line in self.log if line.get("event") == event), None) or self.until(event)

    def call(self) -> httpx2.Response:
        """The platform's call."""
        with httpx2.Client(timeout=60, trust_env=False) as client:
            return client.post(self.url, headers={"X-Cekura-Secret": SECRET}, json={"client_id": "acme"})


@pytest.fixture
def served() -> Iterator[Served]:
    """The service with the demo agent, as a process of its own; ended by its own pid."""
    command = [sys.executable, "-m", "session_service", "serve"]
    environment = {**ENVIRONMENT, "PATH": os.environ["PATH"]}
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield Served(process)
        finally:
            process.terminate()
            process.wait(60)


@pytest.mark.timeout(900)  # the first to ask Node downloads its packages
def test_the_join_details_are_accepted_by_agoras_own_code(served: Served) -> None:
    """Its reader finds the tester's uid, the channel and the four privileges, and the signature valid."""
    details = served.call().json()
    token = tokens.read(details["agora_token"])
    privileges = dict.fromkeys((1, 2, 3, 4), token.lifetime)
    service = {"type": 1, "privileges": privileges, "channel": details["agora_channel"], "uid": 1}
    project = {"app_id": details["agora_app_id"], "certificate": ENVIRONMENT["AGORA_APP_CERTIFICATE"]}
    terms = {"issued_at": token.issued_at, "lifetime": token.lifetime, "salt": token.salt}
    with node() as ask:
        read = ask({"version": "007", **project, **terms, "services": [service], "token": details["agora_token"]})
    assert read["valid"]
    assert (read["app_id"], read["services"][0]["channel"]) == (details["agora_app_id"], details["agora_channel"])
    assert read["services"][0]["uid"] == "1"


def test_the_answer_has_exactly_the_contracts_fields(served: Served) -> None:
    """Encrypted: six fields, the salt of 32 bytes."""
    answer = served.call()
    assert answer.status_code == 200
    details = answer.json()
    assert list(details) == [
        "agora_app_id",
        "agora_channel",
        "agora_token",
        "encryption_mode",
        "encryption_key",
        "encryption_salt",
    ]
    assert details["encryption_mode"] == "aes_256_gcm2"
    assert len(base64.b64decode(details["encryption_salt"], validate=True)) == 32


def test_an_agent_runs_for_that_channel_until_the_service_is_told_to_end(served: Served) -> None:
    """Started before the answer, stopped with the service, recorded with its reason."""
    channel = served.call().json()["agora_channel"]
    call = served.until("call")
    started = next(line for line in served.log if line.get("event") == "agent.started")
    assert (call["channel"], call["session"]) == (channel, started["session"])
    assert alive(started["pid"])
    served.process.send_signal(signal.SIGTERM)
    assert served.until("session.ended")["reason"] == "shutdown"
    assert served.process.wait(60) == 0
    assert not alive(started["pid"])
