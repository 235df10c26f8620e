"""Which of today's offers can end the agent of an earlier session, and what keeps every one of them from it. Pure.

Decided here: that a launcher is asked only about agents that it would find. A server that never ran an agent says
"gone" of it, while it runs on elsewhere and is billed. Called by `recovery`.
"""

from collections.abc import Mapping
from dataclasses import replace

from session_service.sessions.minting import NO_LAUNCHER
from session_service.sessions.model import Offer
from session_service.sessions.store.contract import Row

Offers = Mapping[str, Offer]

_WAY_OUT = (
    "Configure that again until the session has ended; or end the agent there yourself, and then say so: "
    "session-service sessions stop {} --agent-is-gone"
)


def offer_for(row: Row, offers: Offers) -> Offer | None:
    """What the session goes on with; None where nobody here would find its agent, and that may run."""
    offer = offers.get(row.client)
    if row.launcher == NO_LAUNCHER:  # there is nobody to stop, so anybody's will do
        return replace(offer or next(iter(offers.values())), launcher=None)
    return offer if offer is not None and _obstacle(row, offer) is None else None


def why_stranded(row: Row, offers: Offers) -> str:
    """Why `offer_for` has none for a session, and what to do about it."""
    offer = offers.get(row.client)
    why = _obstacle(row, offer) if offer else f"Its client, {row.client}, is not configured any more."
    return f"{why} {_WAY_OUT.format(row.session_id)}"


def _obstacle(row: Row, offer: Offer) -> str | None:
    launcher = offer.launcher
    if launcher is None or launcher.name != row.launcher:
        return f"Its agent was started with SESSION_LAUNCHER={row.launcher}, which its client does not have any more."
    if launcher.project and row.project not in (None, launcher.project):
        return f"Its agent is in the Agora project {row.project}, and AGORA_APP_ID is another one now."
    if row.server not in (None, launcher.server, *offer.former_servers):
        return (
            f"Its agent was started at {row.server}, and {launcher.server} is configured now. "
            "If that is the same server, name the first in SESSION_FORMER_URLS."
        )
    return None
