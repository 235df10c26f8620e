"""The convoai launcher over a stand-in that enforces what Agora documents: starting, finding and ending agents."""

import asyncio
from collections.abc import Iterator, Sequence

import pytest

from session_service.agents.contract import AgentRef, AgentState, Launcher
from session_service.agents.convoai import ConvoAiLauncher
from session_service.errors import AgentRefused, AgentUnavailable
from tests.agents.conftest import Exits, Run
from tests.agents.convoai import CUSTOMER, IDLE, Hosted
from tests.agents.specs import PREFIX, SESSION, agent_spec
from tests.agents.starts import SHORTLY, given_up, started
from tests.agents.test_launcher_contract import LauncherContract
from tests.standins.convoai import PAGE
from tests.standins.faults import Fault, Late, answers, malformed, never_answers, refuses, resets, times_out

pytestmark = pytest.mark.real


@pytest.fixture
def hosted() -> Iterator[Hosted]:
    """The stand-in, which wants tokens."""
    with Hosted() as running:
        yield running


class TestConvoAiLauncher(LauncherContract):
    """Agora's API, with either kind of authentication."""

    @pytest.fixture(params=[None, CUSTOMER], ids=["token", "basic"])
    def launcher(self, exits: Exits, run: Run, request: pytest.FixtureRequest) -> Iterator[Launcher]:
        """Agents at the stand-in, whose every refusal would be a rule that the launcher breaks."""
        with Hosted(customer=request.param) as hosted:
            made = hosted.launcher()
            yield made
            run(made.aclose())
            assert {refused.status for refused in hosted.api.refused} <= {404}


def test_the_agent_is_told_where_to_join_whom_to_hear_and_when_to_end(
    hosted: Hosted, launcher: ConvoAiLauncher, run: Run
) -> None:
    """The session's part of the body stands beside the customer's."""
    spec = agent_spec(f"{PREFIX}7")
    assert spec.encryption is not None
    run(started(launcher, f"{PREFIX}7"))
    (task,) = hosted.api.named(f"{PREFIX}7")
    properties = task.body["properties"]
    assert (properties["remote_rtc_uids"], properties["idle_timeout"]) == (["1"], IDLE)
    assert properties["labels"] == {"team": "support", "session_id": f"{PREFIX}7"}
    assert properties["rtc"] == {
        "encryption_mode": 8,
        "encryption_key": spec.encryption.key,
        "encryption_salt": spec.encryption.salt,
    }


@pytest.mark.parametrize("status", ["IDLE", "STARTING", "RUNNING", "STOPPING", "RECOVERING"])
def test_an_agent_runs_in_every_status_that_is_not_an_end(
    hosted: Hosted, launcher: ConvoAiLauncher, run: Run, status: str
) -> None:
    """One that is stopping is still billed."""
    ref = run(started(launcher))
    hosted.api.named(SESSION)[0].status = status
    assert run(launcher.poll(ref)) == AgentState("running")


@pytest.mark.parametrize(("status", "code"), [("STOPPED", 0), ("FAILED", 1)])
def test_an_end_has_an_exit_code(hosted: Hosted, launcher: ConvoAiLauncher, run: Run, status: str, code: int) -> None:
    """0 for an end in order, 1 for a failure."""
    ref = run(started(launcher))
    hosted.api.named(SESSION)[0].status = status
    assert run(launcher.poll(ref)) == AgentState("exited", code)


def test_an_agent_that_agora_forgot_is_unknown_and_its_stop_is_done(
    hosted: Hosted, launcher: ConvoAiLauncher, run: Run
) -> None:
    """404 is an answer, not a failure."""
    ref = run(started(launcher))
    hosted.api.tasks.clear()
    assert run(launcher.poll(ref)).kind == "unknown"
    run(launcher.stop(ref))


def test_a_stop_returns_when_the_end_has_come(hosted: Hosted, launcher: ConvoAiLauncher, run: Run) -> None:
    """Leaving is asynchronous since v2.3: the answer to it says nothing."""
    ref = run(started(launcher))
    hosted.api.stop_takes = 4
    run(launcher.stop(ref))
    assert hosted.api.named(SESSION)[0].status == "STOPPED"
    assert hosted.api.made("leave") == 1


def test_a_stop_whose_end_does_not_come_says_so(hosted: Hosted, run: Run) -> None:
    """The agent may still be billed: somebody has to know."""
    launcher = hosted.launcher(patience=SHORTLY)
    ref = run(started(launcher))
    hosted.api.stop_takes = 10**6
    with pytest.raises(AgentUnavailable, match="did not end the agent in time"):
        run(launcher.stop(ref))
    run(launcher.aclose())


