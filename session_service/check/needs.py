"""Whether a target has what a check cannot do without."""

from session_service.check.model import Check, Need
from session_service.check.target import Target


def missing(check: Check, target: Target) -> Need | None:
    """The first need of the check that the target does not meet."""
    unmet = _unmet(target)
    return next((need for need in check.needs if need in unmet), None)


def _unmet(target: Target) -> set[Need]:
    return {
        *(() if target.endpoint.tls else (Need.TLS,)),
        *((Need.PUBLIC_HOST,) if target.endpoint.names_loopback else ()),
        *(() if target.method == "POST" else (Need.POST,)),
        *(() if target.watch else (Need.FOLLOW,)),
    }
