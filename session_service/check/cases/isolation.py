"""Group."""

from session_service.check.model import Check

CHECKS: tuple[Check, ...] = ()
