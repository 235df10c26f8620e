"""Tokens of version 007: minted as Agora's own builders do, read whoever minted them, and never fooled."""

import base64
import zlib
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from session_service.agora import tokens
from session_service.agora.identifiers import Project
from session_service.agora.token_services import KINDS, RTC, Service
from session_service.agora.tokens import RtcMinter, Token
from session_service.errors import InvalidValue, UnreadableToken
from tests.agora import plain, strategies
from tests.agora.vectors import OTHER_CERTIFICATE, PROJECT, V007, service

TERMS = {"issued_at": 1_700_000_000, "lifetime": 3600, "salt": 12345}
MINTED = RtcMinter(PROJECT).mint("room", 1, **TERMS)
vectors = pytest.mark.parametrize("vector", V007, ids=[vector["name"] for vector in V007])


def inflated(token: str) -> bytes:
    """What a token's text holds."""
    return zlib.decompress(base64.b64decode(token.removeprefix("007")))


def text_of(payload: bytes) -> str:
    """The token with that payload."""
    return "007" + base64.b64encode(zlib.compress(payload)).decode()


def refused_or_invalid(token: str) -> bool:
    """Whether nobody could take `token` for one that the certificate signed."""
    try:
        return not tokens.read(token).signature_valid(PROJECT.certificate)
    except UnreadableToken:
        return True


@vectors
def test_a_vector_is_minted_as_agora_mints_it(vector: dict[str, Any]) -> None:
    """The inflated bytes are those of the official test suites."""
    given_ = vector["inputs"]
    project = Project(given_["app_id"], given_["app_certificate"])
    services = [service(written) for written in given_["services"]]
    token = tokens.mint(project, services, issued_at=given_["issue_ts"], lifetime=given_["expire"], salt=given_["salt"])
    assert inflated(token).hex() == vector["payload_hex"]


@vectors
def test_a_vector_is_read_in_every_official_encoding(vector: dict[str, Any]) -> None:
    """Go, Rust and C# compress otherwise; what they say is the same."""
    given_ = vector["inputs"]
    for text in (vector["token"], *vector.get("other_official_encodings", [])):
        token = tokens.read(text)
        assert (token.issued_at, token.lifetime, token.salt) == (given_["issue_ts"], given_["expire"], given_["salt"])
        assert token.services == tuple(service(written) for written in given_["services"])
        assert token.signature.hex() == vector["signature_hex"]
        assert token.signature_valid(given_["app_certificate"])


@given(
    services=strategies.services,
    terms=strategies.any_terms,
    level=st.integers(0, 9),
    flush=st.sampled_from([zlib.Z_BLOCK, zlib.Z_SYNC_FLUSH, zlib.Z_FULL_FLUSH]),
    piece=st.integers(1, 1000),
)
def test_a_token_is_read_however_it_was_compressed(
    services: list[Service], terms: dict[str, int], level: int, flush: int, piece: int
) -> None:
    """Stored, at any level, or in pieces as Go's writer leaves them."""
    payload = inflated(tokens.mint(PROJECT, services, **terms))
    deflater = zlib.compressobj(level)
    pieces = [payload[at : at + piece] for at in range(0, len(payload), piece)]
    stream = b"".join(deflater.compress(each) + deflater.flush(flush) for each in pieces) + deflater.flush()
    assert tokens.read("007" + base64.b64encode(stream).decode()).signature_valid(PROJECT.certificate)


def test_a_repetition_at_the_end_is_not_taken_for_damage() -> None:
    """Level 1 reaches further back than it must, and a bit less in the last byte would mean the same text."""
    token = tokens.read(
        "007eAFTYFC5NvFXBpvE4aRZ3K9e7RaWet24/pNUZ0W8sGx1/Y4FU18qMFiaGzg7GpumpJoZJJuYmJmYJiUlplokG"
        "hmaGpgZJhkbM3wMThXgY2DgYGZgYIRCGwYGBh6GxCQEFEDhgcQBMEIlcA=="
    )
    assert token.services[0].fields == {"channel": "abababababab", "uid": "abababababababab"}
    assert token.signature_valid(PROJECT.certificate)


