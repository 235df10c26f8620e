"""Endpoints that each break one rule, in one module a group of checks."""

from collections.abc import Iterable

from session_service.check.catalogue import BY_ID
from tests.check.mutants import authentication, encryption, hygiene, isolation, requests, response, token, transport
from tests.check.mutants.mutant import Mutant

ALL: tuple[type[Mutant], ...] = (
    *transport.MUTANTS,
    *authentication.MUTANTS,
    *requests.MUTANTS,
    *response.MUTANTS,
    *token.MUTANTS,
    *encryption.MUTANTS,
    *isolation.MUTANTS,
    *hygiene.MUTANTS,
)

ELSEWHERE: frozenset[str] = frozenset({"T01", "T02", "T03", "T05", "R01", "G02"})
"""Checks whose mutants are no plain HTTP servers on this machine."""

__all__ = ["ALL", "ELSEWHERE", "Mutant", "after", "missing"]


def missing() -> set[str]:
    """The checks that no mutant breaks."""
    return set(BY_ID) - {name for mutant in ALL for name in mutant.BREAKS}


def after(broken: dict[str, str], made: Iterable[str]) -> set[str]:
    """The checks that come after a failed one, be it by way of others."""
    found = {name for name, outcome in broken.items() if outcome in ("fail", "inconclusive")}
    while True:
        more = {name for name in made if found & set(BY_ID[name].after)} - found
        if not more:
            return found - set(broken)
        found |= more
