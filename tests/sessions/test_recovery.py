"""What a restarted service does with what the last one left: two `Sessions` on one store stand for the two."""

import asyncio
import logging
from collections.abc import Coroutine, Sequence
from dataclasses import replace
from typing import Any

import pytest

from session_service.agents.contract import UNKNOWN, AgentRef, AgentState
from session_service.errors import AgentUnavailable, StoreUnavailable
from session_service.sessions.lifecycle import Sessions
from session_service.sessions.model import Clocks, Limits, Offer, Reason
from session_service.sessions.recovery import PATIENCE, recovered
from session_service.sessions.rounds import ROUND
from session_service.sessions.store.contract import Record, Row, State
from session_service.sessions.store.memory import MemoryStore
from session_service.sessions.strays import PAUSES
from session_service.sessions.turns import AT_ONCE
from tests.agents.fakes import MemoryLauncher
from tests.agents.specs import agent_spec
from tests.sessions.conftest import TRANSPORT, House, caller, stays
from tests.virtual_time import NOW, run


class HostedLauncher(MemoryLauncher):
    """Its agents live elsewhere, and go on when the service ends."""

    survives_restart = True


class SilentLauncher(HostedLauncher):
    """The provider does not answer questions."""

    async def poll(self, ref: AgentRef) -> AgentState:
        """Fail."""
        raise AgentUnavailable("no answer in the test")


class CountingLauncher(HostedLauncher):
    """The provider takes 200 ms for an answer; `most` questions were under way at once."""

    most = under_way = 0

    async def poll(self, ref: AgentRef) -> AgentState:
        """Take the time."""
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        await asyncio.sleep(0.2)
        self.under_way -= 1
        return await super().poll(ref)


class HangingLauncher(HostedLauncher):
    """The provider takes every question and answers none; `asked` counts them."""

    asked = 0

    async def poll(self, ref: AgentRef) -> AgentState:
        """Hang."""
        self.asked += 1
        await asyncio.Event().wait()
        raise AssertionError


class UnlistingLauncher(HostedLauncher):
    """The provider is down for as many looks as `down` says; `looks` tells when it was asked."""

    def __init__(self, down: int) -> None:
        super().__init__()
        self.down = down
        self.looks: list[float] = []

    async def list(self, prefix: str) -> Sequence[AgentRef]:
        """Fail, or tell."""
        self.looks.append(asyncio.get_running_loop().time())
        if len(self.looks) <= self.down:
            raise AgentUnavailable("no answer in the test")
        return await super().list(prefix)


class UnstoppingLauncher(HostedLauncher):
    """The first stop of each agent fails."""

    async def stop(self, ref: AgentRef) -> None:
        """Fail, or stop."""
        if ("stop", ref.name) not in self.calls:
            self.calls.append(("stop", ref.name))
            raise AgentUnavailable("no answer in the test")
        await super().stop(ref)


class ElsewhereLauncher(HostedLauncher):
    """Its agents are in one project, and it finds none in another."""

    project = "one"


class ForgetfulLauncher(HostedLauncher):
    """The provider has lost the agent."""

    async def poll(self, ref: AgentRef) -> AgentState:
        """Know nothing."""
        return UNKNOWN


class RaisingLauncher(HostedLauncher):
    """Raises what no launcher may, whatever it is asked."""

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.error = error

    async def poll(self, ref: AgentRef) -> AgentState:
        """Raise."""
        raise self.error

    async def list(self, prefix: str) -> Sequence[AgentRef]:
        """Raise."""
        raise self.error


HOUR = Clocks(3600.0)


def offer(launcher: MemoryLauncher | None, client: str = "acme") -> Offer:
    """What the client may have, an hour long."""
    return Offer(client, f"{client}-id", TRANSPORT, launcher, Limits(50, 10), 7.0, HOUR)


async def left_behind(
    store: MemoryStore,
    state: State,
    launcher: str = "memory",
    client: str = "acme",
    *,
    project: str | None = None,
    server: str | None = None,
    why: Reason = Reason.OPERATOR,
) -> str:
    """A session of an earlier start, in that state."""
    session_id = f"{store.deployment}-{state.value}"
    row = Row(session_id, client, "agora", f"cekura-{session_id}", launcher, 1, NOW - 60.0, NOW + 600.0)
    await store.admit(replace(row, project=project, server=server), Limits(9, 9), Limits(9, 9))
    if state is not State.STARTING:
        await store.accepted(session_id, '{"seat": 7}')
    if state is State.ENDING:
        await store.ending(session_id, why)
    return session_id


