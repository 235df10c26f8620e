"""The checks on endpoints that keep every rule."""

from tests.check.correct import Correct, checked, outcomes, serving


def test_a_correct_endpoint_passes_every_check() -> None:
    """Of the full profile; only what it cannot have is skipped."""
    with serving(Correct) as url:
        report = checked(url, "full")
    assert set(outcomes(report).values()) <= {"pass", "skip"}, outcomes(report)
