"""The life of a session, on stepped time, with launchers that each misbehave in one named way."""

import asyncio
import logging
from dataclasses import replace

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
from session_service.sessions.model import Limits, Reason, Session
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
from tests.sessions.conftest import NOW, House, HouseFactory, caller, leaves, stays
from tests.virtual_time import run


class FaultyLauncher(MemoryLauncher):
    """Fails outside its contract, with a text that must stay inside."""

    async def start(self, spec: AgentSpec, deadline: float) -> AgentRef:
        """Raise what no launcher may."""
        raise KeyError("sentinel-token")


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
        assert house.sessions.live() == (session,)

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
        assert house.admission.taken() == 0
        ended = house.sessions.ended(launcher.calls[-1][1])
        assert ended is not None
        assert ended.reason == Reason.START_FAILED

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
        assert house.admission.taken() == 1

    run(main)


def test_a_caller_who_hangs_up_during_a_start_gets_no_agent(house: House) -> None:
    """The start is stopped, and the reason says so."""

    async def main() -> None:
        launcher = SlowLauncher()
        with pytest.raises(CallerGone):
            await house.sessions.open(house.grant(launcher), caller(leaves))
        (name,) = [name for verb, name in launcher.calls if verb == "stop"]
        assert not launcher.running
        ended = house.sessions.ended(name)
        assert ended is not None
        assert ended.reason == Reason.CALLER_GONE

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
        assert house.admission.taken() == 0

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
        assert house.admission.taken() == 0

    run(main)


def test_an_agent_that_exits_ends_its_session(house: House) -> None:
    """Recorded with its exit code, and nobody tries to stop it."""

    async def main() -> None:
        launcher = DyingLauncher(house.sessions.agent_exited, code=3)
        session = await opened(house, launcher)
        await asyncio.sleep(1)
        ended = house.sessions.ended(session.session_id)
        assert ended is not None
        assert (ended.reason, ended.exit_code) == (Reason.AGENT_EXITED, 3)
        assert [verb for verb, _ in launcher.calls] == ["start"]
        assert house.admission.taken() == 0

    run(main)


def test_a_session_ends_at_its_maximum_duration(house: House) -> None:
    """Each at its own time, the agent stopped, the slot free."""

    async def main() -> None:
        launcher = MemoryLauncher()
        long = await opened(house, launcher, max_duration=100.0)
        short = await opened(house, launcher, max_duration=40.0)
        await asyncio.sleep(41)
        assert set(launcher.running) == {long.session_id}
        await asyncio.sleep(60)
        assert not launcher.running
        reasons = [house.sessions.ended(session.session_id) for session in (short, long)]
        assert [ended.reason for ended in reasons if ended] == [Reason.MAX_DURATION] * 2

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
        assert {e.reason for s in sessions if (e := house.sessions.ended(s.session_id))} == {Reason.SHUTDOWN}
        with pytest.raises(Draining):
            await opened(house, launcher)

    run(main)


def test_closing_does_not_wait_for_ever(house: House, caplog: pytest.LogCaptureFixture) -> None:
    """What will not end is named in the log, and the process may go."""

    async def main() -> None:
        begun = asyncio.get_running_loop().time()
        session = await opened(house, ImmortalLauncher())
        with caplog.at_level(logging.ERROR):
            await house.sessions.close()
        assert asyncio.get_running_loop().time() - begun == pytest.approx(10.0)
        assert session.session_id in str(vars(caplog.records[-1]))

    run(main)


def test_a_stop_that_fails_is_logged_and_does_not_keep_the_others_from_ending(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    """One launcher's fault is not another's."""

    async def main() -> None:
        good = MemoryLauncher()
        await opened(house, FailingStopLauncher())
        await opened(house, good)
        await house.sessions.close()
        assert not good.running
        assert "agent.not_stopped" in [getattr(record, "event", "") for record in caplog.records]

    run(main)


def test_no_secret_of_a_session_is_in_its_repr(house: House) -> None:
    """Token and keys stay out of anything that prints a session."""

    async def main() -> None:
        session = await opened(house, MemoryLauncher())
        assert session.details.agora_token not in repr(session)
        assert replace(session).details.agora_token not in str(house.sessions.live())

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
