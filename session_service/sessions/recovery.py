"""What a restarted service does with the sessions that the last one left. Called once by `app`, before the first call.

Decided here: an agent that survived and can be found goes on in its session; everything else is ended as `lost`, and
stopped by name; agents of this deployment that no session knows are stopped; a session whose launcher is not installed
is left as it is, and keeps the service from being ready: somebody has to look.
"""

import asyncio
import logging
from collections.abc import Iterable, Mapping

from session_service.agents.contract import AgentRef, Launcher
from session_service.errors import ServiceError
from session_service.sessions.lifecycle import Sessions
from session_service.sessions.live import Live
from session_service.sessions.minting import NO_LAUNCHER
from session_service.sessions.model import Offer, Reason
from session_service.sessions.store.contract import Record, State, Store

_log = logging.getLogger("session_service.sessions")


async def recover(sessions: Sessions, store: Store, offers: Mapping[str, Offer]) -> None:
    """Adopt or end every session of the store, and end strays; what nobody here can end is `sessions.stranded`."""
    stranded = []
    for record in await store.live():
        offer = offers.get(record.row.client)
        if offer is None or _launcher_name(offer) != record.row.launcher:
            stranded.append(record.row.session_id)
            _log.error(
                "session without its launcher",
                extra={
                    "event": "session.stranded",
                    "session": record.row.session_id,
                    "launcher": record.row.launcher,
                },
            )
            continue
        sessions.adopt(record, offer)
        if await _goes_on(record, offer):
            _log.info(
                "session adopted",
                extra={"event": "session.adopted", "session": record.row.session_id, "launcher": record.row.launcher},
            )
        else:
            sessions.end(record.row.session_id, Reason.LOST)
    known = {record.row.session_id for record in await store.live()}
    await asyncio.gather(*(_stop_strays(launcher, store.deployment, known) for launcher in _launchers(offers)))
    sessions.stranded = tuple(stranded)


def _launcher_name(offer: Offer) -> str:
    return offer.launcher.name if offer.launcher else NO_LAUNCHER


def _launchers(offers: Mapping[str, Offer]) -> Iterable[Launcher]:
    return [offer.launcher for offer in offers.values() if offer.launcher is not None]


async def _goes_on(record: Record, offer: Offer) -> bool:
    """Whether the agent still runs, as far as anybody can tell; a provider that does not answer gets the doubt."""
    if offer.launcher is None:
        return True
    if record.status.state is not State.RUNNING or not offer.launcher.survives_restart:
        return False
    try:
        state = await offer.launcher.poll(Live(record.row, offer, record.status).ref())
    except ServiceError:
        return True
    return state.kind == "running"


async def _stop_strays(launcher: Launcher, prefix: str, known: set[str]) -> None:
    """Stop what runs under our prefix and belongs to no session: its start was told to nobody."""
    try:
        strays = [ref for ref in await launcher.list(prefix) if ref.name not in known]
        await asyncio.gather(*(_stop_stray(launcher, ref) for ref in strays))
    except ServiceError as error:
        values = {"event": "agent.strays_unknown", "launcher": launcher.name, "why": str(error)}
        _log.error("strays not found", extra=values)


async def _stop_stray(launcher: Launcher, ref: AgentRef) -> None:
    _log.warning("stray agent stopped", extra={"event": "agent.stray", "session": ref.name})
    await launcher.stop(ref)
