"""Several who look after one session."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from session_service.check.model import CannotTell, Finding, Seen
from session_service.check.watching.watches import InTurn

FINDING = Finding("The agent stayed.")


class Seeing:
    """Sees what it was told to."""

    def __init__(self, seen: Seen) -> None:
        self.seen, self.asked = seen, 0

    async def ready(self) -> None:
        """Always."""

    async def watched(self, join_details: Mapping[str, Any]) -> Seen:
        """That."""
        self.asked += 1
        return self.seen


class Blind(Seeing):
    """Cannot look."""

    async def watched(self, join_details: Mapping[str, Any]) -> Seen:
        """Nothing."""
        raise CannotTell("nobody there")


def test_what_all_of_them_saw_is_put_together() -> None:
    """In their order."""
    both = InTurn((Seeing(Seen(note="heard")), Seeing(Seen((FINDING,), "ended"))))
    assert asyncio.run(both.watched({})) == Seen((FINDING,), "heard; ended")


def test_one_that_is_blind_keeps_no_other_from_looking() -> None:
    """The last one may be who ends the session; what nobody looked at is not passed."""
    last = Seeing(Seen(note="ended"))
    with pytest.raises(CannotTell, match="nobody there"):
        asyncio.run(InTurn((Blind(Seen()), last)).watched({}))
    assert last.asked == 1


def test_a_finding_outweighs_blindness() -> None:
    """Which is then told beside it."""
    both = InTurn((Blind(Seen()), Seeing(Seen((FINDING,)))))
    assert asyncio.run(both.watched({})) == Seen((FINDING,), "nobody there")
