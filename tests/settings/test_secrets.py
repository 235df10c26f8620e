"""Which secrets are taken, and how they are read."""

import secrets

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.settings.given import OTHER, SECRET, client, only_problem, problems

HEADER_TEXT = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=24, max_size=64)


def labels(changes: dict[str, str]) -> dict[str, bytes]:
    """The live secrets by label."""
    return {secret.label: secret.value for secret in client(changes).secrets}


@given(HEADER_TEXT.filter(lambda text: text.strip() == text and text[0] not in "<$" and len(set(text)) > 9))
def test_a_secret_is_taken_verbatim(text: str) -> None:
    """With `=`, commas, quotation marks and inner blanks: a header carries all of them."""
    assert labels({"SESSION_SECRET": text}) == {"default": text.encode()}


def test_a_secret_of_24_characters_is_long_enough() -> None:
    """And one of 23 is not."""
    assert client({"SESSION_SECRET": "q7" * 12}).secrets
    assert "at least 24" in only_problem({"SESSION_SECRET": "q7" * 11 + "q"})


@pytest.mark.parametrize(
    "text",
    [
        "changeme-changeme-changeme",
        "please-CHANGE-ME-before-use",
        "your-secret-goes-here-please",
        "<the secret of the form here>",
        "replace-this-with-a-real-one",
        "xxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        "$(session-service secret)",
        "${SESSION_SECRET_FROM_VAULT}",
    ],
)
def test_a_placeholder_is_refused(text: str) -> None:
    """Also the line of a shell that no shell has read."""
    assert "placeholder" in only_problem({"SESSION_SECRET": text})


@pytest.mark.parametrize("text", [f" {SECRET}", f"{SECRET}\t", f"{SECRET}é", f"{SECRET[:9]}\n{SECRET[9:]}"])
def test_what_a_header_does_not_carry_unchanged_is_refused(text: str) -> None:
    """White space around it, control characters, and anything but ASCII."""
    assert "printable ASCII" in only_problem({"SESSION_SECRET": text})


@pytest.mark.parametrize("between", [",", " ", "\n", ", ", " ,\t"])
def test_several_secrets_are_separated_by_commas_or_white_space(between: str) -> None:
    """A list on one line or on many."""
    found = labels({"SESSION_SECRET": "", "SESSION_SECRETS": f"blue={SECRET}{between}green={OTHER}"})
    assert found == {"blue": SECRET.encode(), "green": OTHER.encode()}


def test_a_labelled_secret_is_all_after_the_first_equals_sign() -> None:
    """Base64 ends in some."""
    assert labels({"SESSION_SECRET": "", "SESSION_SECRETS": f"blue={SECRET}=="})["blue"] == f"{SECRET}==".encode()


def test_one_secret_and_labelled_ones_are_live_together() -> None:
    """A rotation begins by adding the new one."""
    assert labels({"SESSION_SECRETS": f"green={OTHER}"}) == {"default": SECRET.encode(), "green": OTHER.encode()}


@pytest.mark.parametrize("label", ["", "Blue", "1st", "-a", "a_b", "seventeen-letters"])
def test_a_label_is_lower_case_and_short(label: str) -> None:
    """It goes into every log line of a call."""
    assert "label" in only_problem({"SESSION_SECRETS": f"{label}={OTHER}"})


def test_a_label_stands_once() -> None:
    """In the list, and beside SESSION_SECRET, whose label is default."""
    assert "twice" in only_problem({"SESSION_SECRETS": f"blue={SECRET} blue={OTHER}"})
    assert "default" in only_problem({"SESSION_SECRETS": f"default={OTHER}"})


def test_a_weak_one_among_several_is_refused() -> None:
    """Each of them opens sessions."""
    assert "weak" in only_problem({"SESSION_SECRETS": f"blue={OTHER} green=short"})


def test_a_secret_is_never_optional() -> None:
    """Nothing is served to everybody."""
    assert problems({"SESSION_SECRET": "", "SESSION_SECRETS": ""}) == ["SESSION_SECRET"]


def test_what_the_command_makes_is_taken() -> None:
    """32 random bytes as URL-safe base64, whatever they are."""
    for _ in range(50):
        assert client({"SESSION_SECRET": secrets.token_urlsafe(32)}).secrets
