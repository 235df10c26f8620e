"""What Agora accepts: App ID, certificate, channel name, uid, user account, and a token's terms.

Decided here, once for the service, the checker and the command line. Each rule returns its argument or raises
InvalidValue with what is allowed, never with the value. The rules are those of Agora's token builders (32 hexadecimal
characters; channel names of fewer than 64 bytes) and of its page on channel names (the 89 characters) and on string
user accounts (255 bytes).
"""

import re
from dataclasses import dataclass, field

from session_service.errors import InvalidValue

MAX_LIFETIME = 24 * 60 * 60
MAX_SALT = 99_999_999
MAX_UID = 2**32 - 1
MAX_CHANNEL = 63
MAX_ACCOUNT = 255
SESSION_ID_LENGTH = 32
"""A session id is 32 hexadecimal digits: 128 bits, of which nobody can guess one."""

_ALPHABET = r"[A-Za-z0-9 !#$%&()+\-:;<=.>?@\[\]^_{}|~,]"
_CHARACTERS = "ASCII letters, digits, space and ! # $ % & ( ) + - : ; < = . > ? @ [ ] ^ _ { } | ~ ,"
_MAX_PREFIX = MAX_CHANNEL - SESSION_ID_LENGTH

_HEX_32 = re.compile(r"[0-9A-Fa-f]{32}")
_CHANNEL = re.compile(_ALPHABET + f"{{1,{MAX_CHANNEL}}}")
_CHANNEL_RULE = f"A channel name is 1 to {MAX_CHANNEL} characters: {_CHARACTERS}."
_PREFIX = re.compile(_ALPHABET + f"{{0,{_MAX_PREFIX}}}")
_PREFIX_RULE = f"A channel prefix is at most {_MAX_PREFIX} characters: {_CHARACTERS}."
_ACCOUNT = re.compile(_ALPHABET + f"{{1,{MAX_ACCOUNT}}}")
_ACCOUNT_RULE = f"A user account is 1 to {MAX_ACCOUNT} characters: {_CHARACTERS}."


def is_hex_32(text: str) -> bool:
    """Tell whether `text` has the form that an App ID and a certificate share: 32 hexadecimal characters."""
    return _HEX_32.fullmatch(text) is not None


def app_id(text: str) -> str:
    """Return `text` if it can be an App ID. The case is kept: Agora signs it as text."""
    return _matching(_HEX_32, text, "An Agora App ID is exactly 32 hexadecimal characters.")


def app_certificate(text: str) -> str:
    """Return `text` if it can be an App Certificate. The case is kept: it is the key of the signature as text."""
    return _matching(_HEX_32, text, "An Agora App Certificate is exactly 32 hexadecimal characters.")


def channel(text: str) -> str:
    """Return `text` if it names one channel. The wildcard `*` opens many, and is not among Agora's characters."""
    return _matching(_CHANNEL, text, _CHANNEL_RULE)


def channel_prefix(text: str) -> str:
    """Return `text` if a session id after it makes a channel name. It may be empty."""
    return _matching(_PREFIX, text, _PREFIX_RULE)


def uid(number: int) -> int:
    """Return `number` if it is one participant's uid. 0 is refused: in a token it means any uid."""
    if not 1 <= number <= MAX_UID:
        raise InvalidValue(f"A uid is a whole number from 1 to {MAX_UID}.")
    return number


def user_account(text: str) -> str:
    """Return `text` if it can be a string user account, which replaces uids for everybody in its channel."""
    return _matching(_ACCOUNT, text, _ACCOUNT_RULE)


def token_terms(issued_at: int, lifetime: int, salt: int) -> None:
    """Refuse a lifetime in seconds that Agora would not honour, or a salt that its own builders never draw.

    `issued_at` is in Unix seconds; a token counts them, and those of its end, in 32 bits.
    """
    if not 1 <= lifetime <= MAX_LIFETIME:
        raise InvalidValue(f"A token lives 1 to {MAX_LIFETIME} seconds (24 hours).")
    if not 1 <= salt <= MAX_SALT:
        raise InvalidValue(f"A token's salt is a whole number from 1 to {MAX_SALT}.")
    if not 0 <= issued_at < 2**32 - lifetime:
        raise InvalidValue("A token's instants are Unix seconds, and fit 32 bits.")


def _matching(pattern: re.Pattern[str], text: str, rule: str) -> str:
    if pattern.fullmatch(text) is None:
        raise InvalidValue(rule)
    return text


@dataclass(frozen=True, slots=True)
class Project:
    """One project of Agora's console: the App ID, which everybody may see, and the certificate that signs for it."""

    app_id: str
    certificate: str = field(repr=False)

    def __post_init__(self) -> None:
        """Refuse what cannot be either; InvalidValue."""
        app_id(self.app_id)
        app_certificate(self.certificate)
