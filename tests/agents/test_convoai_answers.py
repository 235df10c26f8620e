"""What the convoai launcher makes of Agora's answers: which it tries again, which it gives up on, and what it says."""

import asyncio
from collections.abc import Iterator

import pytest

from session_service.agents.contract import AgentRef
from session_service.agents.convoai import ConvoAiLauncher
from session_service.errors import AgentRefused, AgentUnavailable
from tests.agents.conftest import Run
from tests.agents.convoai import Hosted
from tests.agents.specs import PREFIX, SESSION, agent_spec
from tests.agents.starts import SHORTLY, started
from tests.ports import free_port
from tests.standins.faults import Fault, answers, malformed, redirects, refuses

pytestmark = pytest.mark.real

TOO_LONG = {"data": {"list": []}, "status": "RUNNING", "name": SESSION, "padding": "x" * (1 << 21)}
"""Right in every other way, for whatever call."""


@pytest.fixture
def hosted() -> Iterator[Hosted]:
    """The stand-in, which wants tokens."""
    with Hosted() as running:
        yield running


async def start(launcher: ConvoAiLauncher, within: float = 60.0) -> AgentRef:
    """One start that may take so many seconds."""
    return await launcher.start(agent_spec(), asyncio.get_running_loop().time() + within)


@pytest.mark.parametrize(
    ("status", "reason"),
    [(429, "ResourceQuotaLimitExceeded"), (503, "ResourceAllocationFailed"), (504, "RequestTimeout")],
)
def test_an_answer_that_asks_for_patience_is_tried_again(
    hosted: Hosted, launcher: ConvoAiLauncher, run: Run, status: int, reason: str
) -> None:
    """As long as the deadline allows; nobody sees it."""
    hosted.api.plays("join", refuses(status, reason), refuses(status, reason))
    run(start(launcher))
    assert hosted.api.made("join") == 3


def test_agoras_own_pause_is_kept(hosted: Hosted, launcher: ConvoAiLauncher, run: Run) -> None:
    """Retry-After in whole seconds; anything else there is as if it were absent."""
    hosted.api.plays(
        "join", refuses(429, "Busy", retry_after="1"), refuses(429, "Busy", retry_after="Sat, 21 Nov 2026 12:00:00 GMT")
    )

    async def main() -> float:
        began = asyncio.get_running_loop().time()
        await start(launcher)
        return asyncio.get_running_loop().time() - began

    assert 1 <= run(main()) < 3


def test_a_pause_beyond_the_deadline_is_not_waited_for(hosted: Hosted, launcher: ConvoAiLauncher, run: Run) -> None:
    """The caller is told at once, and when to come back."""
    hosted.api.plays("join", refuses(429, "ConcurrencyLimitExceeded", retry_after="90"))
    with pytest.raises(AgentUnavailable, match="429 ConcurrencyLimitExceeded") as caught:
        run(start(launcher))
    assert (caught.value.retry_after, hosted.api.made("join")) == (90, 1)


def test_patience_ends_with_the_deadline(hosted: Hosted, launcher: ConvoAiLauncher, run: Run) -> None:
    """However often Agora asks for more."""
    hosted.api.plays("join", *[refuses(503, "ServiceUnavailable")] * 50)
    with pytest.raises(AgentUnavailable, match="in time") as caught:
        run(start(launcher, within=0.5))
    assert caught.value.retry_after is not None
    assert hosted.api.alive == []


@pytest.mark.parametrize(
    ("status", "reason"),
    [(400, "InvalidFieldValue"), (401, "Unauthorized"), (403, "ServiceNotEnabled"), (422, "QuotaExceeded")],
)
def test_what_no_other_try_would_mend_is_refused_with_agoras_reason(
    hosted: Hosted, launcher: ConvoAiLauncher, run: Run, status: int, reason: str
) -> None:
    """The reason is a stable word; the free text beside it may quote the request, and is told to nobody."""
    hosted.api.plays("join", refuses(status, reason, detail="sentinel of free text"))
    with pytest.raises(AgentRefused) as caught:
        run(start(launcher))
    assert str(caught.value) == f"Agora answered {status} {reason} to join."
    assert hosted.api.made("join") == 1


