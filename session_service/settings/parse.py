"""Text → value, for each kind of setting. Each parser raises InvalidValue that says the rule and never the value.

Called by `load`. What Agora has a say in (App ID, uid, mode names, ...) is not decided here: `load` is handed those
rules, because the facts about Agora live in one room.
"""

import math
import re
import shlex
from collections.abc import Callable
from ipaddress import ip_address, ip_network

from session_service.errors import InvalidValue
from session_service.settings.model import Network, Secret

_LABEL = re.compile(r"[a-z][a-z0-9-]{0,15}")
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}")
_HOST = re.compile(r"[0-9A-Za-z.-]{1,253}|[0-9A-Fa-f:.]{2,45}(%[0-9A-Za-z]+)?")
_PATH = re.compile(r"/[A-Za-z0-9._~!$&'()*+,;=:@/-]*")
_PLACEHOLDER = re.compile(
    r"change.?me|your.?secret|replace.?(me|this)|placeholder|^<.*>$|^\$[({]|^[x*._-]+$", re.IGNORECASE
)
SECRET_LENGTH = 24
"""Characters a secret has at least: 24 of the URL-safe alphabet are 144 bits."""
WEBHOOK_SECRET_LENGTH = 8
"""Characters of a secret that Agora makes, at least: its real length is documented nowhere."""


def choice(*options: str) -> Callable[[str], str]:
    """One of the given words."""

    def parse(text: str) -> str:
        if text not in options:
            raise InvalidValue(f"It must be one of: {', '.join(options)}.")
        return text

    return parse


def digits(text: str) -> int | None:
    """The whole number that `text` is, or None; the longest is far over every limit."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else None


def integer(low: int, high: int) -> Callable[[str], int]:
    """A whole number in decimal digits, from `low` to `high`."""

    def parse(text: str) -> int:
        number = digits(text)
        if number is None or not low <= number <= high:
            raise InvalidValue(f"It must be a whole number from {low} to {high}.")
        return number

    return parse


def seconds(low: float, high: float) -> Callable[[str], float]:
    """Seconds, fractions allowed, from `low` to `high`."""

    def parse(text: str) -> float:
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not low <= number <= high:
            raise InvalidValue(f"It must be a number of seconds from {low:g} to {high:g}.")
        return number

    return parse


def port_or_off(text: str) -> int | None:
    """A port, or None for the word off."""
    if text == "off":
        return None
    try:
        return integer(0, 65535)(text)
    except InvalidValue:
        raise InvalidValue("It must be a port from 0 to 65535, or off.") from None


def loopback(host: str) -> bool:
    """Whether only this machine reaches what listens there; a name other than localhost is anybody's."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def words(text: str) -> tuple[str, ...]:
    """Items separated by commas or white space."""
    return tuple(item for item in re.split(r"[,\s]+", text) if item)


def path(text: str) -> str:
    """An absolute URL path, without the trailing slash: with and without is the same handler."""
    if not _PATH.fullmatch(text) or "//" in text or not text.rstrip("/"):
        raise InvalidValue("It must be an absolute path of plain characters that is not the root.")
    if text.rstrip("/") in ("/livez", "/readyz") or text.startswith(("/agora/v1/", "/agent/v1/")):
        raise InvalidValue("It must not be the path of a probe, of notifications or of reports.")
    return text.rstrip("/")


def methods(text: str) -> tuple[str, ...]:
    """POST, GET or both."""
    found = tuple(dict.fromkeys(word.upper() for word in words(text)))
    if not found or not set(found) <= {"POST", "GET"}:
        raise InvalidValue("It must name POST, GET or both.")
    return found


def header_name(text: str) -> str:
    """An HTTP field name (RFC 9110, 5.1) that nothing else of a request uses."""
    if not _HEADER.fullmatch(text):
        raise InvalidValue("It must be a header name: letters, digits and hyphens.")
    if text.lower() in {"host", "content-type", "content-length", "transfer-encoding", "connection", "expect"}:
        raise InvalidValue("It must not be a header that HTTP itself needs.")
    return text


