"""The one error tree: what a caller is told, and what the log is told.

Decided here: the stable code, the HTTP status and the public sentence of every refusal. `http.routes` turns an error
into an answer by these four facts alone; docs/contract.md lists the codes, and a test holds the two together.

The public sentence is fixed per class and never holds input. The log text is for the operator: it may name settings,
exit codes and paths, and never a secret, a token or a key.
"""

from typing import ClassVar


class ServiceError(Exception):
    """The root. `str(error)` is the log text; `public` is all that a caller sees."""

    code: ClassVar[str] = "internal_error"
    status: ClassVar[int] = 500
    public: ClassVar[str] = "Something went wrong on our side. Retry, and give the request id to the operator."

    def __init__(self, log: str = "", *, retry_after: int | None = None) -> None:
        super().__init__(log or self.public)
        self.retry_after = retry_after
        """Whole seconds after which a retry makes sense (RFC 9110, 10.2.3), or None where it makes none."""
        self.log_text = log or None
        """What the log is told beyond the code, or None."""


class InvalidValue(ServiceError, ValueError):
    """A value breaks a rule of Agora or of ours. The text names the rule and never the value."""

    code = "invalid_value"


class UnreadableToken(InvalidValue):
    """A text is no token of the version it was read as: cut, mistyped, or of another kind."""


class SettingsError(ServiceError):
    """The service may not start with these settings; the text holds every problem, a line each."""

    code = "settings"


class BadRequest(ServiceError):
    """The HTTP message itself is broken."""

    code = "bad_request"
    status = 400
    public = "The HTTP request is malformed. Send one Host header and well-formed headers."


class MalformedBody(ServiceError):
    """The body is not the JSON object that the contract asks for."""

    code = "malformed_body"
    status = 400
    public = 'The body is not a JSON object. Send {"client_id": "..."} with Content-Type: application/json.'


class InvalidClientId(ServiceError):
    """client_id is missing, empty, given twice or not a usable string."""

    code = "invalid_client_id"
    status = 400
    public = (
        "client_id is missing or not a usable string. Send it once: for POST as a key of the JSON body, "
        "for GET as a query parameter."
    )


class Unauthenticated(ServiceError):
    """The secret header is missing, wrong or sent more than once. Which of these is not told to the caller."""

    code = "unauthenticated"
    status = 401
    public = "The secret is missing or wrong. Send it once, in the configured header."


class ClientNotAllowed(ServiceError):
    """The secret is right, and does not open this client id; unknown ids get the same answer."""

    code = "client_not_allowed"
    status = 403
    public = "This client_id is not served with this secret. Compare the Client ID in the platform's form with ours."


class CallerNotAllowed(ServiceError):
    """The caller's address is outside SESSION_CALLER_NETWORKS."""

    code = "caller_not_allowed"
    status = 403
    public = "Calls from this address are not allowed. The operator can add its network."


class NotFound(ServiceError):
    """No such path."""

    code = "not_found"
    status = 404
    public = "There is nothing here. Compare the path with the Session Endpoint URL in the platform's form."


class MethodNotAllowed(ServiceError):
    """The path exists, the method does not; the answer carries Allow."""

    code = "method_not_allowed"
    status = 405
    public = "This method is not served here. Use one that the Allow header names."


class RequestTimeout(ServiceError):
    """A message has begun, and is not complete within SESSION_RECEIPT_TIMEOUT."""

    code = "request_timeout"
    status = 408
    public = "The request did not arrive in time. Send all of it at once."


class BodyTooLarge(ServiceError):
    """The body is over the limit of its path: 16 KiB for a session."""

    code = "body_too_large"
    status = 413
    public = "The body is too large. Send what is asked for, and nothing else."


class UnsupportedMediaType(ServiceError):
    """The body is declared as something other than JSON."""

    code = "unsupported_media_type"
    status = 415
    public = "The body must be JSON. Send Content-Type: application/json, or leave the header out."


class HeadersTooLarge(ServiceError):
    """The header block is over 16 KiB or has more than 100 headers."""

    code = "headers_too_large"
    status = 431
    public = "The headers are too large. Send fewer of them."


