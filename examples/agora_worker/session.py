"""What the service hands over: one JSON object on standard input, as values.

Decided here: which objects are a session. Everything else is refused before anything is joined, with a sentence that
names the place and never shows the value. Called by `__main__`.
"""

import binascii
import json
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from agora_worker.errors import CannotServe

VERSION = 1
LARGEST_UID = 2**32 - 1
SALT_SIZE = 32
_SALTED = frozenset({7, 8})
_MODES = range(1, 9)
_SESSION = {"version": int, "session_id": str, "agora": dict, "encryption": dict, "test": dict, "report": dict}
_AGORA = {"app_id": str, "channel": str, "token": str, "uid": int, "tester_uid": int}
_ENCRYPTION = {"mode": str, "mode_number": int, "web_mode": str, "key": str, "salt": str}
_REPORT = {"url": str, "token": str}
_WORDS = {int: "a whole number", str: "text", dict: "an object"}


@dataclass(frozen=True, slots=True)
class Encryption:
    """What everybody in the channel encrypts with. `key` is used as it stands; `salt` is 32 raw bytes, or none."""

    mode_number: int
    key: str = field(repr=False)
    salt: bytes | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Report:
    """Where the service wants to hear of this agent, and by which token it knows it."""

    url: str
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Session:
    """The seat in the channel, whom to talk to, and what is being tested, where the service knows it."""

    session_id: str
    app_id: str
    channel: str
    token: str = field(repr=False)
    uid: int
    tester_uid: int
    encryption: Encryption | None
    test: Mapping[str, object] | None
    report: Report | None


def read(data: bytes) -> Session:
    """Return the session that `data` is, or raise CannotServe."""
    value = _object(_parsed(data), "The session", _SESSION, optional={"encryption", "test", "report"})
    _demand(value["version"] == VERSION, f"This worker reads version {VERSION} of the session, and got another.")
    seat = _object(value["agora"], "agora", _AGORA)
    _check_seat(seat)
    return Session(
        session_id=value["session_id"],
        **seat,
        encryption=None if value["encryption"] is None else _encryption(value["encryption"]),
        test=value["test"],
        report=None if value["report"] is None else Report(**_object(value["report"], "report", _REPORT)),
    )


def _parsed(data: bytes) -> object:
    try:
        return json.loads(data.decode())
    except (ValueError, RecursionError):
        raise CannotServe("Standard input holds no JSON object in UTF-8. Is SESSION_LAUNCHER=process set?") from None


def _object(
    value: object, name: str, shape: Mapping[str, type], optional: set[str] | frozenset[str] = frozenset()
) -> dict[str, Any]:
    """Return `value` if it is an object of exactly this shape; true and false are no numbers."""
    if not isinstance(value, dict) or value.keys() != shape.keys():
        raise CannotServe(f"{name} must be an object with exactly the keys {', '.join(shape)}.")
    for key, wanted in shape.items():
        fits = type(value[key]) is wanted or (value[key] is None and key in optional)
        _demand(fits, f"{name} has something else than {_WORDS[wanted]} under {key}.")
    return value


def _check_seat(seat: Mapping[str, Any]) -> None:
    for key in ("app_id", "channel", "token"):
        _demand(seat[key] != "", f"agora has nothing under {key}.")
    for key in ("uid", "tester_uid"):
        _demand(1 <= seat[key] <= LARGEST_UID, f"agora has no uid from 1 to {LARGEST_UID} under {key}.")
    # Agora removes the first of two who join with one uid.
    _demand(seat["uid"] != seat["tester_uid"], "Agent and tester have the same uid: set SESSION_AGENT_UID.")


def _encryption(value: object) -> Encryption:
    given = _object(value, "encryption", _ENCRYPTION, optional={"salt"})
    number = given["mode_number"]
    _demand(number in _MODES, f"encryption has no mode_number from {_MODES[0]} to {_MODES[-1]}.")
    _demand(given["key"] != "", "encryption has nothing under key.")
    _demand((given["salt"] is not None) == (number in _SALTED), "Modes 7 and 8 need a salt, and no other takes one.")
    return Encryption(number, given["key"], None if given["salt"] is None else _salt(given["salt"]))


def _salt(text: str) -> bytes:
    """Return the raw bytes: the SDK would take base64 text as if it were the salt, and cut it without a word."""
    try:
        salt = b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        salt = b""
    _demand(len(salt) == SALT_SIZE, f"encryption has no base64 of {SALT_SIZE} bytes under salt.")
    return salt


def _demand(fulfilled: bool, sentence: str) -> None:
    if not fulfilled:
        raise CannotServe(sentence)