def host(text: str) -> str:
    """An address to listen on, or a name of one."""
    if not _HOST.fullmatch(text):
        raise InvalidValue("It is an address, or a host name of letters, digits, dots and hyphens.")
    return text


def networks(text: str) -> tuple[Network, ...]:
    """Addresses or networks in CIDR form, separated by commas or white space."""
    try:
        return tuple(ip_network(word) for word in words(text))
    except ValueError:
        raise InvalidValue("It must be addresses or networks in CIDR form, without host bits.") from None


def store(text: str) -> str:
    """memory, or sqlite: and the path of a file."""
    kind, _, path = text.partition(":")
    if text != "memory" and not (kind == "sqlite" and path and path.isprintable()):
        raise InvalidValue("It is memory, or sqlite: and the path of a file.")
    return text


def state_folder(text: str) -> str:
    """The first of absolute paths with colons between them (systemd.exec(5), RuntimeDirectory= and its like)."""
    folder = text.partition(":")[0]
    if not folder.startswith("/") or not text.isprintable():
        raise InvalidValue("It must be the absolute path of a folder, as systemd sets it.")
    return folder


def client_id(text: str) -> str:
    """What the platform sends as client_id: 1 to 128 printable characters."""
    if not 1 <= len(text) <= 128 or not text.isprintable():
        raise InvalidValue("It must be 1 to 128 printable characters.")
    return text


def credential(text: str) -> str:
    """One half of a Basic authentication (RFC 7617), which a colon parts from the other."""
    if not re.fullmatch(r"[!-9;-~]{1,256}", text):
        raise InvalidValue("It must be printable ASCII without blanks and colons, as Agora's console shows it.")
    return text


def secret_value(text: str) -> bytes:
    """A secret that an HTTP header can carry unchanged and nobody can guess."""
    if len(text) < SECRET_LENGTH:
        raise InvalidValue(f"It is weak: it must have at least {SECRET_LENGTH} characters.")
    if _PLACEHOLDER.search(text):
        raise InvalidValue("It is a placeholder. Make a real one with `session-service secret`.")
    if not (text.isascii() and text.isprintable()) or text.strip() != text:
        raise InvalidValue("It must be printable ASCII without white space around it: a header carries nothing else.")
    return text.encode("ascii")


def webhook_secrets(text: str) -> tuple[bytes, ...]:
    """Secrets as Agora's console makes them, which nobody can choose; several while one is changed."""
    found = tuple(dict.fromkeys(words(text)))
    for item in found:
        if len(item) < WEBHOOK_SECRET_LENGTH or not (item.isascii() and item.isprintable()):
            raise InvalidValue(f"It must be {WEBHOOK_SECRET_LENGTH} or more printable characters of Agora's console.")
        if _PLACEHOLDER.search(item):
            raise InvalidValue("It is a placeholder. Take the secret that Agora's console shows.")
    return tuple(item.encode("ascii") for item in found)


def secret(text: str) -> tuple[Secret, ...]:
    """The one secret of SESSION_SECRET, verbatim."""
    return (Secret("default", secret_value(text)),)


def secrets(text: str) -> tuple[Secret, ...]:
    """The labelled secrets of SESSION_SECRETS; a value is all after the first `=`."""
    found = []
    for item in words(text):
        label, _, value = item.partition("=")
        if not _LABEL.fullmatch(label):
            raise InvalidValue("It must be label=value pairs; a label is a-z, then up to 15 of a-z, 0-9 and hyphen.")
        found.append(Secret(label, secret_value(value)))
    if len({one.label for one in found}) != len(found):
        raise InvalidValue("A label stands there twice.")
    return tuple(found)


def command(text: str) -> tuple[str, ...]:
    """A command line, split like a shell does and never run by one."""
    try:
        parts = tuple(shlex.split(text))
    except ValueError:
        raise InvalidValue("It cannot be split: a quotation mark is not closed.") from None
    if not parts or not parts[0]:
        raise InvalidValue("It names no program.")
    return parts