def restart(
    house: House,
    launcher: MemoryLauncher | None,
    steps: Coroutine[Any, Any, Any],
    watched: float = 1,
    clocks: Clocks = HOUR,
) -> Sessions:
    """What `steps` left, recovered with that launcher, and every end that follows from it waited for."""

    async def main() -> None:
        await steps
        async with recovered(house.sessions, house.store, {"acme": replace(offer(launcher), clocks=clocks)}):
            await asyncio.sleep(watched)

    run(main)
    return house.sessions


def reason(house: House, session_id: str) -> Reason | None:
    """Why a session ended, or None."""
    return run(lambda: house.status(session_id)).reason


def test_an_agent_that_survived_goes_on_in_its_session(house: House) -> None:
    """It is found by what its start told, keeps its slot, and can be ended as ever."""
    launcher = HostedLauncher()
    launcher.running["0a1b2c3d-running"] = agent_spec("0a1b2c3d-running")
    sessions = restart(house, launcher, left_behind(house.store, State.RUNNING))
    assert reason(house, "0a1b2c3d-running") is None
    assert sessions.in_channel("cekura-0a1b2c3d-running") is not None
    assert ("stop", "0a1b2c3d-running") not in launcher.calls


def test_a_tester_that_may_have_come_meanwhile_is_not_missed(house: House) -> None:
    """Nobody listened when its coming was told, and Agora does not repeat it for ever."""
    launcher = HostedLauncher()
    launcher.running["0a1b2c3d-running"] = agent_spec("0a1b2c3d-running")
    told = Clocks(3600.0, join_deadline=30.0, evidence=True)
    restart(house, launcher, left_behind(house.store, State.RUNNING), watched=500, clocks=told)
    assert reason(house, "0a1b2c3d-running") is None
    assert launcher.running


@pytest.mark.parametrize(("watched", "ended"), [(29, None), (31, Reason.IDLE)])
def test_a_tester_that_was_lost_has_the_idle_time_again(house: House, watched: float, ended: Reason | None) -> None:
    """It may have come back while nobody listened; what Agora repeats comes within that time."""
    launcher = HostedLauncher()
    launcher.running["0a1b2c3d-running"] = agent_spec("0a1b2c3d-running")

    async def lost() -> None:
        await left_behind(house.store, State.RUNNING)
        await house.store.left("0a1b2c3d-running", NOW - 50.0)

    restart(house, launcher, lost(), watched=watched, clocks=Clocks(3600.0, idle_timeout=30.0, evidence=True))
    assert reason(house, "0a1b2c3d-running") == ended


@pytest.mark.parametrize("state", [State.STARTING, State.RUNNING])
def test_what_ends_with_the_service_is_stopped_by_name_and_lost(house: House, state: State) -> None:
    """Its pipes are gone, and nobody knows how far it came."""
    launcher = MemoryLauncher()
    restart(house, launcher, left_behind(house.store, state))
    assert launcher.calls == [("stop", f"0a1b2c3d-{state.value}")]
    assert reason(house, f"0a1b2c3d-{state.value}") == Reason.LOST


def test_a_start_that_nobody_saw_the_end_of_is_lost_even_where_agents_survive(house: House) -> None:
    """Its caller was never answered."""
    launcher = HostedLauncher()
    restart(house, launcher, left_behind(house.store, State.STARTING))
    assert reason(house, "0a1b2c3d-starting") == Reason.LOST


@pytest.mark.parametrize("seconds", [5, 50])
def test_an_agent_that_comes_after_the_restart_is_stopped(house: House, seconds: int) -> None:
    """Its start was asked for by the process that was killed, and the provider was still at work on it."""
    launcher, name = HostedLauncher(), "0a1b2c3d-starting"

    async def late() -> None:
        await left_behind(house.store, State.STARTING)
        asyncio.get_running_loop().call_later(seconds, launcher.running.setdefault, name, agent_spec(name))

    restart(house, launcher, late(), watched=seconds + 15)
    assert launcher.running == {}
    assert reason(house, name) == Reason.LOST


def test_an_end_that_was_under_way_is_finished_for_its_own_reason(house: House) -> None:
    """The first reason stays."""
    restart(house, HostedLauncher(), left_behind(house.store, State.ENDING))
    assert reason(house, "0a1b2c3d-ending") == Reason.OPERATOR


def test_an_agent_that_the_provider_has_lost_is_lost(house: House) -> None:
    """Nothing runs, so the slot is free."""
    restart(house, ForgetfulLauncher(), left_behind(house.store, State.RUNNING))
    assert reason(house, "0a1b2c3d-running") == Reason.LOST


