"""No secret of a session, of a signature or of a vendor reaches a log line or an error of http and ten."""

import traceback

import pytest

from session_service.agents.contract import AgentRef, Launcher
from session_service.errors import ServiceError
from tests.agents.agent_servers import NEXT_SECRET, SECRET, VENDOR_KEY, HostedAgents, HostedTen
from tests.agents.conftest import Events, Run
from tests.agents.specs import PREFIX, agent_spec
from tests.agents.starts import started
from tests.standins.faults import Fault, floods, malformed, redirects, refuses, resets
from tests.standins.playing import Playing

pytestmark = pytest.mark.real

NAMES = [f"{PREFIX}{number}" for number in range(7)]
KEYS = [SECRET, NEXT_SECRET, SECRET.removeprefix("whsec_"), VENDOR_KEY]


def secrets() -> list[str]:
    """All that must not be seen."""
    return [*KEYS, *(secret for name in NAMES for secret in agent_spec(name).secrets())]


def faults() -> list[Fault]:
    """What is answered to a start; two of the answers quote every secret."""
    quotes = " ".join(secrets())
    return [
        refuses(400, "Wrong", detail=quotes),
        refuses(503, quotes, retry_after="900"),
        redirects("http://127.0.0.1:9/elsewhere"),
        malformed,
        floods,
        resets,
    ]


async def live_through(api: Playing, launcher: Launcher) -> str:
    """A session for each fault and one without; what its errors say, with their tracebacks."""
    told = ""
    for name, fault in zip(NAMES, faults(), strict=False):
        api.plays("start", fault)
        try:
            await started(launcher, name)
        except ServiceError as error:
            told += "".join(traceback.format_exception(error))
        await launcher.stop(AgentRef(launcher.name, name))
    ref = await started(launcher, NAMES[-1])
    await launcher.poll(ref)
    await launcher.list("")
    await launcher.stop(ref)
    return told


def test_no_secret_is_seen_whatever_an_agent_server_answers(everything: Events, run: Run) -> None:
    """Neither in a record of anybody's, nor in an error and its traceback, nor in a repr."""
    with HostedAgents() as hosted:
        launcher = hosted.launcher(NEXT_SECRET, SECRET)
        told = run(live_through(hosted.api, launcher)) + repr(vars(launcher))
        run(launcher.aclose())
        assert hosted.api.running == {}
    seen = told + everything.all_text()
    assert "answered 400 to start" in seen
    assert not [secret for secret in secrets() if secret in seen]


def test_no_secret_is_seen_whatever_a_ten_server_answers(everything: Events, run: Run) -> None:
    """The template's keys are in the launcher, and in no repr of it."""
    with HostedTen() as hosted:
        launcher = hosted.launcher(start_takes=0)
        told = run(live_through(hosted.api, launcher)) + repr(vars(launcher))
        run(launcher.aclose())
        assert hosted.channels == []
    seen = told + everything.all_text()
    assert "answered 400 to start" in seen
    assert not [secret for secret in secrets() if secret in seen]