@given(project=strategies.projects, channel=strategies.channels, uid=strategies.uids, terms=strategies.terms)
def test_the_fast_mint_is_the_plain_one(project: Project, channel: str, uid: int, terms: dict[str, int]) -> None:
    """Byte for byte, and the general encoder too: the guard of every trick in agora.tokens."""
    token = RtcMinter(project).mint(channel, uid, **terms)
    publisher = Service(RTC, dict.fromkeys((1, 2, 3, 4), terms["lifetime"]), {"channel": channel, "uid": str(uid)})
    expected = plain.publisher(
        project.app_id, project.certificate, channel, uid, issued_at=terms["issued_at"], lifetime=terms["lifetime"]
    )
    expected.salt = terms["salt"]
    assert inflated(token) == expected.payload()
    assert token == tokens.mint(project, [publisher], **terms)
    if "zlib-ng" not in zlib.ZLIB_RUNTIME_VERSION:
        assert token == expected.build()


def test_a_minter_keeps_nothing_from_one_second_to_the_next() -> None:
    """The first HMAC is kept per second; going forth and back gives what a fresh minter gives."""
    kept = RtcMinter(PROJECT)
    for issued_at in (1, 1, 2, 1, 3):
        terms = {**TERMS, "issued_at": issued_at}
        assert kept.mint("room", 1, **terms) == RtcMinter(PROJECT).mint("room", 1, **terms)


@pytest.mark.parametrize(
    ("channel", "uid", "changed"),
    [
        ("", 1, {}),
        ("*", 1, {}),
        ("a" * 64, 1, {}),
        ("room", 0, {}),
        ("room", 2**32, {}),
        ("room", 1, {"lifetime": 0}),
        ("room", 1, {"lifetime": 86401}),
        ("room", 1, {"salt": 0}),
        ("room", 1, {"salt": 10**8}),
        ("room", 1, {"issued_at": -1}),
        ("room", 1, {"issued_at": 2**32}),
    ],
)
def test_bad_input_is_refused_and_never_capped(channel: str, uid: int, changed: dict[str, int]) -> None:
    """A wrong token would fail at the join, where nobody says why."""
    with pytest.raises(InvalidValue):
        RtcMinter(PROJECT).mint(channel, uid, **{**TERMS, **changed})


@given(project=strategies.projects, services=strategies.services, terms=strategies.any_terms)
def test_reading_after_minting_is_the_identity(
    project: Project, services: list[Service], terms: dict[str, int]
) -> None:
    """For every service, several in one token, and any Unicode."""
    token = tokens.read(tokens.mint(project, services, **terms))
    assert token.app_id == project.app_id
    assert {name: getattr(token, name) for name in terms} == terms
    assert token.services == tuple(sorted(services, key=lambda service: service.kind.number))
    assert token.unread == b""
    assert token.signature_valid(project.certificate)


@given(at=st.integers(0, len(inflated(MINTED)) - 1), other=st.integers(1, 255))
def test_a_flipped_byte_is_refused_or_spoils_the_signature(at: int, other: int) -> None:
    """Wherever in the payload it is."""
    payload = bytearray(inflated(MINTED))
    payload[at] ^= other
    assert refused_or_invalid(text_of(bytes(payload)))


@given(at=st.integers(0, len(MINTED) - 1), other=st.characters(min_codepoint=32, max_codepoint=0x2FF))
def test_a_mistyped_character_is_refused_or_spoils_the_signature(at: int, other: str) -> None:
    """Even where it would change nothing but idle bits."""
    mistyped = MINTED[:at] + other + MINTED[at + 1 :]
    assert mistyped == MINTED or refused_or_invalid(mistyped)


@given(text=st.one_of(st.text(), st.text().map("007".__add__), st.binary().map(text_of), st.just("007eJx")))
def test_any_text_is_a_token_or_unreadable(text: str) -> None:
    """No other error comes out, whatever goes in."""
    with suppress(UnreadableToken):
        assert isinstance(tokens.read(text), Token)


