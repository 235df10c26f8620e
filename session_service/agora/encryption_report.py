"""Two sides of one encrypted channel: why they would not hear each other.

Decided here: where key and salt stand in a captured answer and in what an agent is handed, every fault of one side, and
every difference between two. `agora.encryption` is strict and takes nothing wrong; here, everything wrong is told.
Pure. Called by the command line and the checker; docs/encryption.md tells users the same. No text of this module holds
a key or a salt.
"""

from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field

from session_service.agora.encryption import MODES, SALT_SIZE, ChannelEncryption, Mode
from session_service.agora.spellings import as_bytes, decoded, misread, of_one_key, other_alphabet
from session_service.errors import InvalidValue

SILENCE = "Both sides join without an error, and neither hears the other."
_NOT_STARTED = "A native SDK answers -2 to enabling encryption; who joins all the same hears nobody."


@dataclass(frozen=True, slots=True)
class Side:
    """What one side encrypts with, as it was found and be it wrong. None where nothing was found."""

    mode: str | None = None
    key: str | None = field(default=None, repr=False)
    salt: str | None = field(default=None, repr=False)
    mode_number: int | None = None
    web_mode: str | None = None

    @property
    def encrypted(self) -> bool:
        """Whether there is anything to encrypt with."""
        return bool(self.mode or self.key or self.salt)

    @property
    def known_mode(self) -> Mode | None:
        """The mode, where its name is one of Agora's."""
        return MODES.get(self.mode or "")

    @property
    def salt_bytes(self) -> bytes | None:
        """What the salt's text is the base64 of, or None where there is no salt, or it is no base64."""
        return None if self.salt is None else decoded(self.salt)


def from_json(value: object) -> Side:
    """Find one side in a captured answer, or in what an agent is handed. InvalidValue where it is neither."""
    if isinstance(value, Mapping) and "encryption" in value:
        return _handed(value["encryption"])
    names = ("encryption_mode", "encryption_key", "encryption_salt")
    if isinstance(value, Mapping) and not value.keys().isdisjoint({"agora_app_id", *names}):
        mode, key, salt = (_text(value, name) for name in names)
        return Side(mode, key, salt)
    raise InvalidValue(
        "This is neither an answer of a session endpoint (with agora_app_id, encryption_mode and so on) nor what an "
        "agent is handed (with encryption)."
    )


def from_encryption(made: ChannelEncryption) -> Side:
    """One side from what was derived here."""
    return Side(**asdict(made))


def _handed(value: object) -> Side:
    if value is None:
        return Side()
    if not isinstance(value, Mapping):
        raise InvalidValue("What stands under encryption is neither an object nor null.")
    number = value.get("mode_number")
    if number is not None and type(number) is not int:
        raise InvalidValue("mode_number must be a whole number.")
    texts = {name: _text(value, name) for name in ("mode", "key", "salt", "web_mode")}
    return Side(**texts, mode_number=number)


def _text(value: Mapping[str, object], name: str) -> str | None:
    found = value.get(name)
    if found is None or isinstance(found, str):
        return found
    raise InvalidValue(f"{name} must be a text, null, or absent.")


def faults(side: Side) -> tuple[str, ...]:
    """What is wrong with one side alone, a sentence each. Empty also for a side that does not encrypt."""
    return (*incomplete(side), *malformed(side))


def incomplete(side: Side) -> tuple[str, ...]:
    """What a side that encrypts lacks: a mode that Agora knows, a key, or the salt that its mode takes."""
    if not side.encrypted:
        return ()
    return (*_mode_missing(side), *_key_missing(side), *_salt_missing(side))


def malformed(side: Side) -> tuple[str, ...]:
    """What is wrong with the form of what is there: names of several modes, a key or a salt that SDKs take amiss."""
    if not side.encrypted:
        return ()
    return (*_mode_faults(side), *_key_faults(side), *_salt_faults(side))


def superfluous_salt(side: Side) -> str | None:
    """The sentence for a salt in a mode that takes none, which SDKs ignore."""
    mode = side.known_mode
    if mode is None or mode.salted or side.salt is None:
        return None
    return f"The mode {mode.name} takes no salt. SDKs ignore it; leave it out."


