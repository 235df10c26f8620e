"""What a restarted service does with the sessions that the last one left. Called once by `app`, before the first call.

Decided here: an agent that survived and can be found goes on in its session; everything else is ended as `lost`, and
stopped by name; agents of this deployment that no session knows are stopped; a session whose launcher is not installed
is left as it is, and keeps the service from being ready: somebody has to look. From then on agents are asked after.
"""

import asyncio
import logging
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import replace

from session_service.agents.contract import AgentRef, Launcher
from session_service.errors import ServiceError
from session_service.sessions.lifecycle import Sessions
from session_service.sessions.live import Live
from session_service.sessions.minting import NO_LAUNCHER
from session_service.sessions.model import Offer, Reason
from session_service.sessions.store.contract import Record, Row, State, Store
from session_service.sessions.turns import Turns

_log = logging.getLogger("session_service.sessions")


async def recover(sessions: Sessions, store: Store, offers: Mapping[str, Offer]) -> None:
    """Adopt or end every session of the store, and end strays; what nobody here can end is `sessions.stranded`."""
    turns = Turns()
    records = await store.live()
    ours = [(record, offer) for record in records if (offer := _offer(record.row, offers))]
    stranded = [record.row for record in records if _offer(record.row, offers) is None]
    for row in stranded:
        values = {"event": "session.stranded", "session": row.session_id, "launcher": row.launcher}
        _log.error("session without its launcher", extra=values)
    await asyncio.gather(*(_take_up(sessions, record, offer, turns) for record, offer in ours))
    known = {record.row.session_id for record in await store.live()}
    await asyncio.gather(*(_stop_strays(offer, store.deployment, known, turns) for offer in offers.values()))
    sessions.stranded = tuple(row.session_id for row in stranded)
    sessions.look_after()


async def _take_up(sessions: Sessions, record: Record, offer: Offer, turns: Turns) -> None:
    """Adopt a session, and end it where its agent does not go on."""
    sessions.adopt(record, offer)
    if await _goes_on(record, offer, turns):
        values = {"event": "session.adopted", "session": record.row.session_id, "launcher": record.row.launcher}
        _log.info("session adopted", extra=values)
    else:
        sessions.end(record.row.session_id, Reason.LOST)


def _offer(row: Row, offers: Mapping[str, Offer]) -> Offer | None:
    """What the session was made from; None where its client or launcher is gone, and an agent may run."""
    offer = offers.get(row.client)
    if offer is not None and _launcher_name(offer) == row.launcher:
        return offer
    if row.launcher == NO_LAUNCHER:  # there is nobody to stop, so anybody's will do
        return replace(offer or next(iter(offers.values())), launcher=None)
    return None


def _launcher_name(offer: Offer) -> str:
    return offer.launcher.name if offer.launcher else NO_LAUNCHER


async def _goes_on(record: Record, offer: Offer, turns: Turns) -> bool:
    """Whether the agent still runs, as far as anybody can tell; a provider that does not answer gets the doubt."""
    if record.status.state is not State.RUNNING:
        return False
    if offer.launcher is None:
        return record.row.client == offer.client
    if not offer.launcher.survives_restart:
        return False
    try:
        async with turns.of(offer.client, offer.launcher):
            state = await offer.launcher.poll(Live(record.row, offer, record.status).ref())
    except Exception:  # noqa: BLE001 - launchers are not ours to trust
        return True
    return state.kind == "running"


async def _stop_strays(offer: Offer, prefix: str, known: set[str], turns: Turns) -> None:
    """Stop what runs under our prefix and belongs to no session: its start was told to nobody."""
    launcher = offer.launcher
    if launcher is None:
        return
    try:
        strays = [ref for ref in await launcher.list(prefix) if ref.name not in known]
        await asyncio.gather(*(_stop_stray(launcher, ref, turns.of(offer.client, launcher)) for ref in strays))
    except Exception as error:  # noqa: BLE001 - launchers are not ours to trust
        why = str(error) if isinstance(error, ServiceError) else type(error).__name__
        values = {"event": "agent.strays_unknown", "launcher": launcher.name, "why": why}
        _log.error("strays not found", extra=values)


async def _stop_stray(launcher: Launcher, ref: AgentRef, turn: AbstractAsyncContextManager[None]) -> None:
    _log.warning("stray agent stopped", extra={"event": "agent.stray", "session": ref.name})
    async with turn:
        await launcher.stop(ref)
