"""The ten launcher over a stand-in with the shapes and the traps of a TEN agents server."""

import asyncio
from collections.abc import Iterator

import orjson
import pytest

from session_service.agents.contract import AgentRef, AgentState, Launcher
from session_service.agents.ten import TenLauncher
from session_service.agents.ten_body import read_template
from session_service.errors import AgentRefused, AgentUnavailable, InvalidValue, ServiceError
from tests.agents.agent_servers import LIFETIME, TEMPLATE, VENDOR_KEY, HostedTen
from tests.agents.conftest import Exits, Run
from tests.agents.specs import PREFIX, SESSION, agent_spec
from tests.agents.starts import SHORTLY, given_up, started
from tests.agents.test_launcher_contract import LauncherContract
from tests.standins.faults import Fault, Late, answers, malformed, never_answers, obeys, redirects, refuses, resets
from tests.standins.ten_server import fails

pytestmark = pytest.mark.real

GONE = AgentState("unknown")


@pytest.fixture
def hosted() -> Iterator[HostedTen]:
    """The stand-in."""
    with HostedTen() as running:
        yield running


class TestTenLauncher(LauncherContract):
    """A TEN server, with pings and without."""

    @pytest.fixture(params=[{}, {"timeout": 30}], ids=["lifetime", "pings"])
    def launcher(self, exits: Exits, run: Run, request: pytest.FixtureRequest) -> Iterator[Launcher]:
        """Workers at the stand-in, which knows none of another name and has nothing else to refuse."""
        with HostedTen() as hosted:
            made = hosted.launcher({**TEMPLATE, **request.param})
            yield made
            run(made.aclose())
            assert set(hosted.api.codes) <= {"0", "10002"}


def test_the_worker_is_told_where_to_join_and_whom_to_hear(hosted: HostedTen, launcher: TenLauncher, run: Run) -> None:
    """The session's part of the body stands beside the customer's."""
    spec = agent_spec(f"{PREFIX}7")
    run(started(launcher, f"{PREFIX}7"))
    body = dict(hosted.api.workers[spec.agora.channel].body)
    assert (body["user_uid"], body["bot_uid"], body["token"]) == (1, spec.agora.uid, spec.agora.token)
    assert (body["request_id"], body["graph_name"], body["timeout"]) == (f"{PREFIX}7", "voice_assistant", LIFETIME)
    assert body["properties"]["tts"] == {"params": {"key": VENDOR_KEY}}


def test_an_encrypted_channel_is_set_up_in_the_extension_that_joins(
    hosted: HostedTen, launcher: TenLauncher, run: Run
) -> None:
    """By the names of its manifest, beside what the customer set there."""
    spec = agent_spec()
    run(started(launcher))
    assert spec.encryption is not None
    assert hosted.api.workers[spec.agora.channel].body["properties"]["agora_rtc"] == {
        "subscribe_audio": True,
        "encryption_mode": 8,
        "encryption_key": spec.encryption.key,
        "encryption_salt": spec.encryption.salt,
    }


def test_an_agent_lives_as_long_as_the_longest_session_and_no_longer(
    hosted: HostedTen, launcher: TenLauncher, run: Run
) -> None:
    """The server's own default is a minute, and its own end is what is left if this process is."""
    ref = run(started(launcher))
    hosted.api.now = LIFETIME
    assert run(launcher.poll(ref)).kind == "running"
    hosted.api.now += 1
    assert run(launcher.poll(ref)) == GONE


def test_a_channel_that_has_a_worker_is_this_sessions_agent(hosted: HostedTen, launcher: TenLauncher, run: Run) -> None:
    """10003 is an earlier try: nobody else knows the channel."""
    run(started(launcher))
    assert run(started(launcher)) == AgentRef("ten", SESSION, channel=f"cekura-{SESSION}")
    assert hosted.api.codes == ["0", "10003"]


def test_a_full_server_is_unavailable_although_it_says_200(hosted: HostedTen, launcher: TenLauncher, run: Run) -> None:
    """And leaves nothing that a stop would wait for."""
    hosted.api.most = 0
    with pytest.raises(AgentUnavailable, match="code 10001 to start"):
        run(started(launcher))
    run(launcher.stop(AgentRef("ten", SESSION)))
    assert hosted.api.calls == ["start", "stop"]


MEANT = {
    "10000": AgentRefused,
    "10004": AgentRefused,
    "10100": AgentRefused,
    "10101": AgentUnavailable,
    "10001": AgentUnavailable,
}


@pytest.mark.parametrize("code", MEANT)
@pytest.mark.parametrize("status", [200, 400, 500])
def test_the_code_decides_whatever_the_status_says(
    hosted: HostedTen, launcher: TenLauncher, run: Run, code: str, status: int
) -> None:
    """Should the server ever send the status that it means, nothing changes."""
    hosted.api.plays("start", fails(code, status))
    with pytest.raises(MEANT[code], match=f"code {code} to start"):
        run(started(launcher))


