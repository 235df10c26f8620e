"""docs/contract.md as data, the refusals that it is held to, and how a test names the clauses that it proves."""

import re
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from session_service.errors import CallerGone, EventRefused, ServiceError

Test = TypeVar("Test", bound=Callable[..., Any])

DOCUMENT = Path(__file__).parent.parent.parent / "docs" / "contract.md"
_CLAUSE = re.compile(r"^- \*\*([A-Z]{3,4}-\d+)\*\* (.+(?:\n  .+)*)", re.MULTILINE)
_ROW = re.compile(r"^\| `(\w+)` \| (\d{3}) \| (.+?) \| (.+?) \| (yes|no) \|$", re.MULTILINE)

TEXT = DOCUMENT.read_text(encoding="utf-8")
CLAUSES = {name: " ".join(sentence.split()) for name, sentence in _CLAUSE.findall(TEXT)}
REFUSALS = {row[0]: row for row in _ROW.findall(TEXT)}
"""Each row of the table of refusals by its code: code, status, sentence, when, Retry-After."""

PROOFS: defaultdict[str, list[str]] = defaultdict(list)
"""The tests that name a clause, filled while the test modules are imported."""


def clause(*names: str) -> Callable[[Test], Test]:
    """Say which clauses of docs/contract.md a test proves."""

    def note(test: Test) -> Test:
        for name in names:
            PROOFS[name].append(test.__qualname__)
        return test

    return note


def all_refusals() -> dict[str, type[ServiceError]]:
    """Every error that answers anybody: the platform, Agora's notifications, an agent's reports."""
    return refusals() | {kind.code: kind for kind in EventRefused.__subclasses__()}


def refusals() -> dict[str, type[ServiceError]]:
    """Every error that answers the platform: those with a status of their own, and the fault of ours."""
    found: list[type[ServiceError]] = [ServiceError]
    found += [kind for kind in ServiceError.__subclasses__() if "status" in vars(kind) and kind is not CallerGone]
    return {kind.code: kind for kind in found}
