"""The life of a session, on stepped time, with launchers that each misbehave in one named way."""

import asyncio

import pytest

from session_service.agents.contract import AgentRef, AgentSpec, Launcher
from session_service.errors import (
    AgentRefused,
    AgentTimeout,
    AgentUnavailable,
    CallerGone,
    Draining,
    ServiceError,
    SessionLimit,
)
from session_service.sessions.model import Clocks, Limits, Reason, Session
from session_service.sessions.store.contract import State
from session_service.sessions.turns import AT_ONCE
from tests.agents.fakes import (
    DyingLauncher,
    FailingStopLauncher,
    ImmortalLauncher,
    LostAnswerLauncher,
    MemoryLauncher,
    RefusingLauncher,
    SlowLauncher,
    UnavailableLauncher,
)
from tests.sessions.conftest import House, HouseFactory, caller, leaves, stays
from tests.virtual_time import NOW, run

PLENTY = Limits(10_000, 10_000)


class FaultyLauncher(MemoryLauncher):
    """Fails outside its contract, with a text that must stay inside."""

    async def start(self, spec: AgentSpec, deadline: float) -> AgentRef:
        """Raise what no launcher may."""
        raise KeyError("sentinel-token")


class HangsOnceLauncher(MemoryLauncher):
    """Its first stop never comes back."""

    async def stop(self, ref: AgentRef) -> None:
        """Hang, and work from the second time on."""
        if ("stop", ref.name) in self.calls:
            await super().stop(ref)
        else:
            self.calls.append(("stop", ref.name))
            await asyncio.Event().wait()


class CountingLauncher(MemoryLauncher):
    """Its agents live elsewhere, and each end takes 200 ms; `most` ends were under way at once."""

    survives_restart = True
    most = under_way = 0

    async def stop(self, ref: AgentRef) -> None:
        """Take the time."""
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        await asyncio.sleep(0.2)
        self.under_way -= 1
        await super().stop(ref)


class HangingHostedLauncher(ImmortalLauncher):
    """Its agents live elsewhere, and cannot be ended."""

    survives_restart = True


class SlowImmortalLauncher(SlowLauncher, ImmortalLauncher):
    """Neither accepted nor ended."""


async def opened(house: House, launcher: Launcher | None, **changes: object) -> Session:
    """A session for a caller who stays, who called just now."""
    return await house.sessions.open(house.grant(launcher, **changes), caller(stays))


def test_a_session_has_a_channel_of_its_own_and_an_agent(house: House) -> None:
    """The agent is named after the session and sits in its channel, with another uid and another token."""

    async def main() -> None:
        launcher = MemoryLauncher()
        first, second = await opened(house, launcher), await opened(house, launcher)
        assert first.channel != second.channel
        spec = launcher.running[first.session_id]
        assert (spec.agora.channel, spec.agora.tester_uid) == (first.details.agora_channel, 1)
        assert spec.agora.token != first.details.agora_token
        assert spec.agora.uid not in (0, 1)
        assert first.agent == launcher.ref(spec)
        assert first.started_at == NOW

    run(main)


def test_without_a_launcher_a_session_is_join_details_alone(house: House) -> None:
    """Minted, counted, and nothing started."""

    async def main() -> None:
        session = await opened(house, None)
        assert session.agent is None
        assert await house.taken() == 1

    run(main)


@pytest.mark.parametrize(
    ("kind", "error", "calls"),
    [
        (RefusingLauncher, AgentRefused, ["start", "stop"]),
        (UnavailableLauncher, AgentUnavailable, ["start", "stop"]),
        (LostAnswerLauncher, AgentUnavailable, ["start", "stop"]),
        (SlowLauncher, AgentTimeout, ["start", "stop"]),
        (FaultyLauncher, AgentRefused, ["stop"]),
    ],
)
def test_a_failed_start_is_stopped_by_name_and_gives_its_slot_back(
    house: House, kind: type[MemoryLauncher], error: type[ServiceError], calls: list[str]
) -> None:
    """Whatever went wrong, the launcher is told to stop that name, nothing runs, and the end is recorded."""

    async def main() -> None:
        launcher = kind()
        with pytest.raises(error):
            await opened(house, launcher)
        assert [verb for verb, _ in launcher.calls] == calls
        assert not launcher.running
        assert await house.taken() == 0
        assert (await house.status(launcher.calls[-1][1])).reason == Reason.START_FAILED

    run(main)


