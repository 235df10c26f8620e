"""Every check, in the order in which they are made.

Decided here: the order alone. First whether the endpoint can be reached, then every call that has to be refused and so
starts nothing, then the first good call, what its answer says, and at last what takes more sessions. Called by `plan`
and by whoever lists checks.
"""

from session_service.check.cases import (
    authentication,
    encryption,
    hygiene,
    isolation,
    requests,
    response,
    token,
    transport,
)
from session_service.check.model import Check

# fmt: off
_ORDER = (
    "T03", "T01", "T02",
    "A01", "A02", "A03", "A04", "A05", "A06", "A07", "T06",
    "R03", "R04", "R05", "R07", "R08", "R09", "T04", "A09", "H01",
    "R01", "S01", "S02", "S03", "S04", "H02", "K01", "K02", "K03", "K04", "K05", "E01",
    "A08", "R02", "R06", "G01", "E02", "T05", "G02", "L01",
)
# fmt: on

_ALL = [
    *transport.CHECKS,
    *authentication.CHECKS,
    *requests.CHECKS,
    *response.CHECKS,
    *token.CHECKS,
    *encryption.CHECKS,
    *isolation.CHECKS,
    *hygiene.CHECKS,
]

CHECKS: tuple[Check, ...] = tuple(sorted(_ALL, key=lambda check: _ORDER.index(check.id)))
"""Every check in its order."""

BY_ID = {check.id: check for check in CHECKS}
"""Every check by its id."""