def test_a_provider_that_does_not_answer_costs_nobody_their_call(house: House) -> None:
    """The session goes on until its clock ends it."""
    restart(house, SilentLauncher(), left_behind(house.store, State.RUNNING))
    assert reason(house, "0a1b2c3d-running") is None


def test_thousands_of_agents_elsewhere_are_asked_after_in_turns(house: House) -> None:
    """As many at once as the launcher's server can be asked; not one after another."""

    async def main() -> None:
        launcher, roomy = CountingLauncher(), Limits(9999, 9999)
        for number in range(1000):
            session_id = f"{house.store.deployment}-{number}"
            launcher.running[session_id] = agent_spec(session_id)
            row = Row(session_id, "acme", "agora", f"cekura-{number}", "memory", 1, NOW - 60.0, NOW + 600.0)
            await house.store.admit(row, roomy, roomy)
            await house.store.accepted(session_id, None)
        begun = asyncio.get_running_loop().time()
        async with recovered(house.sessions, house.store, {"acme": offer(launcher)}):
            while house.sessions.finding_out:  # noqa: ASYNC110 - in stepped time
                await asyncio.sleep(0.01)
        assert asyncio.get_running_loop().time() - begun == pytest.approx(1000 / AT_ONCE * 0.2, abs=0.1)
        assert launcher.most == AT_ONCE

    run(main)


def test_strays_of_this_deployment_are_stopped_and_nobody_elses(house: House) -> None:
    """An agent whose start was told to nobody still has its name."""
    launcher = HostedLauncher()
    launcher.running = {name: agent_spec(name) for name in ("0a1b2c3d-stray", "ffffffff-other")}
    restart(house, launcher, left_behind(house.store, State.ENDING))
    assert set(launcher.running) == {"ffffffff-other"}


def test_a_provider_that_hangs_is_waited_for_once_and_not_for_each_wave(house: House) -> None:
    """A thousand agents, two hundred asked at once: ten seconds in all, and every session goes on meanwhile."""

    async def main() -> None:
        launcher, roomy = HangingLauncher(), Limits(9999, 9999)
        for number in range(1000):
            row = Row(f"{number}", "acme", "agora", f"cekura-{number}", "memory", 1, NOW - 60.0, NOW + 600.0)
            await house.store.admit(row, roomy, roomy)
            await house.store.accepted(row.session_id, None)
        async with recovered(house.sessions, house.store, {"acme": offer(launcher)}):
            assert house.sessions.finding_out
            await asyncio.sleep(PATIENCE + 0.1)
            assert (house.sessions.finding_out, launcher.asked, await house.taken()) == (False, AT_ONCE, 1000)
            await asyncio.sleep(ROUND)
            assert launcher.asked > AT_ONCE

    run(main)


def test_nobody_waits_where_there_is_nobody_to_be_asked(house: House) -> None:
    """What runs on this machine, and what has no agent, is decided at once."""

    async def main() -> None:
        await left_behind(house.store, State.RUNNING)
        async with recovered(house.sessions, house.store, {"acme": offer(MemoryLauncher())}):
            assert not house.sessions.finding_out

    run(main)


@pytest.mark.parametrize(("was", "stranded"), [("one", False), (None, False), ("another", True)])
def test_a_session_of_another_project_is_stranded_and_not_ended(house: House, was: str | None, stranded: bool) -> None:
    """Nobody finds its agent there, which is no sign that it has gone; a row of an older version has no project."""
    launcher = ElsewhereLauncher()
    sessions = restart(house, launcher, left_behind(house.store, State.RUNNING, project=was))
    assert list(sessions.stranded) == (["0a1b2c3d-running"] if stranded else [])
    assert (reason(house, "0a1b2c3d-running") is None) == stranded
    assert (launcher.calls == []) == stranded


def test_the_launcher_is_told_the_channel_that_the_session_has(house: House) -> None:
    """It may have been made with another prefix than today's."""

    class Channels(HostedLauncher):
        """Keeps what it was asked about."""

        asked = ""

        async def poll(self, ref: AgentRef) -> AgentState:
            """Keep it."""
            self.asked = ref.channel
            return await super().poll(ref)

    launcher = Channels()
    restart(house, launcher, left_behind(house.store, State.RUNNING))
    assert launcher.asked == "cekura-0a1b2c3d-running"