@pytest.mark.parametrize(("kind", "error"), [(RefusingLauncher, AgentRefused), (FaultyLauncher, AgentRefused)])
def test_a_start_that_takes_one_turn_fails_like_any_other(
    house: House, kind: type[MemoryLauncher], error: type[ServiceError]
) -> None:
    """It is not raced against its caller; what it leaves is stopped all the same."""

    async def main() -> None:
        launcher = kind()
        with pytest.raises(error):
            await opened(house, launcher, starts_at_once=True)
        assert [verb for verb, _ in launcher.calls][-1] == "stop"
        assert await house.taken() == 0
        session = await opened(house, MemoryLauncher(), starts_at_once=True)
        assert session.agent is not None

    run(main)


def test_a_late_start_is_refused_within_the_answer_budget(house: House) -> None:
    """Half a second of the seven is left for stopping it."""

    async def main() -> None:
        begun = asyncio.get_running_loop().time()
        with pytest.raises(AgentTimeout) as refused:
            await opened(house, SlowLauncher())
        assert asyncio.get_running_loop().time() - begun == pytest.approx(6.5)
        assert refused.value.retry_after

    run(main)


def test_an_agent_that_will_not_end_keeps_its_slot_and_not_its_caller(house: House) -> None:
    """The caller has its answer when the budget is over; the slot stays taken as long as the agent runs."""

    async def main() -> None:
        begun, launcher = asyncio.get_running_loop().time(), SlowImmortalLauncher()
        with pytest.raises(AgentTimeout):
            await opened(house, launcher)
        assert asyncio.get_running_loop().time() - begun == pytest.approx(7.0)
        assert await house.taken() == 1

    run(main)


def test_a_caller_who_hangs_up_during_a_start_gets_no_agent(house: House) -> None:
    """The start is stopped, and the reason says so."""

    async def main() -> None:
        launcher = SlowLauncher()
        with pytest.raises(CallerGone):
            await house.sessions.open(house.grant(launcher), caller(leaves))
        (name,) = [name for verb, name in launcher.calls if verb == "stop"]
        assert not launcher.running
        assert (await house.status(name)).reason == Reason.CALLER_GONE

    run(main)


def test_a_cancelled_call_leaves_no_agent(house: House) -> None:
    """A server that gives up on a call cancels it; the agent that was being started is stopped."""

    async def main() -> None:
        launcher = SlowLauncher()
        call = asyncio.create_task(opened(house, launcher))
        await launcher.entered.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await house.sessions.close()
        assert not launcher.running
        assert await house.taken() == 0

    run(main)


def test_a_shutdown_during_a_start_refuses_the_call_and_leaves_no_agent(house: House) -> None:
    """The start is cancelled before the agent is stopped, so that it cannot come after its own end."""

    async def main() -> None:
        launcher = SlowLauncher()
        call = asyncio.create_task(opened(house, launcher))
        await launcher.entered.wait()
        await house.sessions.close()
        with pytest.raises(Draining):
            await call
        assert not launcher.running
        assert await house.taken() == 0

    run(main)


def test_an_agent_that_exits_ends_its_session(house: House) -> None:
    """Recorded with its exit code, and nobody tries to stop it."""

    async def main() -> None:
        launcher = DyingLauncher(house.sessions.agent_exited, code=3)
        session = await opened(house, launcher)
        await asyncio.sleep(1)
        status = await house.status(session.session_id)
        assert (status.reason, status.exit_code) == (Reason.AGENT_EXITED, 3)
        assert [verb for verb, _ in launcher.calls] == ["start"]
        assert await house.taken() == 0

    run(main)


def test_a_session_ends_at_its_maximum_duration(house: House) -> None:
    """Each at its own time, the agent stopped, the slot free."""

    async def main() -> None:
        launcher = MemoryLauncher()
        long = await opened(house, launcher, clocks=Clocks(100.0))
        short = await opened(house, launcher, clocks=Clocks(40.0))
        await asyncio.sleep(41)
        assert set(launcher.running) == {long.session_id}
        await asyncio.sleep(60)
        assert not launcher.running
        reasons = [(await house.status(session.session_id)).reason for session in (short, long)]
        assert reasons == [Reason.MAX_DURATION] * 2

    run(main)


