"""What the operator's port refuses."""

from session_service.errors.tree import ServiceError


class OperatorError(ServiceError):
    """The root of what the operator's port refuses; none of it is part of the contract with the platform."""


class NotTheOperator(OperatorError):
    """SESSION_OPS_TOKEN is missing or wrong."""

    code = "not_the_operator"
    status = 401
    public = "The token is missing or wrong. Send SESSION_OPS_TOKEN as Authorization: Bearer."


class HostNotAllowed(OperatorError):
    """The Host header names somebody else: a page in a browser made its own name lead here."""

    code = "host_not_allowed"
    status = 403
    public = "This Host is not served here. Use the address, localhost, or the name in SESSION_OPS_HOST."


class OriginNotAllowed(OperatorError):
    """A page of another site sent this."""

    code = "origin_not_allowed"
    status = 403
    public = "Calls from pages of other sites are not allowed."


class NoSuchPath(OperatorError):
    """The operator's port has no such path."""

    code = "not_found"
    status = 404
    public = "There is nothing here. This port has /sessions, /sessions/ID, /events, /metrics, /livez and /readyz."


class UnknownSession(OperatorError):
    """No session has this id, or none that is remembered."""

    code = "unknown_session"
    status = 404
    public = "There is no session of this id, or not any more."


class Stranded(OperatorError):
    """Nobody here can end this session's agent, and nobody has said that it is gone."""

    code = "stranded"
    status = 409
    public = "This service cannot end the agent of that session. Show the session: it says why, and what to do."


class TooManyListeners(OperatorError):
    """As many listen to the events as may."""

    code = "too_many_listeners"
    status = 429
    public = "As many listen to the events as may. Retry after the time in Retry-After."
