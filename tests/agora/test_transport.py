"""What one session gets: join details for the tester, a seat for the agent, and nothing that they share by mistake."""

from dataclasses import fields
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from session_service.agora import encryption, legacy_tokens, tokens
from session_service.agora.encryption import MODES
from session_service.agora.token_services import RTC, Service
from session_service.agora.transport import AgoraTransport, JoinDetails, Seat
from session_service.errors import InvalidValue
from tests.agora.vectors import PROJECT

SESSION_ID = "0123456789abcdef0123456789abcdef"
NOW = 1_700_000_000
MASTER_KEY = bytes(range(32))
ENTROPY = bytes(range(AgoraTransport.ENTROPY))
entropies = st.binary(min_size=AgoraTransport.ENTROPY, max_size=AgoraTransport.ENTROPY)


def transport(**changed: Any) -> AgoraTransport:
    """A transport without encryption, with `changed` instead of its usual settings."""
    usual: dict[str, Any] = {
        "prefix": "cekura-",
        "join_uid": 1,
        "agent_uid": None,
        "lifetime": 3600,
        "token_version": "007",
        "encryption": None,
        "master_key": None,
    }
    return AgoraTransport(PROJECT, **{**usual, **changed})


def publisher(channel: str, uid: int) -> tuple[Service, ...]:
    """The one service of a token that lets `uid` join and publish for an hour."""
    return (Service(RTC, dict.fromkeys((1, 2, 3, 4), 3600), {"channel": channel, "uid": str(uid)}),)


def test_the_tester_joins_a_channel_of_its_own() -> None:
    """Prefix and session id, uid 1, one token that admits it for the lifetime."""
    details, made = transport().join(SESSION_ID, NOW, ENTROPY)
    token = tokens.read(details.agora_token)
    assert details.agora_channel == f"cekura-{SESSION_ID}"
    assert details.agora_app_id == token.app_id == PROJECT.app_id
    assert (token.issued_at, token.lifetime) == (NOW, 3600)
    assert token.services == publisher(details.agora_channel, 1)
    assert token.signature_valid(PROJECT.certificate)
    assert made is None


def test_without_encryption_its_fields_are_absent() -> None:
    """And the contract's fields are these six."""
    details, _ = transport().join(SESSION_ID, NOW, ENTROPY)
    assert (details.encryption_mode, details.encryption_key, details.encryption_salt) == (None, None, None)
    assert [field.name for field in fields(JoinDetails) if "agora" in field.name] == [
        "agora_app_id",
        "agora_channel",
        "agora_token",
    ]


@given(entropy=entropies, join_uid=st.sampled_from([1, 2, 3, 2**31 - 1, 2**31, 2**32 - 1]))
def test_agent_and_tester_share_neither_uid_nor_token_nor_salt(entropy: bytes, join_uid: int) -> None:
    """Whatever the entropy is; the drawn uid is never 0, 1 or the tester's."""
    agora = transport(join_uid=join_uid)
    details, _ = agora.join(SESSION_ID, NOW, entropy)
    seat = agora.seat(details.agora_channel, NOW, entropy)
    tester, agent = tokens.read(details.agora_token), tokens.read(seat.token)
    assert 2 <= seat.uid < 2**31
    assert seat.uid != seat.tester_uid == join_uid
    assert agent.services == publisher(details.agora_channel, seat.uid)
    assert tester.salt != agent.salt
    assert details.agora_token != seat.token


@given(entropy=entropies)
def test_a_transport_is_pure(entropy: bytes) -> None:
    """The same arguments give the same, so a test can foresee every byte."""
    made = [transport().join(SESSION_ID, NOW, entropy) for _ in range(2)]
    assert made[0] == made[1]
    assert transport().seat("room", NOW, entropy) == transport().seat("room", NOW, entropy)


def test_other_entropy_makes_everything_else_other() -> None:
    """Salts, uid, key and salt all come from it."""
    agora = transport(encryption=MODES["aes_256_gcm2"])
    one, _ = agora.join(SESSION_ID, NOW, ENTROPY)
    two, _ = agora.join(SESSION_ID, NOW, ENTROPY[::-1])
    assert tokens.read(one.agora_token).salt != tokens.read(two.agora_token).salt
    assert agora.seat("room", NOW, ENTROPY).uid != agora.seat("room", NOW, ENTROPY[::-1]).uid
    assert one.encryption_key != two.encryption_key
    assert one.encryption_salt != two.encryption_salt


