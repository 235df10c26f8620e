"""What every store promises."""

import asyncio
from dataclasses import replace

from session_service.sessions.model import Limits, Reason
from session_service.sessions.store.contract import Full, Record, State, Status, Store
from tests.sessions.store.conftest import WIDE, Using, row


async def known(store: Store, session_id: str) -> Record:
    """A record that must be there."""
    record = await store.get(session_id)
    assert record is not None
    return record


def test_a_session_goes_through_its_states(using: Using) -> None:
    """Starting, running, ending, ended; what happened on the way stays."""

    async def steps(store: Store) -> None:
        assert await store.admit(row("a"), WIDE, WIDE) is None
        await store.accepted("a", '{"pid": 7}')
        await store.joined("a", 110.0)
        await store.left("a", 120.0)
        await store.ending("a", Reason.TESTER_LEFT)
        done = await store.ended("a", Reason.LOST, 130.0, 3)
        status = Status(State.ENDED, '{"pid": 7}', 110.0, 120.0, Reason.TESTER_LEFT, 3, 130.0)
        assert done == Record(row("a"), status) == await store.get("a")

    using(steps)


def test_the_deployments_limit_holds_over_all_clients(using: Using) -> None:
    """Full tells when the earliest session ends, whoever's it is."""

    async def steps(store: Store) -> None:
        limits = Limits(2, 10)
        await store.admit(row("a", "x", ends_at=300.0), limits, WIDE)
        await store.admit(row("b", "y", ends_at=250.0), limits, WIDE)
        assert await store.admit(row("c", "z"), limits, WIDE) == Full(starts=False, earliest_end=250.0)
        assert [record.row.session_id for record in await store.live()] == ["a", "b"]

    using(steps)


def test_a_clients_limit_is_its_own(using: Using) -> None:
    """Another client still has room."""

    async def steps(store: Store) -> None:
        one = Limits(1, 10)
        await store.admit(row("a", "x"), WIDE, one)
        assert isinstance(await store.admit(row("b", "x"), WIDE, one), Full)
        assert await store.admit(row("c", "y"), WIDE, one) is None

    using(steps)


def test_a_full_client_is_told_of_its_own_earliest_end(using: Using) -> None:
    """The end of somebody else's session makes it no room; nor does one that is over already."""

    async def steps(store: Store) -> None:
        two = Limits(2, 10)
        await store.admit(row("a", "x", ends_at=150.0), WIDE, two)
        await store.admit(row("b", "y", ends_at=200.0), WIDE, two)
        await store.admit(row("c", "x", ends_at=300.0), WIDE, two)
        await store.ended("a", Reason.LOST, 120.0, None)
        await store.admit(row("d", "x", ends_at=400.0), WIDE, two)
        assert await store.admit(row("e", "x"), WIDE, two) == Full(starts=False, earliest_end=300.0)

    using(steps)


def test_starts_are_counted_until_they_are_over(using: Using) -> None:
    """Accepted, or being ended: either makes room for the next start."""

    async def steps(store: Store) -> None:
        one = Limits(10, 1)
        await store.admit(row("a"), one, WIDE)
        assert await store.admit(row("b"), one, WIDE) == Full(starts=True, earliest_end=None)
        await store.accepted("a", "{}")
        assert await store.admit(row("b"), one, WIDE) is None
        await store.ending("b", Reason.START_FAILED)
        assert await store.admit(row("c"), one, WIDE) is None

    using(steps)


def test_a_slot_is_free_when_its_session_has_ended_and_not_before(using: Using) -> None:
    """An agent that is being stopped may still run."""

    async def steps(store: Store) -> None:
        one = Limits(1, 1)
        await store.admit(row("a"), one, WIDE)
        await store.ending("a", Reason.OPERATOR)
        assert isinstance(await store.admit(row("b"), one, WIDE), Full)
        await store.ended("a", Reason.OPERATOR, 150.0, None)
        assert await store.admit(row("b"), one, WIDE) is None

    using(steps)


def test_nothing_comes_back_from_its_end(using: Using) -> None:
    """Late news of an ended session, and news of an unknown one, change nothing."""

    async def steps(store: Store) -> None:
        await store.admit(row("a"), WIDE, WIDE)
        done = await store.ended("a", Reason.LOST, 150.0, None)
        for session_id in ("a", "never"):
            await store.accepted(session_id, "{}")
            await store.joined(session_id, 160.0)
            await store.left(session_id, 160.0)
            await store.ending(session_id, Reason.OPERATOR)
            assert await store.ended(session_id, Reason.OPERATOR, 170.0, 1) is None
        assert await store.get("a") == done
        assert await store.get("never") is None

    using(steps)


def test_a_tester_that_comes_back_has_not_left(using: Using) -> None:
    """A lost connection that returns."""

    async def steps(store: Store) -> None:
        await store.admit(row("a"), WIDE, WIDE)
        await store.joined("a", 110.0)
        await store.left("a", 120.0)
        await store.joined("a", 125.0)
        assert (await known(store, "a")).status == replace(Status(), joined_at=125.0)

    using(steps)


def test_racing_admissions_never_exceed_the_limit(using: Using) -> None:
    """Two thousand at once, fifty places."""

    async def steps(store: Store) -> None:
        limits = Limits(50, 2000)
        answers = await asyncio.gather(*(store.admit(row(f"{n}"), limits, WIDE) for n in range(2000)))
        assert answers.count(None) == 50 == len(await store.live())

    using(steps)


def test_the_recent_ones_are_told_newest_first(using: Using) -> None:
    """Live and ended together."""

    async def steps(store: Store) -> None:
        for number, name in enumerate("abcd"):
            await store.admit(row(name, created_at=100.0 + number), WIDE, WIDE)
        await store.ended("c", Reason.LOST, 150.0, None)
        assert [record.row.session_id for record in await store.recent(3)] == ["d", "c", "b"]

    using(steps)


def test_all_that_is_known_of_a_session_is_kept(using: Using) -> None:
    """Where its agent runs, and in which project, is what a restart under other settings needs."""
    whole = replace(row("a"), report_hash="5f", agent_uid=7, project="970ca35d", server="https://agents.example/v1")

    async def steps(store: Store) -> None:
        await store.admit(whole, WIDE, WIDE)
        assert (await known(store, "a")).row == whole
        assert [record.row for record in await store.live()] == [whole]

    using(steps)