def test_a_graph_that_the_server_does_not_know_is_refused(hosted: HostedTen, run: Run) -> None:
    """Somebody has to mend the template."""
    launcher = hosted.launcher({"graph_name": "sentinel"})
    with pytest.raises(AgentRefused, match=r"^The TEN server answered code 10100 to start\.$"):
        run(started(launcher))
    run(launcher.aclose())


@pytest.mark.parametrize("fault", [malformed, answers([]), answers({}), answers({"code": 0}), answers({"code": "0 "})])
def test_an_answer_without_a_code_is_no_success(
    hosted: HostedTen, launcher: TenLauncher, run: Run, fault: Fault
) -> None:
    """The status is 200 whatever happened."""
    hosted.api.plays("start", fault)
    with pytest.raises(AgentUnavailable, match="cannot be read"):
        run(started(launcher))
    run(launcher.stop(AgentRef("ten", SESSION)))
    assert hosted.channels == []


@pytest.mark.parametrize(("status", "error"), [(404, AgentRefused), (429, AgentUnavailable), (502, AgentUnavailable)])
def test_what_stands_in_between_is_judged_by_its_status(
    hosted: HostedTen, launcher: TenLauncher, run: Run, status: int, error: type[ServiceError]
) -> None:
    """A proxy knows no codes."""
    hosted.api.plays("start", refuses(status, "Sentinel"))
    with pytest.raises(error, match=f"answered {status} to start"):
        run(started(launcher))


def test_a_redirect_names_the_setting_and_is_not_followed(hosted: HostedTen, launcher: TenLauncher, run: Run) -> None:
    """It would take the token and the template's keys elsewhere."""
    with HostedTen() as other:
        hosted.api.plays("start", redirects(f"{other.url}/start"))
        with pytest.raises(AgentRefused, match="SESSION_TEN_URL"):
            run(started(launcher))
        assert other.api.calls == []


def test_an_agent_whose_answer_was_lost_is_stopped_by_its_channel(
    hosted: HostedTen, launcher: TenLauncher, run: Run
) -> None:
    """It was started; nobody heard that."""
    hosted.api.plays("start", resets)
    with pytest.raises(AgentUnavailable):
        run(started(launcher))
    assert hosted.channels == [f"cekura-{SESSION}"]
    run(launcher.stop(AgentRef("ten", SESSION)))
    assert hosted.channels == []


def test_a_slow_start_ends_with_its_deadline(hosted: HostedTen, launcher: TenLauncher, run: Run) -> None:
    """The server takes up to ten seconds, which is more than a caller waits."""
    hosted.api.plays("start", never_answers)
    run(given_up(launcher))


def test_an_agent_that_appears_after_its_start_was_given_up_is_stopped(
    hosted: HostedTen, launcher: TenLauncher, run: Run
) -> None:
    """The server goes on with a start whose caller has hung up, and knows the channel only then."""
    late = Late()
    hosted.api.plays("start", late)

    async def main() -> None:
        start = asyncio.create_task(started(launcher))
        await hosted.api.arrived.first("start")
        start.cancel()
        stop = asyncio.create_task(launcher.stop(AgentRef("ten", SESSION)))
        await hosted.api.arrived.first("stop")
        late.release()
        await stop

    run(main())
    assert hosted.api.codes[-1] == "0"
    assert hosted.channels == []


def test_a_start_that_never_happened_is_not_waited_for_longer_than_one_takes(hosted: HostedTen, run: Run) -> None:
    """Then nothing is there to stop."""
    hosted.api.plays("start", refuses(502, "BadGateway"))
    launcher = hosted.launcher(start_takes=SHORTLY)
    with pytest.raises(AgentUnavailable):
        run(started(launcher))
    run(launcher.stop(AgentRef("ten", SESSION)))
    run(launcher.aclose())
    assert set(hosted.api.codes) == {"10002"}


def test_a_worker_that_cannot_be_ended_is_told(hosted: HostedTen, launcher: TenLauncher, run: Run) -> None:
    """It is listed still: somebody has to look."""
    ref = run(started(launcher))
    hosted.api.plays("stop", fails("10102"))
    with pytest.raises(AgentUnavailable, match="code 10102 to stop"):
        run(launcher.stop(ref))


def test_a_stop_that_comes_second_is_done(hosted: HostedTen, launcher: TenLauncher, run: Run) -> None:
    """Its signals meet nobody, which the server calls a failure; the list knows better."""
    ref = run(started(launcher))
    hosted.api.workers.clear()
    hosted.api.plays("stop", fails("10102"))
    run(launcher.stop(ref))


