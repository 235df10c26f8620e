"""The http launcher over a stand-in that verifies every request with the official library of Standard Webhooks."""

import asyncio
import time
from collections.abc import Iterator

import pytest

from session_service.agents import handover
from session_service.agents.contract import AgentRef, AgentState, Launcher
from session_service.agents.http import LATER_ASKS, HttpLauncher
from session_service.agents.outgoing import LONGEST_RETRY_AFTER
from session_service.errors import AgentRefused, AgentUnavailable, InvalidValue
from tests.agents.agent_servers import NEXT_SECRET, SECRET, HostedAgents
from tests.agents.conftest import Exits, Run
from tests.agents.specs import PREFIX, SESSION, agent_spec
from tests.agents.starts import given_up, started
from tests.agents.test_launcher_contract import LauncherContract
from tests.standins.faults import (
    Fault,
    Late,
    answers,
    floods,
    malformed,
    never_answers,
    redirects,
    refuses,
    resets,
    sets_a_cookie,
)

pytestmark = pytest.mark.real


@pytest.fixture
def hosted() -> Iterator[HostedAgents]:
    """The stand-in."""
    with HostedAgents() as running:
        yield running


class TestHttpLauncher(LauncherContract):
    """A customer's agent server; with one secret, and in the middle of a rotation."""

    @pytest.fixture(params=[(SECRET,), (NEXT_SECRET, SECRET)], ids=["one-secret", "rotation"])
    def launcher(self, exits: Exits, run: Run, request: pytest.FixtureRequest) -> Iterator[Launcher]:
        """Agents at the stand-in, whose every refusal but 404 would be a rule that the launcher breaks."""
        with HostedAgents() as hosted:
            made = hosted.launcher(*request.param)
            yield made
            run(made.aclose())
            assert {refused.status for refused in hosted.api.refused} <= {404}


def test_the_agent_is_handed_what_a_process_would_be(hosted: HostedAgents, launcher: HttpLauncher, run: Run) -> None:
    """The same JSON, to the letter."""
    run(started(launcher, f"{PREFIX}7"))
    assert handover.write(hosted.api.running[f"{PREFIX}7"]) == handover.write(agent_spec(f"{PREFIX}7"))


def test_every_secret_signs_while_they_are_changed(hosted: HostedAgents, run: Run) -> None:
    """A server that knows either of the two is content."""
    launcher = hosted.launcher(NEXT_SECRET, SECRET)
    run(started(launcher))
    run(launcher.aclose())
    (signatures,) = hosted.api.signatures
    assert len(signatures.split(" ")) == 2


def test_a_cookie_is_not_sent_back(hosted: HostedAgents, launcher: HttpLauncher, run: Run) -> None:
    """What a server says in one session is not told in another."""
    hosted.api.plays("start", sets_a_cookie)
    run(started(launcher, f"{PREFIX}7"))
    run(started(launcher, f"{PREFIX}8"))
    assert hosted.api.refused == []


def test_a_wrong_secret_is_refused_with_the_status_alone(hosted: HostedAgents, run: Run) -> None:
    """What the server says beside it stays where it is."""
    launcher = hosted.launcher(NEXT_SECRET)
    with pytest.raises(AgentRefused, match=r"^The agent server answered 401 to start\.$"):
        run(started(launcher))
    run(launcher.aclose())


@pytest.mark.parametrize("shift", [-301, 400])  # what comes from the future grows older on its way
def test_a_request_of_another_time_is_refused(hosted: HostedAgents, run: Run, shift: int) -> None:
    """Five minutes either way is what the specification's libraries allow."""
    launcher = hosted.launcher(clock=lambda: time.time() + shift)
    with pytest.raises(AgentRefused, match="401"):
        run(started(launcher))
    run(launcher.aclose())


def test_every_request_has_an_id_of_its_own(hosted: HostedAgents, run: Run) -> None:
    """Entropy that repeats itself is found out by a server that remembers ids."""
    launcher = hosted.launcher(random=bytes)
    ref = run(started(launcher))
    run(launcher.poll(ref))
    with pytest.raises(AgentRefused, match="401"):
        run(launcher.poll(ref))
    run(launcher.aclose())