def test_strays_are_looked_for_until_the_provider_can_tell(house: House) -> None:
    """After 15 s, twice as long each time, at most ten minutes; once told, it is not asked again."""
    launcher = UnlistingLauncher(down=8)
    launcher.running = {"0a1b2c3d-stray": agent_spec("0a1b2c3d-stray")}
    restart(house, launcher, left_behind(house.store, State.ENDING), watched=6000)
    pauses = [later - earlier for earlier, later in zip(launcher.looks, launcher.looks[1:], strict=False)]
    assert pauses == pytest.approx([15, 30, 60, 120, 240, 480, 600, 600])
    assert launcher.running == {}


def test_a_stray_that_cannot_be_stopped_is_stopped_later(house: House) -> None:
    """One more look finds it again."""
    launcher = UnstoppingLauncher()
    launcher.running = {f"0a1b2c3d-{number}": agent_spec(f"0a1b2c3d-{number}") for number in range(3)}
    restart(house, launcher, left_behind(house.store, State.ENDING), watched=20)
    assert launcher.running == {}


def test_a_session_that_begins_meanwhile_is_no_stray(house: House) -> None:
    """Its agent is listed by a look that began before it: the second one, which takes its time."""

    class Slow(UnlistingLauncher):
        """Its list takes time, and tells what runs at its end."""

        async def list(self, prefix: str) -> Sequence[AgentRef]:
            """Take the time."""
            await asyncio.sleep(5)
            return await super().list(prefix)

    launcher = Slow(down=1)

    async def main() -> None:
        async with recovered(house.sessions, house.store, {"acme": offer(launcher)}):
            await asyncio.sleep(5 + PAUSES[0] + 1)
            session = await house.sessions.open(house.grant(launcher), caller(stays))
            await asyncio.sleep(30)
            assert len(launcher.looks) == 2
            assert list(launcher.running) == [session.session_id]
        await house.sessions.close()

    run(main)


@pytest.mark.parametrize(("launcher", "client"), [("convoai", "acme"), ("memory", "gone")])
def test_a_session_without_its_launcher_keeps_the_service_from_being_ready(
    house: House, launcher: str, client: str
) -> None:
    """It is left as it is, its slot taken: somebody has to look."""
    sessions = restart(house, MemoryLauncher(), left_behind(house.store, State.RUNNING, launcher, client))
    assert list(sessions.stranded) == ["0a1b2c3d-running"]
    assert reason(house, "0a1b2c3d-running") is None


def test_join_details_alone_need_no_launcher(house: House) -> None:
    """A client that has got an agent since: there is nothing to stop, and the service is ready."""
    launcher = MemoryLauncher()
    sessions = restart(house, launcher, left_behind(house.store, State.RUNNING, launcher="none"))
    assert (sessions.stranded, launcher.calls) == ({}, [])
    assert reason(house, "0a1b2c3d-running") is None


def test_join_details_of_a_client_that_is_gone_are_lost(house: House) -> None:
    """Nobody will ask for them, and their slot is free."""
    sessions = restart(house, None, left_behind(house.store, State.RUNNING, "none", "gone"))
    assert (sessions.stranded, reason(house, "0a1b2c3d-running")) == ({}, Reason.LOST)


def test_join_details_alone_have_nothing_to_lose(house: House) -> None:
    """They keep their slot until their time is over."""
    restart(house, None, left_behind(house.store, State.RUNNING, launcher="none"))
    assert reason(house, "0a1b2c3d-running") is None


@pytest.mark.parametrize("state", [State.STARTING, State.ENDING])
def test_join_details_that_nobody_was_given_keep_no_slot(house: House, state: State) -> None:
    """Killed before its answer, or in the middle of its end, a session without an agent is over."""
    restart(house, None, left_behind(house.store, state, launcher="none"))
    assert reason(house, f"0a1b2c3d-{state.value}") is not None


@pytest.mark.parametrize("error", [KeyError(), asyncio.CancelledError()], ids=["unforeseen", "cancelled"])
def test_a_launcher_that_fails_outside_its_contract_keeps_no_service_from_starting(
    house: House, caplog: pytest.LogCaptureFixture, error: BaseException
) -> None:
    """It has said nothing of its agents, so they get the doubt, and their sessions go on."""
    caplog.set_level(logging.INFO)
    restart(house, RaisingLauncher(error), left_behind(house.store, State.RUNNING))
    assert reason(house, "0a1b2c3d-running") is None
    assert "session.adopted" in [vars(record).get("event") for record in caplog.records]


class ServedLauncher(HostedLauncher):
    """Its agents are at one server."""

    server = "https://b.example"


