"""Tokens of version 006: built by agora-token-builder, guarded from what it lets through, read and checked by us."""

import hmac
from contextlib import suppress
from typing import Any
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from session_service.agora import legacy_tokens
from session_service.agora.identifiers import Project
from session_service.errors import InvalidValue, UnreadableToken
from tests.agora import strategies
from tests.agora.vectors import OTHER_CERTIFICATE, PROJECT, V006

TERMS = {"issued_at": 1_700_000_000, "lifetime": 3600, "salt": 12345}
MINTED = legacy_tokens.mint(PROJECT, "room", 1, **TERMS)
vectors = pytest.mark.parametrize("vector", V006, ids=[vector["name"] for vector in V006])


def privileges(vector: dict[str, Any]) -> dict[int, int]:
    """A vector's privileges with numbers for keys, as JSON cannot have them."""
    return {int(number): end for number, end in vector["inputs"]["privileges_absolute"].items()}


def refused_or_invalid(token: str) -> bool:
    """Whether nobody could take `token` for one that the certificate signed for uid 1 in the room."""
    try:
        return not legacy_tokens.read(token).signature_valid(PROJECT.certificate, "room", "1")
    except UnreadableToken:
        return True


@vectors
def test_a_vector_is_built_as_agora_builds_it(vector: dict[str, Any]) -> None:
    """No compression, so the text itself is equal."""
    given_ = vector["inputs"]
    project = Project(given_["app_id"], given_["app_certificate"])
    token = legacy_tokens.build(
        project, given_["channel"], given_["uid"], privileges(vector), expires_at=given_["ts"], salt=given_["salt"]
    )
    assert token == vector["token"]


@vectors
def test_a_vector_is_read_and_its_signature_holds(vector: dict[str, Any]) -> None:
    """With the channel and the uid that it was built for."""
    given_ = vector["inputs"]
    token = legacy_tokens.read(vector["token"])
    assert (token.app_id, token.expires_at, token.salt) == (given_["app_id"], given_["ts"], given_["salt"])
    assert token.privileges == privileges(vector)
    assert token.signature_valid(given_["app_certificate"], given_["channel"], given_["uid"])


@given(project=strategies.projects, channel=strategies.channels, uid=strategies.uids, terms=strategies.terms)
def test_reading_after_minting_is_the_identity(project: Project, channel: str, uid: int, terms: dict[str, int]) -> None:
    """The caller's instant and salt rule; the package's own clock and salt are nowhere."""
    token = legacy_tokens.read(legacy_tokens.mint(project, channel, uid, **terms))
    end = terms["issued_at"] + terms["lifetime"]
    assert (token.app_id, token.expires_at, token.salt) == (project.app_id, end, terms["salt"])
    assert token.privileges == dict.fromkeys((1, 2, 3, 4), end)
    assert (token.channel_crc, token.uid_crc) == (crc32(channel.encode()), crc32(str(uid).encode()))
    assert token.signature_valid(project.certificate, channel, str(uid))


@given(channel=strategies.texts, uid=strategies.texts, granted=strategies.privileges, terms=strategies.any_terms)
def test_any_values_that_fit_can_be_built_and_read(
    channel: str, uid: str, granted: dict[int, int], terms: dict[str, int]
) -> None:
    """Unicode accounts, the empty channel and every privilege, for those who look for a fault."""
    text = legacy_tokens.build(PROJECT, channel, uid, granted, expires_at=terms["issued_at"], salt=terms["salt"])
    token = legacy_tokens.read(text)
    assert (token.privileges, token.expires_at, token.salt) == (granted, terms["issued_at"], terms["salt"])
    assert token.signature_valid(PROJECT.certificate, channel, uid)


def test_the_signature_is_recomputed_without_the_package() -> None:
    """One HMAC over App ID, channel, uid and message, keyed with the certificate's text."""
    token = legacy_tokens.read(MINTED)
    signed = PROJECT.app_id.encode() + b"room" + b"1" + token.message
    assert token.signature == hmac.digest(PROJECT.certificate.encode(), signed, "sha256")


