"""Why a call that is right gets no session: no room, no agent, no store, or nobody left to answer."""

from session_service.errors.tree import ServiceError


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
    """Sessions of an earlier start cannot be ended by this one, or are still being asked after."""

    code = "not_ready"
    status = 503
    public = (
        "The service found sessions that it cannot end or does not know yet. "
        "The operator asks `session-service sessions list`."
    )


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


class CallerGone(ServiceError):
    """The caller hung up before its answer. Nobody reads this one; it ends the start."""

    code = "caller_gone"
    status = 499
    public = "The caller hung up."
