"""What a launcher, a store, a caller or a clock may do at the worst moment: no agent is left, no slot stays taken."""

import asyncio

import pytest

from session_service.agents.contract import AgentRef, AgentSpec
from session_service.errors import (
    AgentRefused,
    AgentTimeout,
    AgentUnavailable,
    CallerGone,
    Draining,
    ServiceError,
    SessionOver,
    StoreUnavailable,
)
from session_service.sessions.admission import Admission
from session_service.sessions.lifecycle import Sessions
from session_service.sessions.model import Clocks, Limits, Reason
from session_service.sessions.recovery import recovered
from session_service.sessions.store.contract import Full, Row, State, StoreUnheard
from session_service.sessions.store.memory import MemoryStore
from tests.agents.fakes import ImmortalLauncher, MemoryLauncher, SlowLauncher
from tests.sessions.conftest import House, caller, leaves, stays
from tests.virtual_time import clock, run

EVIDENCE = Clocks(3600.0, join_deadline=60.0, idle_timeout=30.0, evidence=True)
LATE = 40.0
"""Seconds after which a start comes back that nobody could cancel."""


class ClingingLauncher(MemoryLauncher):
    """Its start swallows every cancellation, and starts the agent long after its deadline."""

    async def start(self, spec: AgentSpec, deadline: float) -> AgentRef:
        """Accept in the end, whatever happens meanwhile."""
        loop = asyncio.get_running_loop()
        accepts_at = loop.time() + LATE
        while loop.time() < accepts_at:
            try:
                await asyncio.sleep(accepts_at - loop.time())
            except asyncio.CancelledError:
                continue
        return await super().start(spec, deadline)


class HostedSlowLauncher(SlowLauncher):
    """Its agents go on when the service ends."""

    survives_restart = True


class LateLauncher(MemoryLauncher):
    """Its agents live elsewhere, and come about `late` seconds after they were asked for, although nobody waits."""

    survives_restart = True

    def __init__(self, late: float) -> None:
        super().__init__()
        self.late = late

    async def start(self, spec: AgentSpec, deadline: float) -> AgentRef:
        """Take the order, and say nothing."""
        self.calls.append(("start", spec.session_id))
        asyncio.get_running_loop().call_later(self.late, self.running.update, {spec.session_id: spec})
        await asyncio.Event().wait()
        raise AssertionError


class DeafStore(MemoryStore):
    """Cannot write what is told of testers."""

    async def joined(self, session_id: str, at: float) -> None:
        """Fail."""
        raise StoreUnavailable("joined failed in the test", retry_after=1)

    async def left(self, session_id: str, at: float) -> None:
        """Fail."""
        raise StoreUnavailable("left failed in the test", retry_after=1)


class BrokenStore(MemoryStore):
    """Fails outside its contract when an end begins."""

    async def ending(self, session_id: str, reason: Reason) -> None:
        """Raise what no store may."""
        raise RuntimeError


class HangingStore(MemoryStore):
    """Its disk does not answer when an end begins."""

    async def ending(self, session_id: str, reason: Reason) -> None:
        """Hang."""
        await asyncio.Event().wait()


class UnacceptingStore(MemoryStore):
    """Cannot write that a start is over."""

    async def accepted(self, session_id: str, ref: str | None) -> None:
        """Fail."""
        raise StoreUnavailable("accepted failed in the test", retry_after=1)


class UnheardStore(MemoryStore):
    """Takes the slot, and loses the answer."""

    async def admit(self, row: Row, deployment: Limits, client: Limits) -> Full | None:
        """Take it, and fail."""
        await super().admit(row, deployment, client)
        raise StoreUnheard("no answer in the test", retry_after=1)


class SlowStore(MemoryStore):
    """Takes a second to admit, and then does or does not; an end is quicker."""

    async def admit(self, row: Row, deployment: Limits, client: Limits) -> Full | None:
        """Take the slot, or see that there is none, and think."""
        full = await super().admit(row, deployment, client)
        await asyncio.sleep(1)
        return full


