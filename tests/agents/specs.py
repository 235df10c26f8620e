"""Sessions for tests of launchers: real seats of a made-up Agora project, with every secret that a session can have."""

import hashlib
import secrets
import time
from collections.abc import Callable
from typing import Literal

from session_service.agents.contract import AgentSpec, Report
from session_service.agora.encryption import MODES
from session_service.agora.identifiers import Project
from session_service.agora.transport import AgoraTransport

PREFIX = f"s-{secrets.token_hex(4)}-"
"""Of every session id here, and of this test process alone: agents of a session are found on the whole machine."""
SESSION = f"{PREFIX}1"
HALF_AN_HOUR = 1800
"""Seconds for which the tokens stay the same, so that a test can look for those that an agent was handed before."""
PROJECT = Project("970CA35de60c44645bbae8a215061b33", "5CFd2fd1755d40ecb72977518be15d3b")


def entropy(session_id: str) -> bytes:
    """Bytes that look random and are the same for the same session."""
    return hashlib.shake_256(session_id.encode()).digest(AgoraTransport.ENTROPY)


def counted_entropy() -> Callable[[int], bytes]:
    """Random-looking bytes, never the same twice."""
    calls = iter(range(10**9))
    return lambda size: entropy(f"call {next(calls)}")[:size]


def agent_spec(
    session_id: str = SESSION, *, version: Literal["006", "007"] = "007", lifetime: int = 3600, now: float | None = None
) -> AgentSpec:
    """What the agent of a session is told, minted as the service mints it; asked again at once, the very same."""
    transport = AgoraTransport(
        PROJECT,
        prefix="cekura-",
        join_uid=1,
        agent_uid=None,
        lifetime=lifetime,
        token_version=version,
        encryption=MODES["aes_256_gcm2"],
        master_key=None,
    )
    instant = int(time.time() // HALF_AN_HOUR * HALF_AN_HOUR if now is None else now)
    details, encryption = transport.join(session_id, instant, entropy(session_id))
    seat = transport.seat(details.agora_channel, instant, entropy(session_id))
    report = Report(
        f"http://127.0.0.1:1/agent/v1/sessions/{session_id}/events", "report-" + entropy(session_id).hex()[:40]
    )
    return AgentSpec(session_id, seat, encryption, {"scenario": "greets"}, report)
