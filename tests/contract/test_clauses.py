"""docs/contract.md against the code and against the tests that prove it."""

import importlib
import pkgutil
import re

import pytest

from session_service.http import connection, wire
from tests import contract
from tests.contract.clauses import CLAUSES, PROOFS, REFUSALS, TEXT, all_refusals

for found in pkgutil.iter_modules(contract.__path__):
    if found.name.startswith("test_") and found.name != "test_clauses":
        importlib.import_module(f"tests.contract.{found.name}")


@pytest.mark.parametrize("name", CLAUSES)
def test_a_clause_is_proven_by_a_test(name: str) -> None:
    """What nobody proves is a wish."""
    assert PROOFS.get(name), f"no test names {name}: {CLAUSES[name]}"


@pytest.mark.parametrize("name", PROOFS)
def test_what_a_test_proves_is_a_clause(name: str) -> None:
    """A clause that was taken away or renumbered takes its name out of the tests."""
    assert name in CLAUSES, f"{PROOFS[name]} name a clause that the document does not have"


def test_clauses_are_numbered_without_gaps() -> None:
    """Each group from 1, in order, so that a number is found at a glance."""
    groups: dict[str, list[int]] = {}
    for name in CLAUSES:
        group, number = name.split("-")
        groups.setdefault(group, []).append(int(number))
    assert all(numbers == list(range(1, len(numbers) + 1)) for numbers in groups.values())
    assert len(CLAUSES) == TEXT.count("\n- **")


def test_the_table_names_every_refusal_of_the_code() -> None:
    """And none that there is not."""
    assert set(REFUSALS) == set(all_refusals())
    assert len(REFUSALS) == TEXT.count("\n| `")


@pytest.mark.parametrize("code", REFUSALS)
def test_a_row_of_the_table_is_what_the_code_says(code: str) -> None:
    """Status and sentence to the letter; a sentence that sends the caller to Retry-After has one."""
    _, status, sentence, _, retry = REFUSALS[code]
    kind = all_refusals()[code]
    assert (int(status), sentence) == (kind.status, kind.public)
    assert "Retry-After" not in sentence or retry == "yes"


@pytest.mark.parametrize("code", REFUSALS)
def test_the_clauses_that_a_row_refers_to_exist(code: str) -> None:
    """The column When leads somewhere."""
    referred = re.findall(r"[A-Z]{3,4}-\d+", REFUSALS[code][3])
    assert referred
    assert set(referred) <= set(CLAUSES)


def test_the_caps_of_the_document_are_those_of_the_code() -> None:
    """Sizes are written out in the document."""
    assert (connection.MAX_HEADER_BYTES, connection.MAX_HEADERS, wire.MAX_BODY) == (16 * 1024, 100, 16 * 1024)
    assert (wire.MAX_DEPTH, wire.MAX_CLIENT_ID) == (32, 128)
