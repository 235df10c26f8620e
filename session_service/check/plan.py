"""Which checks a run has, in which order, and how many sessions they start.

Decided here: what `--only` and `--skip` mean, and that a check brings along those that it comes after. The order is the
catalogue's: what starts no session stands first. Called by the command line and the pytest plugin.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from session_service.check.catalogue import BY_ID, CHECKS
from session_service.check.model import Check, Profile
from session_service.errors import InvalidValue

_SIZES: tuple[Profile, ...] = ("quick", "standard", "full")

PROFILES: Mapping[str, tuple[str, ...]] = {
    name: tuple(check.id for check in CHECKS if _SIZES.index(check.profile) <= size) for size, name in enumerate(_SIZES)
}
"""The ids of each profile: quick for a look, standard for a pull request, full with the burst and the agent's end."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The checks of one run, in their order."""

    profile: str
    checks: tuple[Check, ...]

    @property
    def sessions(self) -> int:
        """Sessions that a correct endpoint starts in this run."""
        return sum(check.sessions for check in self.checks)


def plan(
    profile: str = "standard", only: Sequence[str] = (), skip: Sequence[str] = (), more: Sequence[str] = ()
) -> Plan:
    """Choose the checks; InvalidValue for a profile, an id or a group that does not exist.

    `only` and `skip` take ids and groups (`K`, or `K03`). `only` looks at every check, whatever the profile, and adds
    those that the chosen ones come after; `skip` takes away; `more` adds to either.
    """
    if profile not in PROFILES:
        raise InvalidValue(f"A profile is one of {', '.join(PROFILES)}.")
    chosen = (matching(only) if only else set(PROFILES[profile])) | matching(more)
    kept = _with_what_they_come_after(chosen) - matching(skip)
    if not kept:
        raise InvalidValue("No check is left. Leave out --skip, or name others with --only; --list shows all.")
    return Plan(profile, tuple(check for check in CHECKS if check.id in kept))


def matching(words: Iterable[str]) -> set[str]:
    """The ids that the words name, each an id or a group."""
    found: set[str] = set()
    for word in words:
        ids = {name for name in BY_ID if name == word.upper() or name[0] == word.upper()}
        if not ids:
            raise InvalidValue(f"There is no check and no group {word[:20]!a}. --list shows all.")
        found |= ids
    return found


def _with_what_they_come_after(chosen: Iterable[str]) -> set[str]:
    found: set[str] = set()
    waiting = list(chosen)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += BY_ID[name].after
    return found