@pytest.mark.parametrize("fault", [malformed, answers({"code": "0", "data": {}}), answers({"code": "0", "data": [{}]})])
def test_a_list_that_cannot_be_read_is_unavailable(
    hosted: HostedTen, launcher: TenLauncher, run: Run, fault: Fault
) -> None:
    """It is not an empty one: that would say that nothing runs."""
    ref = run(started(launcher))
    hosted.api.plays("list", fault)
    with pytest.raises(AgentUnavailable, match="list"):
        run(launcher.poll(ref))


def test_a_restarted_service_finds_and_ends_what_runs(hosted: HostedTen, launcher: TenLauncher, run: Run) -> None:
    """By the beginning of the channel, and nobody else's."""
    for name in (SESSION, f"{PREFIX}2"):
        run(started(launcher, name))
    hosted.api.workers["of-somebody-else"] = hosted.api.workers[f"cekura-{SESSION}"]
    later = hosted.launcher()
    found = run(later.list(PREFIX))
    for ref in found:
        run(later.stop(ref))
    run(later.aclose())
    assert hosted.channels == ["of-somebody-else"]


def test_agents_of_a_former_channel_prefix_are_found_by_their_sessions_ids(hosted: HostedTen, run: Run) -> None:
    """They stand at the end, and are all of the same length; a present prefix that begins like it hides none."""
    ours, theirs = "0a1b2c3d" + 24 * "7", "ffffffff" + 24 * "7"
    launcher = hosted.launcher()
    run(started(launcher, ours))
    for prefix in ("old-", "cekura-old-"):
        for name in (ours, theirs):
            hosted.api.workers[prefix + name] = hosted.api.workers[f"cekura-{ours}"]
    for ref in run(launcher.list("0a1b2c3d")):
        assert ref.name == ours
        run(launcher.stop(ref))
    run(launcher.aclose())
    assert hosted.channels == [f"old-{theirs}", f"cekura-old-{theirs}"]


def test_an_agent_with_a_short_timeout_is_pinged_until_it_is_gone(hosted: HostedTen, run: Run) -> None:
    """Through a failure of one ping, and not after the server has said that there is no such agent."""
    launcher = hosted.launcher(timeout=1)
    hosted.api.plays("ping", refuses(502, "BadGateway"), fails("10000"), obeys, obeys, fails("10002"))

    async def main() -> None:
        await started(launcher)
        await pings(hosted, 5)
        await launcher.aclose()

    run(main())
    assert hosted.api.calls == ["start", *["ping"] * 5]


async def pings(hosted: HostedTen, number: int) -> None:
    """Wait for so many of them."""
    while hosted.api.calls.count("ping") < number:
        await hosted.api.arrived.first("ping")
        hosted.api.arrived["ping"].clear()


def test_a_stopped_agent_is_pinged_no_more(hosted: HostedTen, run: Run) -> None:
    """Nothing of it is left in this process."""
    launcher = hosted.launcher(timeout=1)

    async def main() -> set[asyncio.Task[None]]:
        before = asyncio.all_tasks()
        ref = await started(launcher)
        await launcher.stop(ref)
        await launcher.aclose()
        return {task for task in asyncio.all_tasks() - before if not task.done()}

    assert run(main()) == set()


def test_a_restarted_service_pings_what_it_finds(hosted: HostedTen, launcher: TenLauncher, run: Run) -> None:
    """From its first look on; the agent would end in the middle of the call."""
    later = hosted.launcher(timeout=1)

    async def main() -> None:
        ref = await started(launcher)
        await later.poll(ref)
        await pings(hosted, 1)
        await later.aclose()

    run(main())
    assert hosted.channels == [f"cekura-{SESSION}"]


@pytest.mark.parametrize(
    ("template", "what"),
    [
        ([], "object"),
        ({}, "graph_name"),
        ({"graph_name": ""}, "graph_name"),
        ({"graph_name": 7}, "graph_name"),
        ({"graph_name": "g", "token": "sentinel"}, "the rest"),
        ({"graph_name": "g", "channel_name": "sentinel"}, "the rest"),
        ({"graph_name": "g", "properties": {"tts": "sentinel"}}, "properties"),
        ({"graph_name": "g", "properties": {"agora_rtc": {"encryption_key": "sentinel"}}}, "encryption_key"),
        ({"graph_name": "g", "timeout": -1}, "timeout"),
        ({"graph_name": "g", "timeout": True}, "timeout"),
        ({"graph_name": "g", "timeout": 14}, "timeout"),
    ],
)
def test_a_template_that_is_wrong_is_told_without_what_it_says(template: object, what: str) -> None:
    """It may hold the keys of vendors."""
    with pytest.raises(InvalidValue, match=what) as caught:
        read_template(orjson.dumps(template))
    assert "sentinel" not in str(caught.value)


def test_a_template_that_is_no_json_is_told_by_its_place() -> None:
    """Never by its text."""
    with pytest.raises(InvalidValue, match=r"line 1, column \d+") as caught:
        read_template(b'{"graph_name": sentinel}')
    assert "sentinel" not in str(caught.value)