def _mode_missing(side: Side) -> Iterator[str]:
    if side.mode is None:
        yield "There is a key or a salt and no mode. A side without a mode does not encrypt."
    elif side.known_mode is None:
        yield f"The mode is none of Agora's.{_other_spelling(side.mode)} They are: {', '.join(MODES)}."


def _key_missing(side: Side) -> Iterator[str]:
    if not side.key:
        yield f"There is no key. {_NOT_STARTED}"


def _salt_missing(side: Side) -> Iterator[str]:
    if side.known_mode and side.known_mode.salted and not side.salt:
        yield f"The salt is missing, and {side.known_mode.name} needs one. {_NOT_STARTED}"


def _mode_faults(side: Side) -> Iterator[str]:
    mode = side.known_mode
    if mode and (side.mode_number not in (None, mode.number) or side.web_mode not in (None, mode.web_name)):
        yield f"Name, number and Web name are not those of one mode: {mode.name} is {mode.number} and {mode.web_name}."


def _other_spelling(written: str) -> str:
    letters = written.lower().replace("-", "").replace("_", "").replace(" ", "")
    for name, mode in MODES.items():
        if letters in (name.replace("_", ""), str(mode.number)):
            return f" The contract writes {name}."
    return ""


def _key_faults(side: Side) -> Iterator[str]:
    if not side.key:
        return
    if side.key != side.key.strip():
        yield f"The key begins or ends with white space, and that counts as part of it. {SILENCE}"
    elif not (side.key.isascii() and side.key.isprintable()):
        yield "The key is not printable ASCII: SDKs turn such text into different bytes."


def _salt_faults(side: Side) -> Iterator[str]:
    if superfluous := superfluous_salt(side):
        yield superfluous
    elif side.known_mode and side.salt:
        yield from _salt_text_faults(side.salt)


def _salt_text_faults(text: str) -> Iterator[str]:
    salt = decoded(text)
    if salt is None or b64encode(salt).decode() != text:
        yield (
            f"The salt is not standard base64.{other_alphabet(text)} It must be base64 of {SALT_SIZE} bytes: 44 "
            "characters, with one = at the end."
        )
    elif len(salt) != SALT_SIZE:
        yield (
            f"The salt has {len(salt)} bytes instead of {SALT_SIZE}.{misread(text, salt)} SDKs cut or fill it, each "
            f"in its way: {SILENCE}"
        )
    elif not any(salt):
        yield "The salt is all zero, which Agora refuses."


def differences(one: Side, other: Side) -> tuple[str, ...]:
    """What does not match between two sides, a sentence each, with what the two would experience."""
    if one.encrypted != other.encrypted:
        return (f"Only one side encrypts. {SILENCE}",)
    return (*_different_modes(one, other), *_different_keys(one, other), *_different_salts(one, other))


def _different_modes(one: Side, other: Side) -> Iterator[str]:
    if one.mode != other.mode:
        yield f"The modes differ: {_named_mode(one)} here, {_named_mode(other)} there. {SILENCE}"


def _named_mode(side: Side) -> str:
    """Agora's modes by their names, and nothing else: any text may stand there, also a key by mistake."""
    if side.known_mode:
        return side.known_mode.name
    return "none of Agora's" if side.mode else "none"


def _different_keys(one: Side, other: Side) -> Iterator[str]:
    if one.key != other.key:
        yield f"The keys differ.{_transformed(one.key or '', other.key or '')} {SILENCE}"


def _transformed(one: str, other: str) -> str:
    """The hint where one key is the other, put through something. Every SDK must get the same characters."""
    for key, changed in ((one, other), (other, one)):
        if changed and changed in (key.strip(), key.lower(), key.upper()):
            return " They are the same but for white space at an end or for upper and lower case."
        if changed and changed in of_one_key(key):
            return " One is the other in base64, in hexadecimal, or decoded. Hand on the text itself."
    return ""


def _different_salts(one: Side, other: Side) -> Iterator[str]:
    if one.salt == other.salt:
        return
    if not one.salt or not other.salt:
        yield f"Only one side has a salt. {SILENCE}"
    elif one.salt_bytes == as_bytes(other.salt) or other.salt_bytes == as_bytes(one.salt):
        yield f"The salts differ: one is the other, encoded as base64 a second time. {SILENCE}"
    else:
        yield f"The salts differ. {SILENCE}"