def test_a_stop_tries_again_what_agora_cannot_answer_now(hosted: Hosted, launcher: ConvoAiLauncher, run: Run) -> None:
    """Nobody else would end the agent."""
    ref = run(started(launcher))
    hosted.api.plays("leave", resets, refuses(500, "InternalError"), refuses(503, "ServiceUnavailable"))
    hosted.api.plays("query", malformed)
    run(launcher.stop(ref))
    assert hosted.api.alive == []


def test_a_name_that_is_taken_in_this_sessions_channel_is_this_sessions_agent(
    hosted: Hosted, launcher: ConvoAiLauncher, run: Run
) -> None:
    """409 TaskConflict: an earlier try, whose answer said 504, did start it."""
    hosted.api.plays("join", times_out)
    ref = run(started(launcher))
    (task,) = hosted.api.alive
    assert (ref.data, hosted.api.made("join")) == ({"agent_id": task.agent_id}, 2)


def test_a_name_that_is_taken_in_another_channel_is_refused(
    hosted: Hosted, launcher: ConvoAiLauncher, run: Run
) -> None:
    """Somebody else's agent is neither adopted nor ended."""
    run(started(launcher))
    hosted.api.named(SESSION)[0].body["properties"]["channel"] = "of-somebody-else"
    with pytest.raises(AgentRefused, match="another channel"):
        run(started(launcher))
    run(launcher.stop(AgentRef("convoai", SESSION)))
    assert len(hosted.api.alive) == 1


@pytest.mark.parametrize("fault", [resets, malformed, answers({"agent_id": "../../x"}), answers({})])
def test_an_agent_whose_answer_was_lost_is_stopped_by_its_name(
    hosted: Hosted, launcher: ConvoAiLauncher, run: Run, fault: Fault
) -> None:
    """It was started; nobody heard its id, or none that can be used."""
    hosted.api.plays("join", fault)
    with pytest.raises(AgentUnavailable):
        run(started(launcher))
    assert len(hosted.api.alive) == 1
    run(launcher.stop(AgentRef("convoai", SESSION)))
    assert hosted.api.alive == []


def test_an_agent_under_another_id_than_was_answered_is_stopped_by_its_name(
    hosted: Hosted, launcher: ConvoAiLauncher, run: Run
) -> None:
    """Where Agora knows nothing of the id, the channel is searched."""
    hosted.api.plays("join", answers({"agent_id": "A42XX9999", "status": "RUNNING"}))
    ref = run(started(launcher))
    run(launcher.stop(ref))
    assert hosted.api.alive == []


def test_no_answer_by_the_deadline_is_unavailable_and_the_agent_stoppable(
    hosted: Hosted, launcher: ConvoAiLauncher, run: Run
) -> None:
    """The deadline bounds the whole start."""
    hosted.api.plays("join", never_answers)
    run(given_up(launcher))
    run(launcher.stop(AgentRef("convoai", SESSION)))
    assert hosted.api.alive == []


def test_an_agent_that_appears_after_its_start_was_given_up_is_stopped(
    hosted: Hosted, launcher: ConvoAiLauncher, run: Run
) -> None:
    """The caller hung up while Agora was still at work: the stop goes on looking."""
    late = Late()
    hosted.api.plays("join", late)

    async def main() -> None:
        start = asyncio.create_task(started(launcher))
        await hosted.api.arrived.first("join")
        start.cancel()
        stop = asyncio.create_task(launcher.stop(AgentRef("convoai", SESSION)))
        await hosted.api.arrived.first("list")
        late.release()
        await stop

    run(main())
    assert [task.status for task in hosted.api.named(SESSION)] == ["STOPPED"]


def test_a_restarted_service_finds_and_ends_what_runs(hosted: Hosted, launcher: ConvoAiLauncher, run: Run) -> None:
    """Every page, whatever the age that an agent can have, and no name that is not ours."""
    hosted.api.quota = 2 * PAGE + 2
    for number in range(2 * PAGE + 1):
        run(started(launcher, f"{PREFIX}{number}"))
    run(started(launcher, "other"))
    hosted.api.now += 20 * 3600
    later = hosted.launcher()
    found = run(later.list(PREFIX))
    assert {ref.name for ref in found} == {f"{PREFIX}{number}" for number in range(2 * PAGE + 1)}
    run(stop_all(later, found))
    assert [task.name for task in hosted.api.alive] == ["other"]
    run(later.aclose())


async def stop_all(launcher: ConvoAiLauncher, refs: Sequence[AgentRef]) -> None:
    """End them at the same time."""
    await asyncio.gather(*map(launcher.stop, refs))