def test_an_agent_of_that_session_that_runs_already_is_accepted(
    hosted: HostedAgents, launcher: HttpLauncher, run: Run
) -> None:
    """409 is an earlier try, whose answer was lost."""
    run(started(launcher))
    assert run(started(launcher)) == AgentRef("http", SESSION)
    assert [refused.status for refused in hosted.api.refused] == [409]


@pytest.mark.parametrize("code", [0, 1, -9])
def test_an_end_has_the_exit_code_that_the_server_tells(
    hosted: HostedAgents, launcher: HttpLauncher, run: Run, code: int
) -> None:
    """A negative one is a signal, as with processes."""
    ref = run(started(launcher))
    hosted.api.exits(SESSION, code)
    assert run(launcher.poll(ref)) == AgentState("exited", code)
    assert run(launcher.list("")) == []


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 422])
def test_what_no_other_try_would_mend_is_refused(
    hosted: HostedAgents, launcher: HttpLauncher, run: Run, status: int
) -> None:
    """404 as well: nothing is served at that URL."""
    hosted.api.plays("start", refuses(status, "Sentinel", "sentinel of free text"))
    with pytest.raises(AgentRefused) as caught:
        run(started(launcher))
    assert str(caught.value) == f"The agent server answered {status} to start."


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_what_may_pass_is_unavailable(hosted: HostedAgents, launcher: HttpLauncher, run: Run, status: int) -> None:
    """Another try, later, may end otherwise."""
    hosted.api.plays("start", refuses(status, "Busy"))
    with pytest.raises(AgentUnavailable, match=f"answered {status} to start"):
        run(started(launcher))


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("7", 7), ("0", 1), ("99999999", LONGEST_RETRY_AFTER), ("9" * 30, 5), ("soon", 5), (None, 5)],
)
def test_when_to_try_again_is_taken_over_within_bounds(
    hosted: HostedAgents, launcher: HttpLauncher, run: Run, header: str | None, seconds: int
) -> None:
    """Five seconds where the server says nothing that can be read."""
    hosted.api.plays("start", refuses(503, "Busy", retry_after=header))
    with pytest.raises(AgentUnavailable) as caught:
        run(started(launcher))
    assert caught.value.retry_after == seconds


def test_a_redirect_names_the_setting_and_is_not_followed(
    hosted: HostedAgents, launcher: HttpLauncher, run: Run
) -> None:
    """It would take the token and the key elsewhere."""
    with HostedAgents() as other:
        hosted.api.plays("start", redirects(other.url))
        with pytest.raises(AgentRefused, match="307 to start: correct SESSION_HTTP_URL"):
            run(started(launcher))
        assert other.api.calls == []


@pytest.mark.parametrize("fault", [resets, floods])
def test_an_agent_whose_answer_was_lost_is_stopped_by_its_name(
    hosted: HostedAgents, launcher: HttpLauncher, run: Run, fault: Fault
) -> None:
    """It was started; nobody heard that."""
    hosted.api.plays("start", fault)
    with pytest.raises(AgentUnavailable):
        run(started(launcher))
    assert list(hosted.api.running) == [SESSION]
    run(launcher.stop(AgentRef("http", SESSION)))
    assert hosted.api.running == {}


def test_no_answer_by_the_deadline_is_unavailable_and_the_agent_stoppable(
    hosted: HostedAgents, launcher: HttpLauncher, run: Run
) -> None:
    """The deadline bounds the whole start."""
    hosted.api.plays("start", never_answers)
    run(given_up(launcher))
    run(launcher.stop(AgentRef("http", SESSION)))
    assert hosted.api.running == {}


def test_a_start_that_arrives_after_its_stop_starts_nothing(
    hosted: HostedAgents, launcher: HttpLauncher, run: Run
) -> None:
    """The server keeps the documented rule: what was stopped is never started."""
    late = Late()
    hosted.api.plays("start", late)

    async def main() -> None:
        start = asyncio.create_task(started(launcher))
        await hosted.api.arrived.first("start")
        await launcher.stop(AgentRef("http", SESSION))
        late.release()
        with pytest.raises(AgentRefused, match="410"):
            await start

    run(main())
    assert hosted.api.running == {}