@pytest.mark.parametrize(("was", "stranded"), [("https://b.example", False), ("https://a.example", True)])
def test_a_session_of_another_server_is_stranded_and_nobody_is_asked(house: House, was: str, stranded: bool) -> None:
    """That server would say that it has no such agent; the agent runs on at the first, and is billed."""
    launcher = ServedLauncher()
    sessions = restart(house, launcher, left_behind(house.store, State.RUNNING, server=was))
    assert list(sessions.stranded) == (["0a1b2c3d-running"] if stranded else [])
    assert (reason(house, "0a1b2c3d-running") is None, launcher.calls == []) == (stranded, stranded)


def test_a_start_that_is_stranded_takes_no_place_of_the_next_one(house: House) -> None:
    """It keeps its slot; however it is ended later, it was lost."""
    launcher = ServedLauncher()
    restart(house, launcher, left_behind(house.store, State.STARTING, server="https://a.example"))
    assert run(lambda: house.status("0a1b2c3d-starting")).state is State.ENDING
    one_start = Limits(9, 1)
    row = Row("next", "acme", "agora", "cekura-next", "memory", 1, NOW, NOW + 600.0)
    assert run(lambda: house.store.admit(row, one_start, one_start)) is None
    assert (run(house.taken), written_off(house, "0a1b2c3d-starting")) == (2, True)
    assert reason(house, "0a1b2c3d-starting") == Reason.LOST


def written_off(house: House, session_id: str) -> bool:
    """What becomes of an operator's word that this agent is gone."""
    return run(lambda: house.sessions.write_off(session_id))


def test_a_stranded_session_ends_by_an_operators_word(house: House, caplog: pytest.LogCaptureFixture) -> None:
    """Its slot is free, the log says who said so, and no launcher is asked; a second word changes nothing."""
    launcher = ServedLauncher()
    restart(house, launcher, left_behind(house.store, State.RUNNING, server="https://a.example"))
    assert run(lambda: house.sessions.stop("0a1b2c3d-running")) is False
    with caplog.at_level(logging.INFO):
        assert [written_off(house, "0a1b2c3d-running") for _ in range(2)] == [True, False]
    assert (reason(house, "0a1b2c3d-running"), run(house.taken)) == (Reason.OPERATOR, 0)
    assert (house.sessions.stranded, launcher.calls) == ({}, [])
    told = [vars(record)["event"] for record in caplog.records]
    assert told[-2:] == ["session.written_off", "session.ended"]


def test_two_operators_who_say_so_at_once_end_a_session_once(caplog: pytest.LogCaptureFixture) -> None:
    """Both are told that it has ended."""

    class Slow(MemoryStore):
        """Takes a turn of the loop for an end."""

        async def ended(self, session_id: str, reason: Reason, at: float, exit_code: int | None) -> Record | None:
            """Take it."""
            await asyncio.sleep(0)
            return await super().ended(session_id, reason, at, exit_code)

    house = House(store=Slow("0a1b2c3d"))
    restart(house, ServedLauncher(), left_behind(house.store, State.RUNNING, server="https://a.example"))

    async def both() -> list[bool]:
        return await asyncio.gather(*(house.sessions.write_off("0a1b2c3d-running") for _ in range(2)))

    with caplog.at_level(logging.INFO):
        assert run(both) == [True, True]
    assert [vars(record)["event"] for record in caplog.records].count("session.ended") == 1


def test_an_end_that_was_decided_before_it_was_stranded_keeps_its_reason(house: House) -> None:
    """The first reason stays."""
    restart(
        house, ServedLauncher(), left_behind(house.store, State.ENDING, server="https://a.example", why=Reason.IDLE)
    )
    written_off(house, "0a1b2c3d-ending")
    assert reason(house, "0a1b2c3d-ending") == Reason.IDLE


def test_a_store_that_fails_leaves_a_session_stranded(house: House) -> None:
    """The operator is told, and can say it again."""

    class Failing(MemoryStore):
        """Cannot be written."""

        async def ended(self, session_id: str, reason: Reason, at: float, exit_code: int | None) -> Record | None:
            """Fail."""
            raise StoreUnavailable("the disk is full")

    house = House(store=Failing("0a1b2c3d"))
    restart(house, ServedLauncher(), left_behind(house.store, State.RUNNING, server="https://a.example"))
    with pytest.raises(StoreUnavailable):
        written_off(house, "0a1b2c3d-running")
    assert list(house.sessions.stranded) == ["0a1b2c3d-running"]
