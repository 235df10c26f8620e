"""Agora's notifications and the real service as a process: what nobody signed, what comes late or twice."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx2
import pytest

from tests.contract.telling import EMPTIED, JOINED, LEFT, RTC, body, signature, user
from tests.test_main_job import ENVIRONMENT, Served
from tests.waiting import PATIENCE, eventually

pytestmark = pytest.mark.real

SECRET, STALE = b"webhook-secret-of-today-7Qx", b"webhook-secret-of-last-year"
TESTER, STRANGER = 1, 99


class Call:
    """A session of a running service, and Agora, which tells of it."""

    def __init__(self, served: Served) -> None:
        self.served = served
        self.channel = served.call().json()["agora_channel"]
        self.session_id = self.channel.removeprefix("cekura-")

    def sends(self, sent: bytes, secret: bytes = SECRET, *, signed: bytes | None = None) -> int:
        """One notification; `signed` is what the signature is of, where that is something else."""
        name, value = signature(sent if signed is None else signed, secret)
        with httpx2.Client(trust_env=False, timeout=PATIENCE) as client:
            url = f"http://127.0.0.1:{self.served.port}{RTC}"
            return client.post(url, content=sent, headers={name.decode(): value.decode()}).status_code

    def about(self, event: int, sequence: int, notice: str, *, reason: int = 1, uid: int = TESTER) -> bytes:
        """What Agora says of somebody in the session's channel, now."""
        return body(event, user(self.channel, uid, sequence, reason, int(time.time())), notice)

    def shown(self) -> Mapping[str, object]:
        """The session, as the operator sees it."""
        port = self.served.first("service.listening")["ops_port"]
        with httpx2.Client(trust_env=False, timeout=PATIENCE) as client:
            found: Mapping[str, object] = client.get(f"http://127.0.0.1:{port}/sessions/{self.session_id}").json()
        return found

    def until(self, key: str) -> object:
        """What the operator sees under `key`, once there is something."""
        eventually(lambda: self.shown()[key] is not None, f"{key} does not come")
        return self.shown()[key]


@pytest.fixture
def call(tmp_path: Path) -> Iterator[Call]:
    """A session that waits for its tester."""
    environment = {
        **ENVIRONMENT,
        "PATH": os.environ["PATH"],
        "SESSION_OPS_PORT": "0",
        "SESSION_STORE": f"sqlite:{tmp_path / 'sessions.db'}",
        "SESSION_RTC_WEBHOOK_SECRET": SECRET.decode(),
        "SESSION_AUTH_FAILURES": "1000",
    }
    command = [sys.executable, "-m", "session_service", "serve"]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield Call(Served(process))
        finally:
            process.terminate()
            process.wait(PATIENCE)


def test_what_was_forged_or_signed_with_a_stale_secret_changes_nothing(call: Call) -> None:
    """A signature of other bytes, of last year, or of nothing: refused, and the session goes on."""
    leaves = call.about(LEFT, 9, "n-1")
    assert call.sends(leaves, STALE) == 401
    assert call.sends(leaves, signed=leaves + b" ") == 401
    assert call.sends(leaves, signed=call.about(JOINED, 9, "n-1")) == 401
    assert call.sends(call.about(JOINED, 1, "n-2")) == 200
    call.until("joined_at")
    assert (call.shown()["state"], call.shown()["left_at"]) == ("running", None)


def test_news_that_comes_late_does_not_undo_newer_news(call: Call) -> None:
    """The loss that came before the return arrives after it: nobody has left, and a channel was not empty since."""
    emptied = body(EMPTIED, {"channelName": call.channel, "ts": int(time.time()) - 30, "lastUid": TESTER}, "n-0")
    assert call.sends(call.about(JOINED, 7, "n-3")) == 200
    call.until("joined_at")
    assert call.sends(call.about(LEFT, 6, "n-2", reason=10)) == 200
    assert call.sends(call.about(LEFT, 5, "n-1")) == 200
    assert call.sends(emptied) == 200
    assert call.sends(call.about(JOINED, 8, "n-4", uid=STRANGER)) == 200
    assert (call.shown()["state"], call.shown()["left_at"]) == ("running", None)


def test_what_comes_twice_counts_once(call: Call) -> None:
    """Agora repeats what it thinks was lost: one end, and each repetition is taken."""
    assert call.sends(call.about(JOINED, 1, "n-1")) == 200
    leaves = call.about(LEFT, 2, "n-2")
    assert [call.sends(leaves) for _ in range(3)] == [200, 200, 200]
    assert call.until("reason") == "tester_left"
    call.until("ended_at")
    assert call.sends(leaves) == 200
    call.served.process.terminate()
    call.served.process.wait(PATIENCE)
    with pytest.raises(AssertionError, match="ended before"):
        call.served.until("nothing")
    assert len([line for line in call.served.log if line.get("event") == "session.ended"]) == 1
