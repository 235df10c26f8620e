"""What a new session is made of, and what an agent may have of it later."""

import asyncio
from contextlib import nullcontext
from dataclasses import replace

import pytest

from session_service.agora import tokens
from session_service.errors import NoFreshToken, SessionOver
from session_service.sessions.minting import entropy_for, mint, token_hash
from session_service.sessions.model import Offer, Reason
from session_service.sessions.store.contract import Record
from tests.agents.fakes import ImmortalLauncher, MemoryLauncher
from tests.sessions.conftest import House, caller, stays
from tests.virtual_time import NOW, run


def entropy(offer: Offer) -> bytes:
    """No two bytes of which are the same."""
    return bytes(range(entropy_for(offer)))


def test_an_agent_that_may_report_has_a_token_of_which_only_a_hash_is_kept(house: House) -> None:
    """At the URL of its own session."""
    offer = house.grant(MemoryLauncher(), report_url=lambda session_id: f"http://localhost/{session_id}").offer
    minted = mint(offer, "0a1b2c3d", NOW + 0.5, entropy(offer))
    assert minted.spec is not None
    assert minted.spec.report is not None
    assert minted.spec.report.url == f"http://localhost/{minted.session.session_id}"
    assert minted.row.report_hash == token_hash(minted.spec.report.token) != minted.spec.report.token
    assert len(minted.spec.report.token) == 64


def test_no_random_byte_of_a_session_stands_in_two_places(house: House) -> None:
    """Its id is public, and tells nothing of the report's token or of the encryption."""
    offer = house.grant(MemoryLauncher(), report_url=str).offer
    own = entropy(offer)
    minted = mint(offer, "0a1b2c3d", NOW, own)
    assert minted.spec is not None
    assert minted.spec.report is not None
    assert minted.session.session_id == "0a1b2c3d" + own[:12].hex()
    assert minted.spec.report.token == own[12:44].hex()


def test_without_an_agent_nobody_may_report(house: House) -> None:
    """Neither a hash nor a uid is kept."""
    offer = house.grant(None).offer
    minted = mint(offer, "0a1b2c3d", NOW, entropy(offer))
    assert (minted.spec, minted.row.report_hash, minted.row.agent_uid) == (None, None, None)


def test_a_renewed_token_is_the_agents_own(house: House) -> None:
    """For the rest of the session, from the moment that it is asked for."""

    async def main() -> None:
        launcher = MemoryLauncher()
        session = await house.sessions.open(house.grant(launcher), caller(stays))
        await asyncio.sleep(100)
        fresh = house.sessions.renew(session.session_id)
        read = tokens.read(fresh.token)
        assert (
            read.services[0].fields == tokens.read(launcher.running[session.session_id].agora.token).services[0].fields
        )
        assert (read.issued_at, fresh.expires_at) == (NOW + 100, NOW + 100 + 3900)
        assert fresh.token not in repr(fresh)

    run(main)


@pytest.mark.parametrize("launcher", [None, MemoryLauncher(), ImmortalLauncher()])
def test_nothing_is_renewed_for_a_session_without_an_agent_or_at_its_end(
    house: House, launcher: MemoryLauncher | None
) -> None:
    """An agent that will not end does not get the means to stay."""

    async def main() -> None:
        session = await house.sessions.open(house.grant(launcher), caller(stays))
        if launcher is not None:
            house.sessions.end(session.session_id, Reason.IDLE)
            await asyncio.sleep(1)
        for session_id in (session.session_id, "nobody"):
            with pytest.raises(SessionOver):
                house.sessions.renew(session_id)

    run(main)


@pytest.mark.parametrize("remote", [True, False])
def test_an_agent_that_was_seen_to_leave_ends_its_session_where_it_runs_elsewhere(house: House, remote: bool) -> None:
    """The others are waited for, because their end has an exit code."""

    async def main() -> None:
        launcher = MemoryLauncher()
        launcher.survives_restart = remote
        session = await house.sessions.open(house.grant(launcher), caller(stays))
        house.sessions.agent_left(session.session_id)
        await asyncio.sleep(1)
        assert (await house.status(session.session_id)).reason == (Reason.AGENT_EXITED if remote else None)

    run(main)


@pytest.mark.parametrize(("server", "kept"), [("https://agents.example/v1", "https://agents.example/v1"), ("", None)])
def test_a_row_says_where_the_agent_runs_and_in_which_project(house: House, server: str, kept: str | None) -> None:
    """A restart under other settings asks nobody else about it."""
    launcher = MemoryLauncher()
    launcher.server = server
    offer = house.grant(launcher).offer
    made = mint(offer, "0a1b2c3d", NOW, entropy(offer))
    assert (made.row.server, made.row.project) == (kept, made.session.details.agora_app_id)


def test_nothing_is_renewed_in_another_project(house: House) -> None:
    """The channel is in the project that it was opened in; a row of an older version does not say in which."""

    async def main() -> None:
        launcher = MemoryLauncher()
        session = await house.sessions.open(house.grant(launcher), caller(stays))
        record = await house.sessions.record(session.session_id)
        assert record is not None
        for project, refused in (("0" * 32, True), (None, False)):
            row = replace(record.row, project=project)
            house.sessions.adopt(Record(row, record.status), house.grant(launcher).offer)
            with pytest.raises(NoFreshToken) if refused else nullcontext():
                house.sessions.renew(session.session_id)

    run(main)
