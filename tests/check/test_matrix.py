"""Every mutant breaks exactly the checks that it is meant to break."""

import pytest

from tests.check import mutants
from tests.check.correct import checked, outcomes, serving


@pytest.mark.parametrize("mutant", mutants.ALL, ids=lambda mutant: mutant.__name__)
def test_a_mutant_breaks_what_it_is_meant_to_and_nothing_else(mutant: type[mutants.Mutant]) -> None:
    """Its own checks fail or warn, those that come after them are skipped with the culprit's id, the rest passes."""
    with serving(mutant) as url:
        report = checked(url, mutant.PROFILE)
    found = {name: outcome for name, outcome in outcomes(report).items() if outcome not in ("pass", "skip")}
    assert found == mutant.BREAKS
    skipped = {result.check.id for result in report.results if "did not pass" in result.reason}
    assert skipped == mutants.after(mutant.BREAKS, {result.check.id for result in report.results})


def test_every_check_has_a_mutant() -> None:
    """But those that need what a plain server on this machine has not got, which have tests of their own."""
    assert mutants.missing() == mutants.ELSEWHERE
