"""The service with a customer's agent server: from settings to an agent there, which ends with the service."""

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agents.agent_servers import NEXT_SECRET, SECRET, HostedAgents
from tests.calling import call
from tests.commands import Command, command
from tests.settings.given import RIGHT
from tests.standins.faults import never_answers

pytestmark = pytest.mark.real


@pytest.fixture
def hosted() -> Iterator[HostedAgents]:
    """The stand-in, which knows the older secret."""
    with HostedAgents() as running:
        yield running


@pytest.fixture
def serve(hosted: HostedAgents, tmp_path: Path) -> Iterator[Command]:
    """The running service, in the middle of a change of secrets."""
    environment = {
        **RIGHT,
        "SESSION_LAUNCHER": "http",
        "SESSION_HTTP_URL": hosted.url,
        "SESSION_HTTP_SECRETS": f"{NEXT_SECRET} {SECRET}",
        "SESSION_ENCRYPTION_MODE": "aes_256_gcm2",
    }
    with command(tmp_path, "serve", environment) as running:
        yield running


def test_a_call_starts_an_agent_for_the_testers_channel_and_the_end_of_the_service_ends_it(
    serve: Command, hosted: HostedAgents
) -> None:
    """One channel, one key, two tokens, and no secret in what the service says."""
    details = call(serve)
    (spec,) = hosted.api.running.values()
    assert spec.encryption is not None
    assert details["agora_channel"] == spec.agora.channel
    assert details["encryption_key"] == spec.encryption.key
    assert details["agora_token"] != spec.agora.token
    assert serve.terminate() == 0
    assert hosted.api.running == {}
    assert not [secret for secret in (SECRET, NEXT_SECRET, *spec.secrets()) if secret in serve.said]


def test_a_signal_while_an_agent_is_waited_for_leaves_it_and_says_so(serve: Command, hosted: HostedAgents) -> None:
    """The first one asks for its end, which does not come; the process is gone with exit code 0."""
    hosted.api.plays("stop", never_answers, never_answers)
    call(serve)
    serve.process.send_signal(signal.SIGTERM)
    assert hosted.api.arrived["stop"].wait(60)
    assert serve.terminate() == 0
    told = [json.loads(line) for line in serve.said.splitlines() if "service.sessions_left" in line]
    assert [one["count"] for one in told] == [1]
