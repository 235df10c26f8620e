"""What may be an App ID, a certificate, a channel, a uid and a user account."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from session_service.agora import identifiers
from session_service.agora.identifiers import Project
from session_service.errors import InvalidValue
from tests.agora.strategies import CHARACTERS, channels, hex_32
from tests.agora.vectors import PROJECT

HEX = "970CA35de60c44645bbae8a215061b33"
TEXT_RULES = [
    identifiers.app_id,
    identifiers.app_certificate,
    identifiers.channel,
    identifiers.channel_prefix,
    identifiers.user_account,
]


@given(text=hex_32)
def test_hexadecimal_identifiers_keep_their_case(text: str) -> None:
    """Agora signs them as text, so another case is another identifier."""
    assert identifiers.app_id(text) == text
    assert identifiers.app_certificate(text) == text


@pytest.mark.parametrize("text", ["", HEX[:-1], HEX + "0", HEX[:-1] + "g", HEX + "\n", "٣" * 32])
@pytest.mark.parametrize("rule", [identifiers.app_id, identifiers.app_certificate])
def test_anything_but_32_hexadecimal_digits_is_no_app_id(rule: Callable[[str], str], text: str) -> None:
    """Nor a certificate; Agora's builders would give an empty token, or a wrong one."""
    with pytest.raises(InvalidValue, match="exactly 32 hexadecimal"):
        rule(text)


def test_agora_has_89_characters() -> None:
    """Each of them alone is a channel name, and every other ASCII character is not."""
    assert len(CHARACTERS) == len(set(CHARACTERS)) == 89
    accepted = {character for character in map(chr, range(0x250)) if _accepts(identifiers.channel, character)}
    assert accepted == set(CHARACTERS)


def _accepts(rule: Callable[[str], str], text: str) -> bool:
    try:
        return rule(text) == text
    except InvalidValue:
        return False


@given(text=channels)
def test_a_channel_of_agoras_characters_is_accepted(text: str) -> None:
    """1 to 63 of them."""
    assert identifiers.channel(text) == text


@pytest.mark.parametrize("text", ["", "a" * 64, "*", "1*a", "a/b", "a\n", "caf\u00e9", "\ud800"])
def test_what_agora_refuses_is_no_channel(text: str) -> None:
    """The wildcard neither: it opens every channel."""
    with pytest.raises(InvalidValue, match="1 to 63 characters"):
        identifiers.channel(text)


def test_the_longest_prefix_leaves_room_for_a_session_id() -> None:
    """31 characters and 32 hexadecimal digits are 63."""
    prefix = identifiers.channel_prefix("p" * 31)
    assert identifiers.channel(prefix + "0" * 32)
    with pytest.raises(InvalidValue, match="at most 31"):
        identifiers.channel_prefix("p" * 32)


def test_a_prefix_may_be_empty() -> None:
    """The session id alone is a channel name."""
    assert identifiers.channel_prefix("") == ""


@pytest.mark.parametrize("number", [1, 2**31, 2**32 - 1])
def test_a_uid_is_up_to_32_bits(number: int) -> None:
    """The first, the first that is negative when signed, the last."""
    assert identifiers.uid(number) == number


@pytest.mark.parametrize("number", [0, -1, 2**32])
def test_zero_and_what_does_not_fit_is_no_uid(number: int) -> None:
    """A token with uid 0 would admit everybody."""
    with pytest.raises(InvalidValue, match="from 1 to 4294967295"):
        identifiers.uid(number)


def test_a_user_account_has_up_to_255_characters() -> None:
    """Of the same 89."""
    assert identifiers.user_account("a" * 255)
    for text in ("", "a" * 256, "a*"):
        with pytest.raises(InvalidValue, match="1 to 255 characters"):
            identifiers.user_account(text)


@pytest.mark.parametrize("terms", [(0, 0, 1), (0, 86401, 1), (0, 1, 0), (0, 1, 10**8), (-1, 1, 1), (2**32 - 1, 1, 1)])
def test_terms_that_agora_would_not_honour_are_refused(terms: tuple[int, int, int]) -> None:
    """Never capped: a token that ends earlier than asked would be a riddle later."""
    with pytest.raises(InvalidValue, match="token"):
        identifiers.token_terms(*terms)


def test_terms_at_the_limits_are_accepted() -> None:
    """A second to a day, the first to the last salt, until the 32 bits end."""
    identifiers.token_terms(0, 1, 1)
    identifiers.token_terms(2**32 - 1 - 86400, 86400, 99_999_999)


@pytest.mark.parametrize("rule", TEXT_RULES)
@given(text=st.text(max_size=100))
def test_a_refusal_never_shows_the_value(rule: Callable[[str], str], text: str) -> None:
    """It may be a certificate that stands in the wrong place."""
    marked = f"\x00{text}"
    with pytest.raises(InvalidValue) as refusal:
        rule(marked)
    assert marked not in str(refusal.value)


def test_a_project_never_shows_its_certificate() -> None:
    """Neither its repr nor a refusal."""
    assert PROJECT.certificate not in repr(PROJECT)
    with pytest.raises(InvalidValue) as refusal:
        Project(PROJECT.app_id, PROJECT.certificate + "!")
    assert PROJECT.certificate not in str(refusal.value)