def test_an_agent_that_is_started_after_its_stop_is_stopped_as_well(hosted: HostedAgents, run: Run) -> None:
    """The server breaks that rule: it was at work on a start that was given up, and knew no such agent until then."""
    late, launcher = Late(), hosted.launcher(later_asks=LATER_ASKS)
    hosted.api.plays("start", late)
    hosted.api.remembers = False

    async def main() -> None:
        start = asyncio.create_task(started(launcher))
        await hosted.api.arrived.first("start")
        start.cancel()
        stop = asyncio.create_task(launcher.stop(AgentRef("http", SESSION)))
        await hosted.api.arrived.first("stop")
        late.release()
        await stop
        await launcher.aclose()

    run(main())
    assert (len(late.done), hosted.api.running) == (1, {})


@pytest.mark.parametrize("verb", ["stop", "poll", "list"])
def test_a_server_that_fails_is_told_and_tried_again_by_whoever_asked(
    hosted: HostedAgents, launcher: HttpLauncher, run: Run, verb: str
) -> None:
    """A failed stop is not an end, and a failed list is not an empty one."""
    ref = run(started(launcher))
    hosted.api.plays(verb, refuses(503, "Busy"))
    asked = {"stop": launcher.stop, "poll": launcher.poll}.get(verb)
    with pytest.raises(AgentUnavailable, match=f"503 to {verb}"):
        run(asked(ref) if asked else launcher.list(""))
    run(launcher.stop(ref))
    assert hosted.api.running == {}


@pytest.mark.parametrize(
    "fault",
    [malformed, answers([]), answers({"status": "sentinel"}), answers({"status": "exited", "code": True}), floods],
)
def test_a_state_that_cannot_be_read_is_unavailable(
    hosted: HostedAgents, launcher: HttpLauncher, run: Run, fault: Fault
) -> None:
    """It says neither that the agent runs nor that it has ended."""
    ref = run(started(launcher))
    hosted.api.plays("poll", fault)
    with pytest.raises(AgentUnavailable, match="poll") as caught:
        run(launcher.poll(ref))
    assert "sentinel" not in str(caught.value)


@pytest.mark.parametrize("agents", [None, "s-1", [1], ["../other"], [""], [{"session_id": "s-1"}]])
def test_a_list_that_cannot_be_read_is_unavailable(
    hosted: HostedAgents, launcher: HttpLauncher, run: Run, agents: object
) -> None:
    """A name from it may stand in a path later."""
    hosted.api.plays("list", answers({"agents": agents}))
    with pytest.raises(AgentUnavailable, match="list"):
        run(launcher.list(""))


def test_a_list_that_ignores_the_prefix_is_cut_to_it(hosted: HostedAgents, launcher: HttpLauncher, run: Run) -> None:
    """Other deployments' agents are not ours to end."""
    hosted.api.plays("list", answers({"agents": ["a-1", "b-1"]}))
    assert [ref.name for ref in run(launcher.list("a-"))] == ["a-1"]


@pytest.mark.parametrize("status", [404, 405, 501])
def test_a_server_need_not_list(hosted: HostedAgents, launcher: HttpLauncher, run: Run, status: int) -> None:
    """Then nothing is found, and nothing breaks."""
    hosted.api.plays("list", refuses(status, "Absent"))
    assert run(launcher.list("")) == []


def test_a_server_without_the_route_need_not_list(run: Run) -> None:
    """What a framework answers by itself is good enough."""
    with HostedAgents(lists=False) as hosted:
        launcher = hosted.launcher()
        assert run(launcher.list("")) == []
        run(launcher.aclose())


def test_nobody_listening_is_unavailable(hosted: HostedAgents, run: Run) -> None:
    """Without the address, and without the system's words about it."""
    launcher = hosted.launcher(url="http://127.0.0.1:9/agents")
    with pytest.raises(AgentUnavailable, match=r"^The agent server did not answer to start: ConnectError\.$") as caught:
        run(started(launcher))
    assert caught.value.__cause__ is None
    run(launcher.aclose())


@pytest.mark.usefixtures("proxied")
def test_no_proxy_is_taken_from_the_environment(hosted: HostedAgents, launcher: HttpLauncher, run: Run) -> None:
    """Whoever sets one for other programs does not get our sessions."""
    run(started(launcher))


@pytest.mark.parametrize("url", ["http://agents.example/", "https://user:pw@agents.example/", "https://a.example/?b=c"])
def test_sessions_are_sent_only_where_they_are_safe(hosted: HostedAgents, url: str) -> None:
    """https, or this machine."""
    with pytest.raises(InvalidValue, match="base URL"):
        hosted.launcher(url=url)