def test_a_configured_agent_uid_is_used() -> None:
    """Some SDKs want to know it beforehand."""
    assert transport(agent_uid=4711).seat("room", NOW, ENTROPY).uid == 4711


@pytest.mark.parametrize("name", MODES)
def test_fresh_encryption_reaches_the_tester_in_the_contracts_words(name: str) -> None:
    """The same values go to the agent."""
    details, made = transport(encryption=MODES[name]).join(SESSION_ID, NOW, ENTROPY)
    assert made == encryption.from_entropy(MODES[name], ENTROPY[24:])
    assert made is not None
    assert details.encryption_mode == name
    assert (details.encryption_key, details.encryption_salt) == (made.key, made.salt)


def test_derived_encryption_needs_no_entropy() -> None:
    """An agent elsewhere derives the same from the master key and the channel."""
    agora = transport(encryption=MODES["aes_256_gcm2"], master_key=MASTER_KEY)
    details, made = agora.join(SESSION_ID, NOW, ENTROPY)
    assert made == encryption.derive(MODES["aes_256_gcm2"], MASTER_KEY, details.agora_channel)


def test_version_006_is_minted_when_configured() -> None:
    """For both parties, each with its own salt."""
    agora = transport(token_version="006")
    details, _ = agora.join(SESSION_ID, NOW, ENTROPY)
    seat = agora.seat(details.agora_channel, NOW, ENTROPY)
    tester, agent = legacy_tokens.read(details.agora_token), legacy_tokens.read(seat.token)
    assert tester.signature_valid(PROJECT.certificate, details.agora_channel, "1")
    assert agent.signature_valid(PROJECT.certificate, details.agora_channel, str(seat.uid))
    assert tester.expires_at == NOW + 3600
    assert tester.salt != agent.salt


@pytest.mark.parametrize(
    "changed",
    [
        {"prefix": "a" * 32},
        {"prefix": "a/b"},
        {"join_uid": 0},
        {"join_uid": 2**32},
        {"agent_uid": 0},
        {"agent_uid": 1},
        {"lifetime": 0},
        {"lifetime": 86401},
        {"token_version": "005"},
        {"master_key": MASTER_KEY},
        {"encryption": MODES["aes_128_gcm"], "master_key": bytes(32)},
    ],
)
def test_a_broken_rule_stops_the_service_and_not_a_session(changed: dict[str, Any]) -> None:
    """InvalidValue when the transport is built."""
    with pytest.raises(InvalidValue):
        transport(**changed)


@pytest.mark.parametrize("size", [0, AgoraTransport.ENTROPY - 1, AgoraTransport.ENTROPY + 1])
def test_entropy_of_another_size_is_refused(size: int) -> None:
    """A short one would leave salts at zero in silence."""
    with pytest.raises(InvalidValue, match="random bytes"):
        transport().join(SESSION_ID, NOW, bytes(size))
    with pytest.raises(InvalidValue, match="random bytes"):
        transport(agent_uid=2).seat("room", NOW, bytes(size))


def test_no_repr_shows_a_token_or_a_key() -> None:
    """Both values may stand in a log."""
    details, made = transport(encryption=MODES["aes_256_gcm2"]).join(SESSION_ID, NOW, ENTROPY)
    seat = transport().seat("room", NOW, ENTROPY)
    assert made is not None
    shown = repr((details, made, seat))
    for secret in (details.agora_token, made.key, str(made.salt), seat.token):
        assert secret not in shown


def test_a_seat_tells_the_agent_whom_to_expect() -> None:
    """The tester's uid beside its own."""
    assert transport(join_uid=9, agent_uid=8).seat("room", NOW, ENTROPY) == Seat(
        PROJECT.app_id, "room", transport(join_uid=9, agent_uid=8).seat("room", NOW, ENTROPY).token, 8, 9
    )
