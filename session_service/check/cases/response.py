"""Group S: the answer to the first good call, before anybody looks into its token. Nothing is sent here."""

import re
from collections.abc import Callable, Iterator

from session_service.agora import either_version, identifiers
from session_service.check.answers import reading, received
from session_service.check.answers.received import ENCRYPTION, Received
from session_service.check.context import Context
from session_service.check.model import Check, Finding, Seen, Severity
from session_service.errors import InvalidValue, UnreadableToken

_PAGE = "Agora Simulations, Session endpoint contract, Response"
_LONGEST_CHANNEL = identifiers.MAX_CHANNEL + 1
_SECRET_NAME = re.compile(
    r"certificate|app_?cert|private|secret|passw|credential|api_?key|access_?key|signing_?key|master_?key"
)
_ID_NAME = re.compile(r"(^|[a-z_-])id$", re.IGNORECASE)
_DEEPEST = 32
_COPY = "Copy the App ID anew from your project in Agora's console: 32 characters, 0 to 9 and a to f."
_NAME = "Make up channel names of letters, digits and -, at most 63 of them."
_SEEN = (
    "The answer passes the platform, proxies and their logs: a secret in it is no secret any more. With the App "
    "Certificate, anybody makes tokens for every channel of your project, at your expense."
)


async def _form(context: Context) -> Seen:
    found = reading.faults(context.first_answer())
    findings = tuple(Finding(fault.what, context.good, mend=fault.mend) for fault in found)
    return Seen(findings, "" if findings else "a JSON object with the three required keys")


async def _values(context: Context) -> Seen:
    found = received.first(context)
    findings = (
        *_broken(context, identifiers.app_id, found.app_id, "agora_app_id", _copied(found.app_id)),
        *_channel(context, found.channel),
        *_token(context, found.token),
    )
    return Seen(findings, f"a channel of {len(found.channel)} characters")


def _copied(app_id: str) -> str:
    bare = app_id.strip(" \t\r\n\"'")
    return f"Take away what stands around it: quotes or white space. {_COPY}" if bare != app_id else _COPY


def _broken(context: Context, rule: Callable[[str], str], text: str, name: str, mend: str) -> Iterator[Finding]:
    try:
        rule(text)
    except InvalidValue as error:
        yield Finding(f"{name} breaks a rule of Agora. {error}", context.good, mend=mend)


def _channel(context: Context, channel: str) -> Iterator[Finding]:
    """Agora's pages differ by one: "less than 64 bytes" for its builders, "up to 64 bytes" elsewhere."""
    shorter = (channel[1:], channel[:-1]) if len(channel) == _LONGEST_CHANNEL else (channel,)
    broken = [one for text in shorter for one in _broken(context, identifiers.channel, text, "agora_channel", _NAME)]
    if len(channel) == _LONGEST_CHANNEL and not broken:
        what = "agora_channel has 64 characters. Some of Agora's pages allow 64 and others 63."
        why = "A client that goes by the smaller number refuses to join."
        yield Finding(what, context.good, Severity.SHOULD, why, "Make the name a character shorter.")
    yield from broken[:1]


def _token(context: Context, token: str) -> Iterator[Finding]:
    if not (token.isascii() and token.isprintable()):
        what = "agora_token holds characters that no token has: line breaks, control characters, or none of ASCII."
        mend = "Hand on the token as the builder returns it; strip the line end where it comes from a file or a shell."
        yield Finding(what, context.good, mend=mend)


async def _nothing_more(context: Context) -> Seen:
    found = received.first(context)
    further = [name for name in found.others if name not in ENCRYPTION]
    findings = (*_void(context, found), *_secrets(context, found))
    return Seen(findings, f"{len(further)} further keys" if further else "no further keys")


def _void(context: Context, found: Received) -> Iterator[Finding]:
    """Null or empty where the page says to leave it out. Where the value is needed, its absence is E01's."""
    side = found.side
    for name in ENCRYPTION:
        needless = not side.encrypted or (name == "encryption_salt" and side.known_mode and not side.known_mode.salted)
        if needless and name in found.others and found.others[name] in (None, ""):
            what = f"{name} is {'null' if found.others[name] is None else 'empty'} instead of absent."
            why = (
                "The page says to omit it; a reader that looks whether the key is there takes the channel as encrypted."
            )
            yield Finding(what, context.good, why=why, mend="Leave the key out when there is nothing to say.")


