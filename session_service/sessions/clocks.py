"""Which clock ends a session next, and why. Pure. Called by `reaper` whenever something about a session has changed.

Decided here: the maximum duration always runs. The join deadline runs only where the tester's coming would be told
(`Clocks.evidence`): elsewhere a healthy call would be cut for a silence that is ours. The idle timeout runs from the
moment that somebody has told of a tester's loss, and so needs no other evidence.
"""

from session_service.sessions.model import Clocks, Reason
from session_service.sessions.store.contract import Row, Status


def next_end(row: Row, status: Status, clocks: Clocks) -> tuple[float, Reason]:
    """The earliest instant at which this session ends if nothing else happens, in Unix seconds, and the reason."""
    at, reason = row.ends_at, Reason.MAX_DURATION
    never_came = status.joined_at is None and status.left_at is None
    if clocks.evidence and never_came and row.created_at + clocks.join_deadline < at:
        at, reason = row.created_at + clocks.join_deadline, Reason.JOIN_DEADLINE
    if status.left_at is not None and status.left_at + clocks.idle_timeout < at:
        at, reason = status.left_at + clocks.idle_timeout, Reason.IDLE
    return at, reason
