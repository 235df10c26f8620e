"""What a restarted service does with the sessions that the last one left. Entered once by `app`, before the first call.

Decided here: an agent that survived and can be found goes on in its session; everything else is ended as `lost`, and
stopped by name; a session whose agent nobody here would find (`stranding`) is left as it is, and keeps the service from
being ready: somebody has to look. Whoever has to be asked elsewhere is asked while calls are already answered, for
so long in all; of whom nothing was heard by then, that goes on, and is asked after in `rounds`.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from session_service.agents.contract import Launcher
from session_service.sessions.lifecycle import Sessions
from session_service.sessions.live import Live
from session_service.sessions.model import Offer, Reason
from session_service.sessions.store.contract import Record, Row, State, Store
from session_service.sessions.stranding import Offers, offer_for, why_stranded
from session_service.sessions.strays import end_strays
from session_service.sessions.trying import is_told_to_end
from session_service.sessions.turns import Turns

PATIENCE = 10.0
"""Seconds that a start asks after agents elsewhere, all of them together, before it counts as ready."""

_log = logging.getLogger("session_service.sessions")


@dataclass(frozen=True, slots=True)
class _Doubt:
    """A session whose agent may still run elsewhere, and who knows."""

    record: Record
    offer: Offer
    launcher: Launcher


@asynccontextmanager
async def recovered(sessions: Sessions, store: Store, offers: Offers) -> AsyncIterator[None]:
    """Adopt or end every session of the store. Inside, agents elsewhere are asked after, and strays are ended.

    `sessions.finding_out` is True until all have been asked or PATIENCE is over; what nobody here can end is
    `sessions.stranded`. Raises StoreUnavailable.
    """
    records = await store.live()
    stranded = [one for one in records if offer_for(one.row, offers) is None]
    sessions.stranded = {one.row.session_id: _strand(one.row, offers) for one in stranded}
    for one in stranded:
        if one.status.state is State.STARTING:  # nobody waits for it any more, and it takes no place of the next start
            await store.ending(one.row.session_id, Reason.LOST)
    doubts = [doubt for one in records if (doubt := _take_up(sessions, one, offers)) is not None]
    sessions.finding_out = bool(doubts)
    turns = Turns()
    tasks = [asyncio.create_task(_find_out(sessions, doubts, turns), name="recovery")]
    tasks += [asyncio.create_task(end_strays(offer, store, turns), name="strays") for offer in offers.values()]
    sessions.look_after()
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()


def _strand(row: Row, offers: Offers) -> str:
    """Tell that a session is stranded, and why."""
    why = why_stranded(row, offers)
    values = {
        "event": "session.stranded",
        "session": row.session_id,
        "client": row.client,
        "launcher": row.launcher,
        "project": row.project,
        "server": row.server,
        "why": why,
    }
    _log.error("session whose agent nobody here can end", extra=values)
    return why


def _take_up(sessions: Sessions, record: Record, offers: Offers) -> _Doubt | None:
    """Adopt a session, and end it where its agent cannot go on; where others have to tell, that is for later."""
    offer = offer_for(record.row, offers)
    if offer is None:
        return None
    sessions.adopt(record, offer)
    if not _may_go_on(record, offer):
        sessions.end(record.row.session_id, Reason.LOST)
    elif offer.launcher is not None:
        return _Doubt(record, offer, offer.launcher)
    else:
        _tell_adopted(record.row)
    return None


def _may_go_on(record: Record, offer: Offer) -> bool:
    if record.status.state is not State.RUNNING:
        return False
    return offer.launcher.survives_restart if offer.launcher else record.row.client == offer.client


async def _find_out(sessions: Sessions, doubts: Sequence[_Doubt], turns: Turns) -> None:
    asked = {asyncio.create_task(_ask(sessions, doubt, turns)): doubt for doubt in doubts}
    try:
        _, unheard = await asyncio.wait(asked, timeout=PATIENCE) if asked else ((), ())
        for task in unheard:
            _tell_adopted(asked[task].record.row)
        if unheard:
            values = {"event": "service.agents_unheard", "count": len(unheard), "seconds": PATIENCE}
            _log.warning("nothing was heard of some agents; they are asked after later", extra=values)
    finally:
        for task in asked:
            task.cancel()
        sessions.finding_out = False


async def _ask(sessions: Sessions, doubt: _Doubt, turns: Turns) -> None:
    if await _runs(doubt, turns):
        _tell_adopted(doubt.record.row)
    else:
        sessions.end(doubt.record.row.session_id, Reason.LOST)


async def _runs(doubt: _Doubt, turns: Turns) -> bool:
    """Whether the agent still runs, as far as anybody can tell; a provider that does not answer gets the doubt."""
    ref = Live(doubt.record.row, doubt.offer, doubt.record.status).ref()
    try:
        async with turns.of(doubt.offer.client, doubt.launcher):
            return (await doubt.launcher.poll(ref)).kind == "running"
    except BaseException as error:  # launchers are not ours to trust
        if is_told_to_end(error):
            raise
        return True


def _tell_adopted(row: Row) -> None:
    values = {"event": "session.adopted", "session": row.session_id, "launcher": row.launcher}
    _log.info("session adopted", extra=values)