def _secrets(context: Context, found: Received) -> Iterator[Finding]:
    further = {name: value for name, value in found.others.items() if name not in ENCRYPTION}
    known = (found.app_id, found.channel, found.token)
    for path, value in _leaves(further):
        because = _known_secret(context, value) or _looks_secret(path, value, known)
        if because:
            yield Finding(f"The further key {_name(path)} {because}.", context.good)
    because = _known_secret(context, found.channel)
    if because:
        mend = f"{_NAME} The secret has been sent, so replace it."
        yield Finding(f"agora_channel {because}.", context.good, mend=mend)


def _leaves(value: object, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], object]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    if inner is None or len(path) > _DEEPEST:
        yield path, value
        return
    for key, item in inner:
        yield from _leaves(item, (*path, str(key)))


def _name(path: tuple[str, ...]) -> str:
    return repr(".".join(path)[:60])


def _known_secret(context: Context, value: object) -> str | None:
    """Why the value is one that we were given to keep."""
    if not isinstance(value, str):
        return None
    certificate = context.target.certificate
    if certificate and certificate.lower() in value.lower():
        return "holds the App Certificate"
    return "holds the secret that was sent" if context.target.secret.decode() in value else None


def _looks_secret(path: tuple[str, ...], value: object, known: tuple[str, ...]) -> str | None:
    if not value or isinstance(value, bool):
        return None
    if any(_SECRET_NAME.search(name.lower().replace("-", "_")) for name in path):
        return "is named like a secret"
    return _secret_text(value, path[-1], known) if isinstance(value, str) else None


def _secret_text(text: str, name: str, known: tuple[str, ...]) -> str | None:
    if text not in known and _is_token(text):
        return "holds another token than agora_token, perhaps the agent's own"
    if "-----BEGIN" in text:
        return "holds a key or a certificate in PEM"
    if identifiers.is_hex_32(text) and not _ID_NAME.search(name) and not any(text in other for other in known):
        return "holds 32 hexadecimal characters, as an App Certificate is, and they are not the App ID"
    return None


def _is_token(text: str) -> bool:
    try:
        either_version.read(text)
    except UnreadableToken:
        return False
    return True


async def _not_stored(context: Context) -> Seen:
    values = [value for name, value in context.first_answer().headers if name == "cache-control"]
    directives = {part.strip().lower() for value in values for part in value.split(",")}
    if "no-store" in directives:
        return Seen()
    said = f"says Cache-Control: {', '.join(values)[:80]!a}, without no-store" if values else "has no Cache-Control"
    return Seen((Finding(f"The answer holds a token and {said}.", context.good),))


CHECKS = (
    Check(
        id="S01",
        title="the answer is a JSON object with the three join details",
        sends="Nothing of its own: it reads the answer to R01's call.",
        severity=Severity.MUST,
        rests_on=f"{_PAGE}; RFC 8259, 8.1",
        assumptions=(1,),
        why="The platform reads App ID, channel and token out of this answer. What its JSON reader does not take, "
        "or does not find, the tester cannot join.",
        mend='Answer with exactly {"agora_app_id": "...", "agora_channel": "...", "agora_token": "..."}.',
        profile="quick",
        run=_form,
        after=("R01",),
    ),
    Check(
        id="S02",
        title="App ID, channel and token have the form that Agora wants",
        sends="Nothing of its own: it reads the answer to R01's call.",
        severity=Severity.MUST,
        rests_on=f"{_PAGE}; Agora's rules for App IDs and channel names",
        why="Agora's client refuses to join with anything else, before it asks a server.",
        mend=f"{_COPY} {_NAME}",
        profile="quick",
        run=_values,
        after=("S01",),
    ),
    Check(
        id="S03",
        title="the answer holds no secret and no empty field",
        sends="Nothing of its own: it reads the answer to R01's call.",
        severity=Severity.SHOULD,
        rests_on=f"{_PAGE}; OWASP ASVS 5.0, 15.3.1: only the fields that are needed",
        assumptions=(6, 7),
        why=_SEEN,
        mend="Take the key out of the answer; the six documented ones are all that the platform reads. If it was a "
        "secret, replace it: it has been sent.",
        profile="quick",
        run=_nothing_more,
        after=("S01",),
    ),
    Check(
        id="S04",
        title="the answer forbids caches to store it",
        sends="Nothing of its own: it reads the answer to R01's call.",
        severity=Severity.SHOULD,
        rests_on="RFC 9111, 5.2.2.5; OWASP ASVS 5.0, 14.3.2",
        why="A cache on the way may keep the token, and hand a GET of another run the channel of this one.",
        mend="Send the header `Cache-Control: no-store` with every answer; in Express, `res.set('Cache-Control', "
        "'no-store')`.",
        profile="quick",
        run=_not_stored,
        after=("S01",),
    ),
)
"""The checks of this group."""
