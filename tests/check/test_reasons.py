"""What a finding gives as reason and cure is true of that finding, and not only of its check."""

import pytest

from session_service.check.catalogue import CHECKS
from session_service.check.model import Check
from session_service.check.redaction import Known
from session_service.check.reports import view
from tests.check.correct import checked, serving
from tests.check.mutants import authentication, encryption, requests, token
from tests.check.mutants.mutant import Mutant


def told(mutant: type[Mutant], name: str) -> str:
    """Reason and cure of what this check finds first."""
    with serving(mutant) as url:
        report = checked(url, only=[name])
    shown = view.view(report, Known(report.target))
    (found,) = [check.findings[0] for check in shown.checks if check.id == name]
    return f"{found.why} {found.mend}"


@pytest.mark.parametrize(
    ("mutant", "name", "said", "unsaid"),
    [
        (authentication.AnySecret, "A02", "get tokens", "log"),
        (authentication.BrokenByWrongSecret, "A02", "answer 401 instead", "get tokens"),
        (authentication.MissingIsBadRequest, "A01", "let nobody in", "get tokens"),
        (requests.NamesTheKnown, "R04", "told the right one", "typing error"),
        (token.Instant, "K05", "wrong unit", "is over"),
        (token.OtherCertificate, "K02", "Copy App ID and primary certificate", "every call"),
        (token.Subscriber, "K04", "Role_Publisher", "end"),
        (encryption.ShortSalt, "E02", "os.urandom(32)", "printable ASCII"),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else None,
)
def test_reason_and_cure_are_those_of_the_finding(mutant: type[Mutant], name: str, said: str, unsaid: str) -> None:
    """A call that broke the endpoint let nobody in, and a salt is not mended as a key."""
    words = told(mutant, name)
    assert said in words
    assert unsaid not in words


@pytest.mark.parametrize("one", CHECKS, ids=lambda one: one.id)
def test_a_check_asks_nothing_of_its_reader(one: Check) -> None:
    """A cure is something to do, and no question."""
    assert "?" not in one.mend


def test_the_uid_to_give_is_the_one_that_was_asked_for() -> None:
    """Where the platform's configuration names another than 1."""
    with serving(token.AgentsToken) as url:
        report = checked(url, only=["K03"], join_uid=7)
    (found,) = [result.findings[0] for result in report.results if result.check.id == "K03"]
    assert "Give the builder uid 7" in str(found.mend)
