"""Agora's eight modes, and one key and salt for every party of a channel."""

import subprocess
from base64 import b64decode, b64encode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from session_service.agora import encryption
from session_service.agora.encryption import MODES, ChannelEncryption, Mode
from session_service.errors import InvalidValue
from tests.agora.strategies import channels
from tests.agora.tools import tool

MASTER_KEY = bytes(range(32))
ENTROPY = bytes(range(100, 100 + encryption.ENTROPY))
SALT = b64encode(bytes(range(32))).decode()
every_mode = pytest.mark.parametrize("mode", MODES.values(), ids=MODES)
salted = pytest.mark.parametrize("name", ["aes_128_gcm2", "aes_256_gcm2"])

DERIVED = {
    "aes_128_gcm": ("t2RUg3z1DfX12IvwbgHF1pZyTimlIhoIn7++FMFoaZI=", None),
    "aes_256_gcm2": (
        "+1jWGVCQeEFSw75UDHLqYFmQBgEDgG316A2Jg0ApU24=",
        "rt4XN1rJN3Oy5xAeFfFxkljZoLQIZQEhMYAdFS94Fzk=",
    ),
}
"""Computed by openssl 3.0.19 with the command of docs/encryption.md: master key 00 01 ... 1f, channel `room-1`."""


def openssl_hkdf(purpose: str, mode: Mode, channel: str) -> str:
    """What openssl derives for one purpose, as base64."""
    info = f"session-service/1/agora/{purpose}/{mode.name}/{channel}"
    options = ("digest:SHA256", f"hexkey:{MASTER_KEY.hex()}", f"info:{info}")
    chosen = [word for option in options for word in ("-kdfopt", option)]
    openssl = tool("openssl", "apt-get install openssl, or brew install openssl@3")
    run = subprocess.run([openssl, "kdf", "-binary", "-keylen", "32", *chosen, "HKDF"], capture_output=True, check=True)
    return b64encode(run.stdout).decode()


def test_the_modes_are_agoras_enumeration() -> None:
    """Names of the contract, numbers of the native SDKs, spelling of the Web SDK."""
    assert [(mode.number, mode.name) for mode in MODES.values()] == [
        (1, "aes_128_xts"),
        (2, "aes_128_ecb"),
        (3, "aes_256_xts"),
        (4, "sm4_128_ecb"),
        (5, "aes_128_gcm"),
        (6, "aes_256_gcm"),
        (7, "aes_128_gcm2"),
        (8, "aes_256_gcm2"),
    ]
    assert encryption.mode("aes_256_gcm2").web_name == "aes-256-gcm2"
    assert {name for name, mode in MODES.items() if mode.salted} == {"aes_128_gcm2", "aes_256_gcm2"}


@pytest.mark.parametrize("name", ["", "none", "AES_256_GCM2", "aes-256-gcm2", "aes_256_gcm3", "8"])
def test_another_spelling_is_no_mode(name: str) -> None:
    """The refusal lists the eight."""
    with pytest.raises(InvalidValue, match="sm4_128_ecb"):
        encryption.mode(name)


@every_mode
def test_fresh_encryption_is_the_entropy_and_nothing_else(mode: Mode) -> None:
    """Key from the first 32 bytes, salt from the next 32 where the mode takes one; both base64."""
    made = encryption.from_entropy(mode, ENTROPY)
    assert (made.mode, made.mode_number, made.web_mode) == (mode.name, mode.number, mode.web_name)
    assert b64decode(made.key) == ENTROPY[:32]
    assert made.salt == (b64encode(ENTROPY[32:]).decode() if mode.salted else None)


def test_a_mode_without_salt_needs_half_the_entropy() -> None:
    """And no mode makes do with less than it needs."""
    assert encryption.from_entropy(MODES["aes_128_gcm"], ENTROPY[:32]).salt is None
    for name, size in (("aes_128_gcm", 31), ("aes_128_gcm2", 63)):
        with pytest.raises(InvalidValue, match="random bytes"):
            encryption.from_entropy(MODES[name], ENTROPY[:size])


@pytest.mark.parametrize("key", ["", "caf\u00e9", "a\nb", "a\x00b", "\x7f"])
def test_a_key_is_printable_ascii(key: str) -> None:
    """An SDK takes its characters as they are, and a NUL would cut them."""
    with pytest.raises(InvalidValue, match="printable ASCII"):
        encryption.build(MODES["aes_128_gcm"], key, None)


@salted
@pytest.mark.parametrize(
    "salt", [None, "", "x", SALT[:-4], SALT + "AAAA", SALT + "\n", SALT[:-2] + "9=", "\u00e9" * 44]
)
def test_a_salt_is_base64_of_32_bytes(name: str, salt: str | None) -> None:
    """In one spelling: SDKs that pad or cut in silence would make the sides differ."""
    with pytest.raises(InvalidValue, match="32 bytes"):
        encryption.build(MODES[name], "key", salt)


