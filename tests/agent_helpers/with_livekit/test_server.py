"""The example agent on a real livekit-server: it answers with what it read."""

import asyncio
import json
from pathlib import Path

import pytest

from tests.agent_helpers.jobs import claim
from tests.agent_helpers.with_livekit.livekit_server import livekit_server
from tests.agent_helpers.with_livekit.platform_side import call
from tests.agent_helpers.with_livekit.wire import running_worker, worker_environment

pytestmark = [pytest.mark.real, pytest.mark.timeout(1200)]

EXAMPLE = "livekit_agent.agent"
SPEAKING = "tests.agent_helpers.with_livekit.speaking_agent"
PROFILE = {"user_name": "Ada", "account_id": "ACC-12345"}
READ = "Scenario 123, run 456, Profile(user_name='Ada', account_id='ACC-12345'), {'tier': 'gold'}."


async def answers(folder: Path) -> list[str]:
    """A voice test, a text test with one turn, and an ordinary call."""
    heard = []
    async with livekit_server(folder) as url, running_worker(EXAMPLE, worker_environment(url)):
        async with call(url, "voice", json.dumps(claim(test_profile_data=PROFILE)), '{"tier": "gold"}') as (caller, _):
            heard.append(await caller.hears())
        test = claim(test_profile_data={"main_agent_variables": PROFILE}, text_mode=True)
        async with call(url, "text", json.dumps(test), '{"tier": "gold"}') as (caller, _):
            heard.append(await caller.hears())
            await caller.writes("What is my balance?")
            heard.append(await caller.hears())
        async with call(url, "ordinary", "", '{"tier": "gold"}') as (caller, _):
            heard.append(await caller.hears())
    return heard


def test_the_example_agent_answers_with_what_it_read(tmp_path: Path) -> None:
    """Room metadata and dispatch metadata, through the server, the worker and the job process."""
    greeting = f"Hello Ada. {READ}"
    assert asyncio.run(answers(tmp_path)) == [greeting, greeting, greeting, "Hello there. An ordinary call."]


async def written_turns(folder: Path) -> list[str]:
    """A text test of the agent with a voice: its greeting, and two turns."""
    test = json.dumps(claim(text_mode=True))
    async with (
        livekit_server(folder) as url,
        running_worker(SPEAKING, worker_environment(url)),
        call(url, "text", test, "") as (caller, _),
    ):
        heard = [await caller.hears()]
        for _turn in range(2):
            await caller.writes("Go on.")
            heard.append(await caller.hears())
    return heard


def test_in_text_mode_an_agent_with_a_voice_neither_listens_nor_speaks(tmp_path: Path) -> None:
    """Its models are there, and one argument of session.start keeps them idle."""
    assert asyncio.run(written_turns(tmp_path)) == ["Heard 0, said 0."] * 3
