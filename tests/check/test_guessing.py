"""Which channel names are called guessable: counters, clocks and short ones, and never a random one."""

import itertools
import uuid
from base64 import b32encode, urlsafe_b64encode
from collections.abc import Callable
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from session_service.check.answers import guessing

NOW = 1_790_000_000.5


def names(one: Callable[[int], str]) -> list[str]:
    """Seven names in the order of their calls, the number of which `one` is given."""
    return [one(number) for number in range(7)]


@pytest.mark.parametrize(
    ("one", "words"),
    [
        (str, "counted up"),
        (lambda n: f"call-{n + 95}", "counted up"),
        (lambda n: f"room_{n * 2 + 10**12:032d}", "counted up"),
        (lambda n: f"2026-11-21-{n:04}-eu", "counted up"),
        (lambda n: f"call-{int(NOW) + n * 7}", "made of the time"),
        (lambda n: f"call-{int(NOW * 1000) + n * 213}", "made of the time"),
        (lambda n: f"call-{int(NOW * 10**6) + n * 91_337}", "made of the time"),
        (lambda n: f"call-{int(NOW * 10**9) + n * 91_337_123}", "made of the time"),
        (lambda n: f"call-{(n * 2_654_435_761 + 17) % 2**32:08x}", "too short"),
        (lambda n: f"call-{(n + 3) * 104_729 % 10**6:06}", "too short"),
        (lambda n: f"6553f3{n:02x}aabbccddeeff00112233", "counted up"),
        (lambda n: "x" * n, "too short"),
        (lambda n: f"call-{int(NOW * 10**9) + n * 91_337_123}-{n * 2_654_435_761 % 2**32:08x}", "made of the time"),
        (lambda n: f"{n + 1}_{(n + 5) * 2_654_435_761 % 2**32:08x}_eu", "counted up"),
        (lambda n: f"{'abcdefg'[n]}-room", "too short"),
        (lambda n: str(uuid.UUID(fields=(0x1EED0000 + n * 977, 0x1234, 0x11EE, 0x80, 7, 0xA1B2C3D4E5F6))), "too short"),
    ],
)
def test_names_that_can_be_guessed_are_told_how(one: Callable[[int], str], words: str) -> None:
    """Wherever in the name the changing part stands."""
    told = guessing.fault(names(one), NOW)
    assert told
    assert words in told


FORMS: dict[str, Callable[[Random], str]] = {
    "hex, 64 bits": lambda random: random.randbytes(8).hex(),
    "hex": lambda random: random.randbytes(16).hex(),
    "upper hex": lambda random: random.randbytes(16).hex().upper(),
    "uuid4": lambda random: str(uuid.UUID(bytes=random.randbytes(16), version=4)),
    "uuid4, bare": lambda random: uuid.UUID(bytes=random.randbytes(16), version=4).hex,
    "base32, 65 bits": lambda random: b32encode(random.randbytes(9)).decode()[:13],
    "lower base32": lambda random: b32encode(random.randbytes(10)).decode().lower(),
    "base64": lambda random: urlsafe_b64encode(random.randbytes(9)).decode().rstrip("="),
    "decimal": lambda random: str(random.getrandbits(64)),
    "letters": lambda random: "".join(random.choices("abcdefghijklmnopqrstuvwxyz", k=14)),
    "ulid": lambda random: "01K9ZZZZZZ" + "".join(random.choices("0123456789ABCDEFGHJKMNPQRSTVWXYZ", k=16)),
}


@given(
    form=st.sampled_from(list(FORMS)),
    begin=st.sampled_from(["", "cekura-", "call_2026-11-21_"]),
    end=st.sampled_from(["", "-eu"]),
    seed=st.integers(0, 2**64),
    count=st.booleans(),
)
def test_no_random_name_is_called_guessable(form: str, begin: str, end: str, seed: int, count: bool) -> None:
    """Whatever stands around it, also a counter."""
    random, numbers = Random(seed), itertools.count()  # noqa: S311 - a test's
    made = names(lambda _: f"{begin}{next(numbers) if count else ''}{FORMS[form](random)}{end}")
    assert guessing.fault(made, NOW) is None


@given(st.lists(st.text(max_size=40), min_size=5, max_size=9, unique=True))
def test_any_different_names_can_be_judged(made: list[str]) -> None:
    """Nothing breaks, whatever they hold."""
    told = guessing.fault(made, NOW)
    assert told is None or told.startswith("The channels' names can be guessed.")
