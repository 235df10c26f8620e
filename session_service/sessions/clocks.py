"""Which clock ends a session next, and why. Pure. Called by `reaper` whenever something about a session has changed.

Decided here: the maximum duration always runs. The clocks that judge the tester run only where there is evidence of its
coming and going (notifications, the agent's reports, the provider's word): without evidence a healthy call would be cut
for a silence that is ours.
"""

from session_service.sessions.model import Clocks, Reason
from session_service.sessions.store.contract import Row, Status


def next_end(row: Row, status: Status, clocks: Clocks) -> tuple[float, Reason]:
    """The earliest instant at which this session ends if nothing else happens, in Unix seconds, and the reason."""
    at, reason = row.ends_at, Reason.MAX_DURATION
    if clocks.evidence:
        if status.joined_at is None and row.created_at + clocks.join_deadline < at:
            at, reason = row.created_at + clocks.join_deadline, Reason.JOIN_DEADLINE
        if status.left_at is not None and status.left_at + clocks.idle_timeout < at:
            at, reason = status.left_at + clocks.idle_timeout, Reason.IDLE
    return at, reason