@pytest.mark.parametrize("reason", ["sentinel with blanks", "sentinel/path", "s" * 65, ""])
def test_a_reason_that_is_no_word_is_not_told(hosted: Hosted, launcher: ConvoAiLauncher, run: Run, reason: str) -> None:
    """It could be anything."""
    hosted.api.plays("join", refuses(400, reason))
    with pytest.raises(AgentRefused, match=r"^Agora answered 400 to join\.$"):
        run(start(launcher))


@pytest.mark.parametrize("status", [500, 502])
def test_a_failure_of_agoras_is_unavailable(hosted: Hosted, launcher: ConvoAiLauncher, run: Run, status: int) -> None:
    """It may pass; when is not known."""
    hosted.api.plays("join", refuses(status, "InternalError"))
    with pytest.raises(AgentUnavailable, match=str(status)) as caught:
        run(start(launcher))
    assert caught.value.retry_after is not None


def test_a_start_that_was_refused_leaves_nothing_to_look_for(
    hosted: Hosted, launcher: ConvoAiLauncher, run: Run
) -> None:
    """Its stop takes one look, and no pause."""
    hosted.api.plays("join", refuses(400, "InvalidFieldValue"))
    with pytest.raises(AgentRefused):
        run(start(launcher))
    run(launcher.stop(AgentRef("convoai", SESSION)))
    assert hosted.api.made("list") == 1


def test_a_redirect_is_refused_and_not_followed(hosted: Hosted, launcher: ConvoAiLauncher, run: Run) -> None:
    """It would take the credentials and the template's keys elsewhere."""
    with Hosted() as other:
        hosted.api.plays("join", redirects(f"{other.url}/v2/projects/x/join"))
        with pytest.raises(AgentRefused, match="307"):
            run(start(launcher))
        assert other.api.calls == []


def test_nobody_listening_is_unavailable(hosted: Hosted, run: Run) -> None:
    """Without the address, and without the system's words about it."""
    launcher = hosted.launcher(url=f"http://127.0.0.1:{free_port()}/api")
    with pytest.raises(AgentUnavailable, match=r"^Agora did not answer to join: ConnectError\.$") as caught:
        run(start(launcher))
    assert caught.value.__cause__ is None
    run(launcher.aclose())


@pytest.mark.usefixtures("proxied")
def test_no_proxy_is_taken_from_the_environment(hosted: Hosted, launcher: ConvoAiLauncher, run: Run) -> None:
    """Whoever sets one for other programs does not get our credentials."""
    run(start(launcher))


@pytest.mark.parametrize("fault", [malformed, answers(TOO_LONG)], ids=["malformed", "too-long"])
@pytest.mark.parametrize("call", ["list", "query"])
def test_an_answer_that_cannot_be_read_is_unavailable(
    hosted: Hosted, launcher: ConvoAiLauncher, run: Run, call: str, fault: Fault
) -> None:
    """An unreadable list is not an empty one: that would say that nothing runs."""
    run(start(launcher))
    hosted.api.plays(call, fault)
    with pytest.raises(AgentUnavailable, match="cannot be read"):
        run(launcher.list(""))


def test_more_agents_than_agora_grants_are_unavailable(hosted: Hosted, launcher: ConvoAiLauncher, run: Run) -> None:
    """20 at once by default; the 21st may come when another has gone."""

    async def main() -> None:
        for number in range(20):
            await started(launcher, f"{PREFIX}{number}")
        with pytest.raises(AgentUnavailable):
            await launcher.start(agent_spec(f"{PREFIX}20"), asyncio.get_running_loop().time() + SHORTLY)

    run(main())
    assert len(hosted.api.alive) == 20


def test_an_answer_without_names_does_not_hide_a_sessions_agent(
    hosted: Hosted, launcher: ConvoAiLauncher, run: Run
) -> None:
    """Agora's SDK knows no name in the answer to a query; the channel is the session's own."""
    hosted.api.names_told = False
    run(start(launcher))
    run(launcher.stop(AgentRef("convoai", SESSION)))
    assert hosted.api.alive == []


def test_connections_can_be_closed_twice_and_used_again(hosted: Hosted, launcher: ConvoAiLauncher, run: Run) -> None:
    """Whoever closes need not know whether anything was ever sent."""
    run(launcher.aclose())
    run(start(launcher))
    run(launcher.aclose())
    run(launcher.aclose())
    run(launcher.stop(AgentRef("convoai", SESSION)))
    assert hosted.api.alive == []