@salted
def test_a_salt_of_zeros_is_refused(name: str) -> None:
    """Agora takes it for no salt."""
    with pytest.raises(InvalidValue, match="not all zero"):
        encryption.build(MODES[name], "key", b64encode(bytes(32)).decode())


def test_a_mode_without_salt_refuses_one() -> None:
    """The other side would be told of a salt that means nothing."""
    with pytest.raises(InvalidValue, match="no salt"):
        encryption.build(MODES["aes_128_gcm"], "key", SALT)


def test_the_spellings_of_a_mode_belong_together() -> None:
    """Two parties that read different ones would encrypt differently."""
    with pytest.raises(InvalidValue, match="one mode"):
        ChannelEncryption("aes_128_gcm", 6, "aes-128-gcm", "key", None)


def test_the_repr_holds_neither_key_nor_salt() -> None:
    """It may stand in a log."""
    made = encryption.from_entropy(MODES["aes_256_gcm2"], ENTROPY)
    assert made.key not in repr(made)
    assert str(made.salt) not in repr(made)


@given(channel=channels, other=channels)
def test_each_channel_and_purpose_has_its_own_derived_bytes(channel: str, other: str) -> None:
    """The same inputs give the same; another channel, or the salt instead of the key, gives others."""
    made = encryption.derive(MODES["aes_256_gcm2"], MASTER_KEY, channel)
    assert made == encryption.derive(MODES["aes_256_gcm2"], MASTER_KEY, channel)
    assert made.key != made.salt
    elsewhere = encryption.derive(MODES["aes_256_gcm2"], MASTER_KEY, other)
    assert channel == other or (made.key != elsewhere.key and made.salt != elsewhere.salt)


@every_mode
def test_every_mode_derives_its_own_key(mode: Mode) -> None:
    """No key is used with two algorithms."""
    made = {encryption.derive(other, MASTER_KEY, "room-1").key for other in MODES.values()}
    assert len(made) == len(MODES)
    assert (encryption.derive(mode, MASTER_KEY, "room-1").salt is None) is not mode.salted


@pytest.mark.parametrize("name", DERIVED)
def test_derived_values_are_those_of_the_documentation(name: str) -> None:
    """An agent elsewhere derives the same, whatever it is written in."""
    made = encryption.derive(MODES[name], MASTER_KEY, "room-1")
    assert (made.key, made.salt) == DERIVED[name]


@pytest.mark.real
@settings(max_examples=5)
@given(channel=channels)
@every_mode
def test_openssl_derives_the_same(mode: Mode, channel: str) -> None:
    """By the command of docs/encryption.md, over generated channel names."""
    made = encryption.derive(mode, MASTER_KEY, channel)
    assert made.key == openssl_hkdf("key", mode, channel)
    assert made.salt in (None, openssl_hkdf("salt", mode, channel))


@pytest.mark.parametrize("text", [b64encode(MASTER_KEY).decode(), MASTER_KEY.hex(), MASTER_KEY.hex().upper()])
def test_a_master_key_is_base64_or_hexadecimal(text: str) -> None:
    """Of 32 bytes."""
    assert encryption.master_key(text) == MASTER_KEY


@pytest.mark.parametrize(
    "text", ["", "secret", b64encode(MASTER_KEY[1:]).decode(), MASTER_KEY.hex() + "0", "\u00e9" * 44]
)
def test_another_text_is_no_master_key(text: str) -> None:
    """The refusal says the forms and not the text."""
    with pytest.raises(InvalidValue, match="32 bytes") as refusal:
        encryption.master_key(text)
    assert not text or text not in str(refusal.value)


@pytest.mark.parametrize("key", [bytes(32), b"0123456789abcdef"[:8] * 4, bytes(range(15)) + bytes(17)])
def test_a_master_key_that_repeats_itself_is_weak(key: bytes) -> None:
    """Nobody drew it at random; refused when read and when used."""
    with pytest.raises(InvalidValue, match="openssl rand"):
        encryption.master_key(key.hex())
    with pytest.raises(InvalidValue, match="openssl rand"):
        encryption.derive(MODES["aes_128_gcm"], key, "room")


@given(key=st.binary(max_size=40).filter(lambda key: len(key) != 32))
def test_a_master_key_has_32_bytes(key: bytes) -> None:
    """Not one more or less."""
    with pytest.raises(InvalidValue, match="32 bytes"):
        encryption.derive(MODES["aes_128_gcm"], key, "room")


@pytest.mark.parametrize("channel", ["", "a/b", "*"])
def test_a_channel_that_agora_refuses_derives_nothing(channel: str) -> None:
    """A slash would let two purposes share an info."""
    with pytest.raises(InvalidValue, match="channel name"):
        encryption.derive(MODES["aes_128_gcm"], MASTER_KEY, channel)