class TooManyFailures(ServiceError):
    """This address has sent too many wrong secrets; a right one still passes."""

    code = "too_many_failures"
    status = 429
    public = "Too many calls with a wrong secret from this address. Correct the secret and retry later."


class SessionLimit(ServiceError):
    """Every session that this deployment or client may have is taken."""

    code = "session_limit"
    status = 429
    public = "As many sessions run as this deployment allows. Retry after the time in Retry-After."


class StartLimit(ServiceError):
    """As many agents are being started as this deployment or client may start at once."""

    code = "start_limit"
    status = 429
    public = "As many agents are being started as this deployment allows. Retry after the time in Retry-After."


class AgentRefused(ServiceError):
    """The launcher will not start this agent; trying again changes nothing until somebody mends it."""

    code = "agent_refused"
    status = 502
    public = "The agent could not be started. The operator finds the reason in the log under the request id."


class AgentUnavailable(ServiceError):
    """The launcher cannot start an agent now, and may be able to later."""

    code = "agent_unavailable"
    status = 503
    public = "The agent cannot be started at the moment. Retry after the time in Retry-After."


class StoreUnavailable(ServiceError):
    """The store of sessions cannot be read or written; nothing is started on its account."""

    code = "store_unavailable"
    status = 503
    public = "The service cannot record sessions at the moment. Retry after the time in Retry-After."


class NotReady(ServiceError):
    """Sessions of an earlier start cannot be ended by this one: their launcher is not installed."""

    code = "not_ready"
    status = 503
    public = "The service found sessions that it cannot end. The operator finds them in the log."


class Draining(ServiceError):
    """The service is shutting down and takes no new session."""

    code = "draining"
    status = 503
    public = "The service is shutting down. Retry after the time in Retry-After."


class AgentTimeout(ServiceError):
    """The agent was not accepted within the answer budget; what was started is being stopped."""

    code = "agent_timeout"
    status = 504
    public = "The agent did not start in time, and was stopped. Retry after the time in Retry-After."


class EventRefused(ServiceError):
    """The root of what an event is refused for: a notification of Agora's, or an agent's report."""


class BadSignature(EventRefused):
    """No configured secret signed this notification: it is somebody else's, or the secret has been changed."""

    code = "bad_signature"
    status = 401
    public = "The signature is missing or wrong. Compare the secret in Agora's console with the configured one."


class MalformedNotification(EventRefused):
    """A signed notification that is not of this path's product, or not what Agora documents."""

    code = "malformed_notification"
    status = 400
    public = "This is no notification of this path's product. Compare the URL of each product in Agora's console."


class BadReportToken(EventRefused):
    """The report's token is missing, or not this session's; there being no such session looks the same."""

    code = "bad_report_token"
    status = 401
    public = "The token is missing or wrong. Send the report's own token as Authorization: Bearer, to the report's URL."


class MalformedReport(EventRefused):
    """The report is not one of the events that docs/agents.md lists."""

    code = "malformed_report"
    status = 400
    public = 'This is no report. Send {"event": "joined"}, or another event that the documentation of agents lists.'


class SessionOver(EventRefused):
    """The token is right, and its session has ended or is ending."""

    code = "session_over"
    status = 410
    public = "This session is over. Leave the channel, and report nothing more."


class TooManyReports(EventRefused):
    """More reports of one session than an agent has anything to say."""

    code = "too_many_reports"
    status = 429
    public = "Too many reports of this session. Retry after the time in Retry-After."


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


class UnknownSession(OperatorError):
    """No session has this id, or none that is remembered."""

    code = "unknown_session"
    status = 404
    public = "There is no session of this id, or not any more."


class TooManyListeners(OperatorError):
    """As many listen to the events as may."""

    code = "too_many_listeners"
    status = 429
    public = "As many listen to the events as may. Retry after the time in Retry-After."


class CallerGone(ServiceError):
    """The caller hung up before its answer. Nobody reads this one; it ends the start."""

    code = "caller_gone"
    status = 499
    public = "The caller hung up."
