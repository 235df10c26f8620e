"""Why something that was told of a session is not taken: a notification of Agora's, or an agent's report."""

from session_service.errors.tree import ServiceError


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


class NoFreshToken(EventRefused):
    """The session's channel is in another Agora project than its client's new ones, or may be."""

    code = "no_fresh_token"
    status = 409
    public = "The service is configured otherwise since this session began. Use the token that you have until it ends."


class TooManyReports(EventRefused):
    """More reports of one session than an agent has anything to say."""

    code = "too_many_reports"
    status = 429
    public = "Too many reports of this session. Retry after the time in Retry-After."