def test_racing_calls_never_exceed_the_limit(house_of: HouseFactory) -> None:
    """Two thousand at once, fifty places: fifty sessions, every other one refused, each refusal with a time."""
    house = house_of(Limits(50, 2000))

    async def main() -> None:
        launcher = MemoryLauncher()
        calls = (opened(house, launcher, limits=Limits(5000, 5000)) for _ in range(2000))
        answers = await asyncio.gather(*calls, return_exceptions=True)
        refused = [answer for answer in answers if isinstance(answer, SessionLimit)]
        assert len(launcher.running) == 50 == 2000 - len(refused)
        assert all(answer.retry_after for answer in refused)

    run(main)


def test_closing_ends_every_agent_and_refuses_new_sessions(house: House) -> None:
    """All at once; afterwards nothing runs and nothing may begin."""

    async def main() -> None:
        launcher = MemoryLauncher()
        sessions = [await opened(house, launcher) for _ in range(3)]
        await house.sessions.close()
        assert not launcher.running
        assert {(await house.status(s.session_id)).reason for s in sessions} == {Reason.SHUTDOWN}
        with pytest.raises(Draining):
            await opened(house, launcher)

    run(main)


def test_closing_does_not_wait_for_ever(house: House, caplog: pytest.LogCaptureFixture) -> None:
    """What will not end is counted and named in the log and stays in the store, and the process may go."""

    async def main() -> None:
        begun = asyncio.get_running_loop().time()
        sessions = {(await opened(house, ImmortalLauncher())).session_id for _ in range(3)}
        await house.sessions.close()
        assert asyncio.get_running_loop().time() - begun == pytest.approx(10.0)
        told = vars(caplog.records[-1])
        assert (told["event"], told["count"], set(told["sessions"])) == ("service.sessions_left", 3, sessions)
        assert {record.status.state for record in await house.store.live()} == {State.ENDING}

    run(main)


def test_thousands_of_agents_elsewhere_are_ended_in_turns(house_of: HouseFactory) -> None:
    """As many at once as the launcher's server can be asked, until none is left; one deadline for all."""

    async def main() -> None:
        house, launcher = house_of(PLENTY), CountingLauncher()
        for _ in range(4000):
            await opened(house, launcher, limits=PLENTY)
        begun = asyncio.get_running_loop().time()
        await house.sessions.close()
        assert asyncio.get_running_loop().time() - begun == pytest.approx(4000 / AT_ONCE * 0.2)
        assert (launcher.most, launcher.running) == (AT_ONCE, {})

    run(main)


def test_a_server_that_hangs_holds_up_no_other_clients_agents(house_of: HouseFactory) -> None:
    """Turns are each client's own."""

    async def main() -> None:
        house, hangs, works = house_of(PLENTY), HangingHostedLauncher(), CountingLauncher()
        for _ in range(AT_ONCE + 1):
            await opened(house, hangs, limits=PLENTY)
        session = await opened(house, works, limits=PLENTY, client="globex")
        await house.sessions.close()
        assert (await house.status(session.session_id)).state is State.ENDED
        assert len(hangs.running) == AT_ONCE + 1

    run(main)


def test_a_close_that_is_hurried_waits_for_no_agent(house: House, caplog: pytest.LogCaptureFixture) -> None:
    """Once it has begun: before that there is nothing to hurry."""

    async def main() -> None:
        await opened(house, ImmortalLauncher())
        house.sessions.hurry()
        begun = asyncio.get_running_loop().time()
        asyncio.get_running_loop().call_later(3, house.sessions.hurry)
        await house.sessions.close()
        assert asyncio.get_running_loop().time() - begun == pytest.approx(3.0)
        assert vars(caplog.records[-1])["count"] == 1

    run(main)


def test_a_stop_that_fails_is_tried_again_and_keeps_its_slot(house: House) -> None:
    """For as long as it takes; the others end meanwhile."""

    async def main() -> None:
        good, bad = MemoryLauncher(), FailingStopLauncher()
        await opened(house, good, clocks=Clocks(40.0))
        session = await opened(house, bad, clocks=Clocks(40.0))
        await asyncio.sleep(100)
        assert not good.running
        assert [record.row.session_id for record in await house.store.live()] == [session.session_id]
        assert [verb for verb, _ in bad.calls].count("stop") > 3

    run(main)


