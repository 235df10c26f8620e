"""From an offer and random bytes to a new session: its id, its join details, its agent's orders, its row. Pure.

Decided here: which random byte goes where, and that of the report's token only a hash is kept. Called by `opening`;
`token_hash` also by `http.reports`.
"""

import hashlib

from session_service.agents.contract import AgentSpec, Report
from session_service.sessions.model import Offer, Session
from session_service.sessions.store.contract import Row
from session_service.values import value

NO_LAUNCHER = "none"
ID_BYTES = 12
"""Of a session id, after the deployment's own eight digits: 96 bits, of which nobody can guess one."""
_TOKEN_BYTES = 32


@value
class Minted:
    """A session before it is admitted. `spec` is None where there is no agent to start."""

    session: Session
    spec: AgentSpec | None
    row: Row


def entropy_for(offer: Offer) -> int:
    """How many random bytes a session of this offer takes."""
    return ID_BYTES + _TOKEN_BYTES + offer.transport.ENTROPY


def mint(offer: Offer, deployment: str, now: float, entropy: bytes) -> Minted:
    """A new session. `now` is in Unix seconds, `entropy` as many fresh bytes as `entropy_for` says."""
    session_id = deployment + entropy[:ID_BYTES].hex()
    own = entropy[ID_BYTES + _TOKEN_BYTES :]
    details, encryption = offer.transport.join(session_id, int(now), own)
    session = Session(session_id, offer.client, details.agora_channel, int(now), details)
    if offer.launcher is None:
        return Minted(session, None, _row(offer, session, now, None))
    seat = offer.transport.seat(session.channel, int(now), own)
    report = _report(offer, session_id, entropy[ID_BYTES : ID_BYTES + _TOKEN_BYTES])
    spec = AgentSpec(session_id, seat, encryption, report=report)
    return Minted(session, spec, _row(offer, session, now, spec))


def token_hash(token: str) -> str:
    """What is kept of a report's token. It is random, so one round of SHA-256 tells nobody what it was."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def _report(offer: Offer, session_id: str, entropy: bytes) -> Report | None:
    return Report(offer.report_url(session_id), entropy.hex()) if offer.report_url else None


def _row(offer: Offer, session: Session, now: float, spec: AgentSpec | None) -> Row:
    return Row(
        session.session_id,
        offer.client,
        offer.transport.name,
        session.channel,
        offer.launcher.name if offer.launcher else NO_LAUNCHER,
        offer.transport.join_uid,
        now,
        now + offer.clocks.max_duration,
        token_hash(spec.report.token) if spec and spec.report else None,
        spec.agora.uid if spec else None,
        offer.transport.app_id,
        offer.launcher.server or None if offer.launcher else None,
    )