@pytest.mark.parametrize(
    ("channel", "uid", "changed"),
    [
        ("*", 1, {}),
        ("", 1, {}),
        ("room", 0, {}),
        ("room", 2**32, {}),
        ("room", 1, {"lifetime": 0}),
        ("room", 1, {"lifetime": 86401}),
        ("room", 1, {"salt": 0}),
        ("room", 1, {"issued_at": 2**32 - 1}),
    ],
)
def test_what_the_package_would_sign_unseen_is_refused(channel: str, uid: int, changed: dict[str, int]) -> None:
    """It checks nothing; we do."""
    with pytest.raises(InvalidValue):
        legacy_tokens.mint(PROJECT, channel, uid, **{**TERMS, **changed})


@pytest.mark.parametrize(
    ("channel", "granted", "end"),
    [("\ud800", {1: 1}, 1), ("a" * 65536, {1: 1}, 1), ("room", {1: -1}, 1), ("room", {2**16: 1}, 1), ("room", {}, -1)],
)
def test_what_the_format_cannot_hold_is_our_error(channel: str, granted: dict[int, int], end: int) -> None:
    """And not one of struct or of a codec."""
    with pytest.raises(InvalidValue):
        legacy_tokens.build(PROJECT, channel, "1", granted, expires_at=end, salt=1)


@pytest.mark.parametrize(
    ("certificate", "channel", "uid"),
    [(OTHER_CERTIFICATE, "room", "1"), (PROJECT.certificate, "Room", "1"), (PROJECT.certificate, "room", "")],
)
def test_another_certificate_channel_or_uid_is_not_what_was_signed(certificate: str, channel: str, uid: str) -> None:
    """All three are in the signature."""
    assert not legacy_tokens.read(MINTED).signature_valid(certificate, channel, uid)


def test_an_expectation_that_is_no_unicode_is_just_unequal() -> None:
    """A command line may hand over half of a surrogate pair."""
    token = legacy_tokens.read(MINTED)
    assert not token.names("\udcff", "1")
    assert not token.signature_valid(PROJECT.certificate, "room", "\udcff")


@given(at=st.integers(0, len(MINTED) - 1), other=st.characters(min_codepoint=32, max_codepoint=0x2FF))
def test_a_mistyped_character_is_refused_or_spoils_the_signature(at: int, other: str) -> None:
    """The checksums too, which the signature does not cover."""
    mistyped = MINTED[:at] + other + MINTED[at + 1 :]
    assert mistyped == MINTED or refused_or_invalid(mistyped)


@given(text=st.one_of(st.text(), st.text(min_size=32).map("006".__add__)))
def test_any_text_is_a_token_or_unreadable(text: str) -> None:
    """No other error comes out, whatever goes in."""
    with suppress(UnreadableToken):
        assert not legacy_tokens.read(text).signature_valid(PROJECT.certificate, "room", "1")


@pytest.mark.parametrize("text", ["006", MINTED[:35], MINTED[:-4], MINTED + "AAAA", MINTED + "\n", "007" + MINTED[3:]])
def test_a_cut_or_longer_token_is_unreadable(text: str) -> None:
    """What follows the parts is not signed, so it is not ignored."""
    with pytest.raises(UnreadableToken):
        legacy_tokens.read(text)


def test_an_app_id_that_is_no_plain_text_is_unreadable() -> None:
    """It stands in clear, and would fail later, where the signature is checked."""
    with pytest.raises(UnreadableToken, match="App ID"):
        legacy_tokens.read("006" + "\ud800" * 32 + MINTED[35:])


def test_a_tokens_repr_is_not_the_token() -> None:
    """Signature and message would be enough to build it again."""
    shown = repr(legacy_tokens.read(MINTED))
    assert "signature" not in shown
    assert "message" not in shown
