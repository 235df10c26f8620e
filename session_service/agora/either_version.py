"""Either version of token: reading whichever it is, and minting one for a person who debugs.

Decided here: what a text is told that is no token at all, and which privileges a role has. Called by
`agora.token_report` and by the command line; a session's own tokens are minted by `agora.transport`.
"""

from collections.abc import Callable, Mapping

from session_service.agora import identifiers, legacy_tokens, tokens
from session_service.agora.identifiers import Project
from session_service.agora.legacy_tokens import LegacyToken
from session_service.agora.token_services import RTC, Service
from session_service.agora.tokens import Token
from session_service.errors import InvalidValue, UnreadableToken

AnyToken = Token | LegacyToken

VERSIONS = (tokens.VERSION, legacy_tokens.VERSION)
ROLES: Mapping[str, tuple[int, ...]] = {"publisher": legacy_tokens.PUBLISHER, "subscriber": (1,)}
"""The privileges of a role by their numbers, which are the same in both versions: a subscriber may only join."""

ANY_UID = ""
"""How a token writes the uid 0: it admits whoever holds it, under any uid."""

_QUOTES = "\"'`\u201c\u201d\u2018\u2019"
_NO_TOKENS: tuple[tuple[Callable[[str], bool], str], ...] = (
    (lambda text: not text, "There is nothing to read: the text is empty."),
    (
        lambda text: text.lstrip()[:1] in ("{", "["),
        "This is JSON, not a token. Take the text behind agora_token, without its quotes.",
    ),
    (
        lambda text: text[0] in _QUOTES or text[-1] in _QUOTES,
        "There are quotes around the token. Leave them out.",
    ),
    (
        lambda text: any(character.isspace() for character in text),
        "There is white space or a line break in the text. A token has none: copy it whole, and nothing with it.",
    ),
    (
        lambda text: text.startswith(("MDA3", "MDA2")),  # base64 of 007 and 006
        "This is the base64 of a token, not a token. It was encoded once more; take the text itself.",
    ),
    (
        lambda text: "%" in text,
        "There are percent signs in the text: the token was written for a URL. Take it as it was minted.",
    ),
    (
        lambda text: text.startswith("eyJ"),
        "This is a JSON Web Token, as LiveKit and many others use. Agora's begin with 007 or 006.",
    ),
    (
        identifiers.is_hex_32,
        "This is an App ID or an App Certificate (32 hexadecimal characters), not a token.",
    ),
    (
        lambda text: text.startswith("007") and identifiers.is_hex_32(text[3:35]),
        "The text begins with 007 and goes on as version 006 does. Its beginning was changed.",
    ),
    (
        lambda text: text.startswith("006eJ"),  # base64 of a zlib stream's two header bytes
        "The text begins with 006 and goes on as version 007 does. Its beginning was changed.",
    ),
)


def read(text: str) -> AnyToken:
    """Read a token of either version, without judging it. UnreadableToken says what the text is instead, if we know."""
    for is_it, sentence in _NO_TOKENS:
        if is_it(text):
            raise UnreadableToken(sentence)
    if text.startswith(tokens.VERSION):
        return tokens.read(text)
    if text.startswith(legacy_tokens.VERSION):
        return legacy_tokens.read(text)
    raise UnreadableToken("This is no Agora token that we know: these begin with 007 or, for old SDKs, 006.")


def mint(
    project: Project, version: str, channel: str, user: str, role: str, *, issued_at: int, lifetime: int, salt: int
) -> str:
    """Mint a token for one channel. `user` is a uid in decimal, a user account, or ANY_UID.

    `version` is one of VERSIONS, `role` one of ROLES, `issued_at` in Unix seconds, `lifetime` 1 to 86400 seconds and
    every privilege's too, `salt` 1 to 99999999. Else, and for a channel that breaks Agora's rules: InvalidValue.
    """
    identifiers.token_terms(issued_at, lifetime, salt)
    identifiers.channel(channel)
    numbers = _privileges(role)
    if version == tokens.VERSION:
        service = Service(RTC, dict.fromkeys(numbers, lifetime), {"channel": channel, "uid": user})
        return tokens.mint(project, [service], issued_at=issued_at, lifetime=lifetime, salt=salt)
    if version == legacy_tokens.VERSION:
        end = issued_at + lifetime
        return legacy_tokens.build(project, channel, user, dict.fromkeys(numbers, end), expires_at=end, salt=salt)
    raise InvalidValue(f"A token version is one of {', '.join(VERSIONS)}.")


def _privileges(role: str) -> tuple[int, ...]:
    try:
        return ROLES[role]
    except KeyError:
        raise InvalidValue(f"A role is one of {', '.join(ROLES)}.") from None
