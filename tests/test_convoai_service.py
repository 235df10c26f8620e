"""The service with an agent that Agora runs: from settings to a task at the stand-in, which ends with the service."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from session_service.agora import tokens
from tests.agents.convoai import TEMPLATE, VENDOR_KEY, Hosted
from tests.calling import call
from tests.commands import Command, command
from tests.settings.given import CERTIFICATE, RIGHT

pytestmark = pytest.mark.real

SLACK = 300
"""Seconds by which the stand-in, whose clock stands still, is ahead of the service."""


@pytest.fixture
def hosted() -> Iterator[Hosted]:
    """The stand-in for Agora's API."""
    with Hosted() as running:
        running.api.now += SLACK
        yield running


@pytest.fixture
def serve(hosted: Hosted, tmp_path: Path) -> Iterator[Command]:
    """The running service, with a template and a base URL of the test's."""
    (tmp_path / "template.json").write_text(json.dumps(TEMPLATE))
    environment = {
        **RIGHT,
        "SESSION_LAUNCHER": "convoai",
        "SESSION_CONVOAI_TEMPLATE": "template.json",
        "SESSION_CONVOAI_URL": hosted.url,
        "SESSION_CONVOAI_IDLE_TIMEOUT": "45",
        "SESSION_ENCRYPTION_MODE": "aes_256_gcm2",
    }
    with command(tmp_path, "serve", environment) as running:
        yield running


def test_a_call_puts_an_agent_of_agoras_into_the_testers_channel_and_the_end_takes_it_out(
    serve: Command, hosted: Hosted
) -> None:
    """One channel, one key, two tokens; when the service ends, nothing is billed any more."""
    details = call(serve)
    (task,) = hosted.api.alive
    properties = task.body["properties"]
    assert details["agora_channel"] == properties["channel"] == f"cekura-{task.name}"
    assert details["encryption_key"] == properties["rtc"]["encryption_key"]
    assert details["agora_token"] != properties["token"]
    assert properties["idle_timeout"] == 45
    assert tokens.read(properties["token"]).signature_valid(CERTIFICATE)
    assert serve.terminate() == 0
    assert hosted.api.alive == []
    assert VENDOR_KEY not in serve.said