def test_a_start_that_comes_back_after_its_end_is_stopped(house: House) -> None:
    """It holds no end up: the slot is free within seconds, and its agent is gone as soon as it is there."""

    async def main() -> None:
        launcher = ClingingLauncher()
        with pytest.raises(AgentTimeout):
            await house.sessions.open(house.grant(launcher), caller(stays))
        await asyncio.sleep(10)
        assert (await house.taken(), [verb for verb, _ in launcher.calls]) == (0, ["stop"])
        await asyncio.sleep(LATE)
        assert [verb for verb, _ in launcher.calls] == ["stop", "start", "stop"]
        assert not launcher.running

    run(main)


@pytest.mark.parametrize("late", [12.0, 30.0, 50.0])
def test_an_agent_elsewhere_that_comes_about_after_its_end_is_stopped(house: House, late: float) -> None:
    """Its caller has had an answer, and the request was dropped: a provider may go on with it all the same."""

    async def main() -> None:
        launcher = LateLauncher(late)
        with pytest.raises(AgentTimeout):
            await house.sessions.open(house.grant(launcher), caller(stays))
        assert await house.taken() == 0
        await asyncio.sleep(late + 30)
        assert not launcher.running

    run(main)


@pytest.mark.parametrize("launcher", [MemoryLauncher(), None], ids=["agent", "join-details-alone"])
def test_a_caller_who_has_hung_up_by_the_time_of_the_answer_gets_no_session(
    house: House, launcher: MemoryLauncher | None
) -> None:
    """However quick its start was: the answer would reach nobody, and the agent would wait for nobody."""

    async def main() -> None:
        with pytest.raises(CallerGone):
            await house.sessions.open(house.grant(launcher), caller(leaves))
        (record,) = await house.store.recent(1)
        assert (record.status.reason, await house.taken()) == (Reason.CALLER_GONE, 0)
        assert launcher is None or not launcher.running

    run(main)


def test_a_callable_is_no_exception(house: House) -> None:
    """A start of one turn is not raced against its caller, who may have gone all the same."""

    async def main() -> None:
        launcher = MemoryLauncher()
        with pytest.raises(CallerGone):
            await house.sessions.open(house.grant(launcher, starts_at_once=True), caller(leaves))
        assert not launcher.running

    run(main)


@pytest.mark.parametrize("launcher", [MemoryLauncher(), None], ids=["agent", "join-details-alone"])
def test_an_acceptance_that_cannot_be_written_is_no_session(launcher: MemoryLauncher | None) -> None:
    """The agent is stopped, and the slot free: a restart would take the session for a start that was never over."""
    house = House(store=UnacceptingStore("0a1b2c3d"))

    async def main() -> None:
        with pytest.raises(StoreUnavailable):
            await house.sessions.open(house.grant(launcher), caller(stays))
        assert await house.taken() == 0
        assert launcher is None or not launcher.running

    run(main)


def test_nothing_is_started_in_a_session_that_was_ended_during_its_admission() -> None:
    """The service ends while the store thinks; an agent that is started after that would outlive it."""
    house = House(store=SlowStore("0a1b2c3d"))

    async def main() -> None:
        launcher = MemoryLauncher()
        call = asyncio.create_task(house.sessions.open(house.grant(launcher), caller(stays)))
        await asyncio.sleep(0.5)
        await house.sessions.close()
        with pytest.raises(Draining):
            await call
        assert ("start" not in dict(launcher.calls), await house.taken()) == (True, 0)

    run(main)


def test_an_end_during_an_admission_that_is_refused_is_no_fault() -> None:
    """There never was a session, and nothing is told of one."""
    house = House(limits=Limits(0, 0), store=SlowStore("0a1b2c3d"))
    faults: list[object] = []

    async def main() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: faults.append(context["message"]))
        call = asyncio.create_task(house.sessions.open(house.grant(MemoryLauncher()), caller(stays)))
        await asyncio.sleep(0.5)
        await house.sessions.close()
        with pytest.raises(ServiceError):
            await call

    run(main)
    assert faults == []


