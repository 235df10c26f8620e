"""Values of one call: equal by what they hold, and changed by nobody whom the type checker sees."""

from dataclasses import field, replace

import pytest

from session_service.values import value


@value
class Point:
    """A value."""

    x: int
    secret: str = field(default="", repr=False)


def test_values_of_equal_fields_are_one() -> None:
    """As members of a set, too."""
    assert len({Point(1), Point(1), Point(2)}) == 2


def test_a_field_that_is_not_to_be_shown_is_not_shown() -> None:
    """Tokens are such fields."""
    assert repr(Point(1, "hunter2")) == "Point(x=1)"


def test_a_changed_value_is_another_one() -> None:
    """The one that was there stays as it is."""
    point = Point(1)
    assert replace(point, x=2) == Point(2)
    assert point == Point(1)


def test_the_type_checker_refuses_to_change_one() -> None:
    """mypy tells of an `ignore` that it has no use for: without its refusal, this line would fail `make check`."""
    point = Point(1)
    point.x = 2  # type: ignore[misc]
    assert point == Point(2)


def test_a_value_has_no_other_fields() -> None:
    """A name that is misspelt is an error when it runs, as well."""
    with pytest.raises(AttributeError):
        Point(1).y = 2  # type: ignore[attr-defined]