@given(tail=st.binary(max_size=200))
def test_any_signed_body_is_a_token_or_unreadable(tail: bytes) -> None:
    """Whatever bytes stand where services should."""
    payload = inflated(MINTED)[:80]
    with suppress(UnreadableToken):
        assert not tokens.read(text_of(payload + tail)).signature_valid(PROJECT.certificate)


@pytest.mark.parametrize("end", range(0, len(MINTED), 7))
def test_a_cut_token_is_unreadable(end: int) -> None:
    """Wherever it was cut."""
    with pytest.raises(UnreadableToken):
        tokens.read(MINTED[:end])


@pytest.mark.parametrize("after", ["\n", " ", "=", "AAAA", MINTED])
def test_what_follows_a_token_is_not_ignored(after: str) -> None:
    """Something was pasted that is not the token."""
    with pytest.raises(UnreadableToken):
        tokens.read(MINTED + after)


def test_a_decompression_bomb_is_refused() -> None:
    """A few kilobytes that would become a gigabyte stay a few kilobytes."""
    with pytest.raises(UnreadableToken, match="too long"):
        tokens.read(text_of(bytes(50_000_000)))
    with pytest.raises(UnreadableToken, match="far longer"):
        tokens.read("007" + "A" * 10_000_000)


def test_the_other_version_is_unreadable_here() -> None:
    """And the text says what this version begins with."""
    with pytest.raises(UnreadableToken, match="begins with 007"):
        tokens.read("006" + MINTED[3:])


def test_an_unknown_service_is_kept_unread() -> None:
    """What stands before it is read, and the signature still covers all of it."""
    services = [Service(RTC, {1: 60}, {"channel": "room", "uid": "1"}), Service(KINDS[10], {}, {})]
    payload = bytearray(inflated(tokens.mint(PROJECT, services, **TERMS)))
    payload[-4:] = b"\x0b\x00\x07\x00"
    token = tokens.read(text_of(bytes(payload)))
    assert token.services == (services[0],)
    assert token.unread == b"\x0b\x00\x07\x00"
    resigned = plain.sign(PROJECT.certificate, token.issued_at, token.salt, token.signed)
    assert tokens.read(text_of(b"\x20\x00" + resigned + token.signed)).signature_valid(PROJECT.certificate)


def test_another_certificate_did_not_sign() -> None:
    """And what is no certificate is refused."""
    token = tokens.read(MINTED)
    assert token.signature_valid(PROJECT.certificate)
    assert not token.signature_valid(OTHER_CERTIFICATE)
    with pytest.raises(InvalidValue):
        token.signature_valid("not a certificate")


def test_a_tokens_repr_is_not_the_token() -> None:
    """Signature and signed bytes would be enough to build it again."""
    token = tokens.read(MINTED)
    assert "signature" not in repr(token)
    assert "signed=" not in repr(token)


@pytest.mark.parametrize(
    ("privileges", "fields"),
    [
        ({1: -1}, {"channel": "room", "uid": "1"}),
        ({2**16: 1}, {"channel": "room", "uid": "1"}),
        ({1: 1}, {"channel": "a" * 65536, "uid": "1"}),
        ({1: 1}, {"channel": "a" * 65535, "uid": "a" * 65535}),
        ({1: 1}, {"channel": "\ud800", "uid": "1"}),
    ],
)
def test_what_the_format_cannot_hold_is_refused(privileges: dict[int, int], fields: dict[str, str]) -> None:
    """With our error, and not with one of struct or of a codec."""
    with pytest.raises(InvalidValue):
        tokens.mint(PROJECT, [Service(RTC, privileges, fields)], **TERMS)


def test_a_service_has_exactly_its_fields() -> None:
    """The refusal names them."""
    with pytest.raises(InvalidValue, match="channel, uid"):
        Service(RTC, {}, {"channel": "room"})


def test_a_token_without_services_is_refused() -> None:
    """Agora's builders give an empty text for it."""
    with pytest.raises(InvalidValue, match="at least one"):
        tokens.mint(PROJECT, [], **TERMS)
