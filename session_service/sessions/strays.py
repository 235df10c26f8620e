"""Agents of this deployment that no session knows: the start of each was told to nobody. Run by `recovery`.

Decided here: when they are looked for: once, at the start, and again after a pause for as long as the launcher cannot
tell, or one of them does not let itself be stopped. Where agents of such names run is asked before who of them is
known, so that the agent of a session which begins meanwhile is never taken for a stray.
"""

import asyncio
import logging
from contextlib import AbstractAsyncContextManager

from session_service.agents.contract import AgentRef, Launcher
from session_service.errors import ServiceError
from session_service.sessions.model import Offer
from session_service.sessions.store.contract import Store
from session_service.sessions.trying import is_told_to_end
from session_service.sessions.turns import Turns

PAUSES = (15.0, 600.0)
"""Seconds before the next look: doubled each time, between these."""
PATIENCE = 60.0
"""Seconds after which a look that has not come back counts as failed: longer than any launcher's own."""

_log = logging.getLogger("session_service.sessions")


async def end_strays(offer: Offer, store: Store, turns: Turns) -> None:
    """Return when every stray of this client's launcher is gone."""
    if offer.launcher is None:
        return
    pause, longest = PAUSES
    while True:
        try:
            async with asyncio.timeout(PATIENCE):
                return await _end_all(offer.client, offer.launcher, store, turns)
        except BaseException as error:  # launchers are not ours to trust
            if is_told_to_end(error):
                raise
            _tell_failure(offer, error, pause)
        await asyncio.sleep(pause)
        pause = min(2 * pause, longest)


async def _end_all(client: str, launcher: Launcher, store: Store, turns: Turns) -> None:
    """Stop them; raises what the last of them could not be stopped for, once all have been tried."""
    listed = await launcher.list(store.deployment)
    known = {record.row.session_id for record in await store.live()}
    stops = [_stop(launcher, ref, turns.of(client, launcher)) for ref in listed if ref.name not in known]
    for outcome in await asyncio.gather(*stops, return_exceptions=True):
        if isinstance(outcome, BaseException):
            raise outcome


async def _stop(launcher: Launcher, ref: AgentRef, turn: AbstractAsyncContextManager[None]) -> None:
    _log.warning("stray agent stopped", extra={"event": "agent.stray", "session": ref.name})
    async with turn:
        await launcher.stop(ref)


def _tell_failure(offer: Offer, error: BaseException, pause: float) -> None:
    values = {
        "event": "agent.strays_unknown",
        "client": offer.client,
        "launcher": offer.launcher.name if offer.launcher else None,
        "why": str(error) if isinstance(error, ServiceError) else type(error).__name__,
        "retry_in": pause,
    }
    _log.error("strays not found, or not stopped; they are looked for again", extra=values)