def test_a_stop_that_hangs_is_tried_again(house: House) -> None:
    """A provider that once did not answer does not keep the slot for good."""

    async def main() -> None:
        launcher = HangsOnceLauncher()
        await opened(house, launcher, clocks=Clocks(40.0))
        await asyncio.sleep(100)
        assert await house.taken() == 1
        await asyncio.sleep(10)
        assert await house.taken() == 0
        assert not launcher.running

    run(main)


def test_no_secret_of_a_session_is_in_its_repr(house: House) -> None:
    """Token and keys stay out of anything that prints a session."""

    async def main() -> None:
        session = await opened(house, MemoryLauncher())
        assert session.details.agora_token not in repr(session)
        assert session.details.agora_token not in str(await house.store.live())

    run(main)


def test_the_launchers_own_words_reach_neither_caller_nor_log(house: House, caplog: pytest.LogCaptureFixture) -> None:
    """An exception of the customer's code may hold anything; only its type is told."""

    async def main() -> None:
        with pytest.raises(AgentRefused) as refused:
            await opened(house, FaultyLauncher())
        assert "sentinel-token" not in str(refused.value)
        assert "sentinel-token" not in str([vars(record) for record in caplog.records])
        assert "KeyError" in str(refused.value)

    run(main)


EVIDENCE = Clocks(3600.0, join_deadline=60.0, idle_timeout=30.0, evidence=True)


def test_without_evidence_a_call_is_never_cut_before_its_maximum(house: House) -> None:
    """Nobody would tell us that the tester is there, so its absence means nothing."""

    async def main() -> None:
        launcher = MemoryLauncher()
        await opened(house, launcher, clocks=Clocks(3600.0, 60.0, 30.0, evidence=False))
        await asyncio.sleep(3599)
        assert launcher.running

    run(main)


def test_with_evidence_a_session_that_nobody_joins_ends_at_the_join_deadline(house: House) -> None:
    """The platform may have given up before it joined."""

    async def main() -> None:
        launcher = MemoryLauncher()
        session = await opened(house, launcher, clocks=EVIDENCE)
        await asyncio.sleep(59)
        assert launcher.running
        await asyncio.sleep(2)
        assert (await house.status(session.session_id)).reason == Reason.JOIN_DEADLINE

    run(main)


def test_a_tester_that_leaves_for_good_ends_its_session_at_once(house: House) -> None:
    """Its agent would talk to nobody, by the minute."""

    async def main() -> None:
        launcher = MemoryLauncher()
        session = await opened(house, launcher, clocks=EVIDENCE)
        await house.sessions.tester_joined(session.session_id, NOW + 1.0)
        await house.sessions.tester_left(session.session_id, NOW + 2.0, for_good=True)
        await asyncio.sleep(1)
        assert not launcher.running
        assert (await house.status(session.session_id)).reason == Reason.TESTER_LEFT

    run(main)


@pytest.mark.parametrize("returns", [True, False])
def test_a_lost_tester_has_the_idle_time_to_come_back(house: House, returns: bool) -> None:
    """A connection that was lost is not a call that is over."""

    async def main() -> None:
        session = await opened(house, MemoryLauncher(), clocks=EVIDENCE)
        await house.sessions.tester_joined(session.session_id, NOW)
        await house.sessions.tester_left(session.session_id, NOW, for_good=False)
        await asyncio.sleep(29)
        if returns:
            await house.sessions.tester_joined(session.session_id, NOW + 29.0)
        await asyncio.sleep(600)
        assert (await house.status(session.session_id)).reason == (None if returns else Reason.IDLE)

    run(main)


def test_an_operator_ends_a_session_and_hears_when_it_is_gone(house: House) -> None:
    """Once; a second time there is nothing to end."""

    async def main() -> None:
        launcher = MemoryLauncher()
        session = await opened(house, launcher)
        assert house.sessions.in_channel(session.channel) is not None
        assert await house.sessions.stop(session.session_id)
        assert not launcher.running
        assert not await house.sessions.stop(session.session_id)
        assert house.sessions.in_channel(session.channel) is None

    run(main)
