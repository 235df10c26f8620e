"""Several who look after one session.

Decided here: that each has its turn, in their order, whatever the ones before it saw: the last one may be who ends the
session. Called by the command line, where both --join and --follow are given.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from session_service.check.model import CannotTell, Seen


class Watch(Protocol):
    """Who can be asked beforehand whether it will see anything."""

    async def ready(self) -> None:
        """InvalidValue where it will not."""

    async def watched(self, join_details: Mapping[str, Any]) -> Seen:
        """As `target.AgentWatch`."""


@dataclass(frozen=True, slots=True)
class InTurn:
    """One watch made of several."""

    watches: tuple[Watch, ...]

    async def ready(self) -> None:
        """InvalidValue where one of them will see nothing."""
        for watch in self.watches:
            await watch.ready()

    async def watched(self, join_details: Mapping[str, Any]) -> Seen:
        """What all of them saw. CannotTell only where one could not look and the others found nothing."""
        all_seen: list[Seen] = []
        blind: list[CannotTell] = []
        for watch in self.watches:
            try:
                all_seen.append(await watch.watched(join_details))
            except CannotTell as error:
                blind.append(error)
        findings = tuple(finding for seen in all_seen for finding in seen.findings)
        if blind and not findings:
            raise blind[0]
        return Seen(findings, "; ".join([*(seen.note for seen in all_seen if seen.note), *map(str, blind)]))