def test_an_end_while_its_agent_starts_is_not_called_the_services_end(house: House) -> None:
    """An operator's, for one: the caller may try again, here."""

    async def main() -> None:
        launcher = SlowLauncher()
        call = asyncio.create_task(house.sessions.open(house.grant(launcher), caller(stays)))
        await launcher.entered.wait()
        await house.sessions.stop(launcher.calls[0][1])
        with pytest.raises(AgentUnavailable, match="ended before its caller"):
            await call
        assert not launcher.running

    run(main)


def test_an_agent_that_reports_its_failure_while_it_starts_is_a_start_that_failed(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    """Whether its report or its end comes first: somebody has to mend it, and trying again changes nothing."""

    async def main() -> None:
        launcher = SlowLauncher()
        call = asyncio.create_task(house.sessions.open(house.grant(launcher), caller(stays)))
        await launcher.entered.wait()
        (session_id,) = launcher.running
        house.sessions.agent_failed(session_id)
        with pytest.raises(AgentRefused, match="reported that it failed"):
            await call
        await asyncio.sleep(1)
        assert (launcher.running, (await house.status(session_id)).reason) == ({}, Reason.START_FAILED)

    run(main)
    (told,) = [vars(record) for record in caplog.records if vars(record).get("event") == "agent.not_started"]
    assert (told["request_id"], told["code"]) == ("request-1", "agent_refused")


def test_a_leave_that_is_told_while_the_agent_starts_is_that_of_an_earlier_try(house: House) -> None:
    """The start itself says how it went, and whoever leaves after it is asked after."""

    async def main() -> None:
        launcher = HostedSlowLauncher()
        call = asyncio.create_task(house.sessions.open(house.grant(launcher), caller(stays)))
        await launcher.entered.wait()
        house.sessions.agent_left(launcher.calls[0][1])
        await asyncio.sleep(1)
        launcher.release.set()
        assert (await call).session_id in launcher.running

    run(main)


def test_the_end_of_the_service_stops_a_start_even_where_agents_survive_it(house: House) -> None:
    """Nobody was answered, so nobody will come."""

    async def main() -> None:
        launcher = HostedSlowLauncher()
        call = asyncio.create_task(house.sessions.open(house.grant(launcher, stop_at_shutdown=False), caller(stays)))
        await launcher.entered.wait()
        await house.sessions.close()
        with pytest.raises(Draining):
            await call
        assert (launcher.running, await house.taken()) == ({}, 0)

    run(main)


def test_a_store_that_fails_outside_its_contract_keeps_no_agent_alive() -> None:
    """The step that failed says less than it could; the agent is stopped, and its slot free."""
    house = House(store=BrokenStore("0a1b2c3d"))

    async def main() -> None:
        launcher = MemoryLauncher()
        session = await house.sessions.open(house.grant(launcher), caller(stays))
        assert await house.sessions.stop(session.session_id)
        assert (launcher.running, await house.taken()) == ({}, 0)

    run(main)


def test_an_agent_whose_end_could_not_be_noted_gets_no_fresh_token() -> None:
    """Its row says that it runs, and its end is under way all the same."""
    house = House(store=BrokenStore("0a1b2c3d"))

    async def main() -> None:
        session = await house.sessions.open(house.grant(ImmortalLauncher()), caller(stays))
        assert house.sessions.renew(session.session_id).token
        house.sessions.end(session.session_id, Reason.OPERATOR)
        await asyncio.sleep(1)
        assert (await house.status(session.session_id)).state is State.RUNNING
        with pytest.raises(SessionOver):
            house.sessions.renew(session.session_id)

    run(main)


def test_a_slot_that_a_store_may_have_taken_is_given_back() -> None:
    """Nobody heard whether: the caller is refused, and nothing is started."""
    house = House(store=UnheardStore("0a1b2c3d"))

    async def main() -> None:
        launcher = MemoryLauncher()
        with pytest.raises(StoreUnavailable):
            await house.sessions.open(house.grant(launcher), caller(stays))
        await asyncio.sleep(1)
        assert ("start" not in dict(launcher.calls), await house.taken()) == (True, 0)

    run(main)


def test_a_store_that_hangs_keeps_no_agent_alive() -> None:
    """Nor one that is locked: thirty steps that each wait a second for a lock are longer than a service's end."""
    house = House(store=HangingStore("0a1b2c3d"))

    async def main() -> None:
        launcher = MemoryLauncher()
        for _ in range(3):
            await house.sessions.open(house.grant(launcher), caller(stays))
        begun = asyncio.get_running_loop().time()
        await house.sessions.close()
        assert asyncio.get_running_loop().time() - begun < 1
        assert (launcher.running, await house.taken()) == ({}, 0)

    run(main)


@pytest.mark.parametrize(("comes", "reason"), [(True, None), (False, Reason.IDLE)])
def test_news_that_cannot_be_written_counts_all_the_same(comes: bool, reason: Reason | None) -> None:
    """A tester who is there is not cut at its join deadline, and one who is lost is not waited for without end."""
    house = House(store=DeafStore("0a1b2c3d"))

    async def main() -> None:
        session = await house.sessions.open(house.grant(MemoryLauncher(), clocks=EVIDENCE), caller(stays))
        name, sessions = session.session_id, house.sessions
        news = sessions.tester_joined(name, clock()) if comes else sessions.tester_left(name, clock(), for_good=False)
        with pytest.raises(StoreUnavailable):
            await news
        await asyncio.sleep(100)
        assert (await house.status(session.session_id)).reason == reason

    run(main)


@pytest.mark.parametrize("code", [2**63, -(2**63), 10**30])
def test_an_exit_code_that_is_none_keeps_no_slot(house: House, code: int) -> None:
    """A callable may end with any number, and a server may tell any: no store would take it, however often asked."""

    async def main() -> None:
        session = await house.sessions.open(house.grant(launcher := MemoryLauncher()), caller(stays))
        house.sessions.agent_exited(AgentRef(launcher.name, session.session_id), code)
        await asyncio.sleep(1)
        status = await house.status(session.session_id)
        assert (status.reason, status.exit_code) == (Reason.AGENT_EXITED, None)

    run(main)


@pytest.mark.parametrize("jump", [-7200.0, 7200.0], ids=["backwards", "forwards"])
def test_a_clock_that_is_set_neither_cuts_a_session_nor_lets_it_last(jump: float) -> None:
    """Two hours, in the first minute of one: it ends when its time has passed, also where its tester joins later."""
    store, shift = MemoryStore("0a1b2c3d"), [0.0]
    house = House(store=store)
    house.sessions = Sessions(
        store, Admission(store, house.limits, lambda: 0), lambda: clock() + shift[0], house.entropy
    )

    async def main() -> None:
        session = await house.sessions.open(house.grant(MemoryLauncher(), clocks=EVIDENCE), caller(stays))
        await asyncio.sleep(30)
        shift[0] = jump
        await house.sessions.tester_joined(session.session_id, clock() + jump)
        await asyncio.sleep(3500)
        assert await house.taken() == 1
        await asyncio.sleep(100)
        assert (await house.status(session.session_id)).reason == Reason.MAX_DURATION

    run(main)


@pytest.mark.parametrize("loses", [False, True], ids=["stays", "is-lost"])
def test_a_clock_that_was_set_back_before_a_restart_lets_no_session_last(house: House, loses: bool) -> None:
    """It seems to begin tomorrow, or its tester to be lost then: its time is counted from the restart."""

    async def main() -> None:
        grant = house.grant(None, clocks=EVIDENCE, stop_at_shutdown=False)
        session = await house.sessions.open(grant, caller(stays))
        await house.sessions.tester_joined(session.session_id, clock())
        if loses:
            await house.sessions.tester_left(session.session_id, clock(), for_good=False)
        await house.sessions.close()
        admission = Admission(house.store, house.limits, lambda: 0)
        second = Sessions(house.store, admission, lambda: clock() - 86_400, house.entropy)
        async with recovered(second, house.store, {"acme": grant.offer}):
            await asyncio.sleep((30 if loses else 3600) + 1)
        assert (await house.status(session.session_id)).reason is (Reason.IDLE if loses else Reason.MAX_DURATION)

    run(main)
