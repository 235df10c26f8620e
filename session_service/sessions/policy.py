"""May this request have a session, and what exactly? Pure. Called by `http.routes`, after auth and wire."""

from collections.abc import Iterable

from session_service.errors import ClientNotAllowed
from session_service.sessions.model import Grant, Opened, SessionRequest


def decide(request: SessionRequest, opened: Iterable[Opened]) -> Grant:
    """The grant of the one opened client that is asked for.

    Raises ClientNotAllowed for every other client id, whether or not somebody else has it.
    """
    for candidate in opened:
        if candidate.offer.client_id == request.client_id:
            return Grant(candidate.offer, candidate.label)
    raise ClientNotAllowed
