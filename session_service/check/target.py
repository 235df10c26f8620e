"""Which endpoint is checked, as whom, and what is expected of it.

Decided here: what can be an endpoint's URL, and that the secret and the certificate show in no repr. Values come from
the command line, the pytest plugin, or whoever uses the checker as a library.
"""

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol
from urllib.parse import SplitResult, unquote, urlsplit

from session_service.agora import encryption, identifiers
from session_service.check.model import Seen
from session_service.errors import InvalidValue

DEFAULT_HEADER = "X-Cekura-Secret"
_HEADER_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_TELLING = 8
"""Characters of a secret that stand in no URL by chance."""
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where the endpoint is: the parts of its URL. `path` starts with a slash and may have a query."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def tls(self) -> bool:
        """Whether the URL is https."""
        return self.scheme == "https"

    @property
    def authority(self) -> str:
        """What stands in the Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def names_loopback(self) -> bool:
        """Whether the host is written as this machine. A name that merely resolves to it is no such host."""
        if self.host == "localhost" or self.host.endswith(".localhost"):
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def __str__(self) -> str:
        """The URL."""
        return f"{self.scheme}://{self.authority}{self.path}"


def endpoint(url: str) -> Endpoint:
    """Read the URL of an endpoint; InvalidValue says what is wrong with it and never repeats it."""
    parts = _split(url)
    if parts.scheme not in _PORTS or not parts.hostname:
        raise InvalidValue("The URL is not that of a session endpoint. Example: https://agents.example.com/sessions")
    if "@" in parts.netloc:
        raise InvalidValue("The URL holds a user name or password. The secret travels in a header: leave them out.")
    if not url.isascii() or not url.isprintable() or " " in url:
        raise InvalidValue("The URL holds characters that must be percent-encoded, or a name that must be punycode.")
    path = parts.path or "/"
    return Endpoint(
        parts.scheme,
        parts.hostname,
        parts.port if parts.port is not None else _PORTS[parts.scheme],
        f"{path}?{parts.query}" if parts.query else path,
    )


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise InvalidValue(
            "The URL's host or port cannot be read. Example: https://agents.example.com/sessions"
        ) from None
    return parts


class AgentWatch(Protocol):
    """Somebody who can see whether an agent really comes to a channel, and leaves it."""

    async def watched(self, join_details: Mapping[str, Any]) -> Seen:
        """Wait, within bounds, until the agent of that session has come and gone; CannotTell where nobody can look."""


@dataclass(frozen=True, slots=True)
class Target:
    """The endpoint, the caller that the checker plays, and what the join details are to be.

    `secret` is sent as it stands; `secret_variable` is the environment variable that a repeating shell takes it from.
    `encryption` is what is expected: a mode's name, "off", "on" for any mode, or None for whatever comes. `watch`
    is who looks after the agent in G02, if somebody does.
    """

    endpoint: Endpoint
    client_id: str
    secret: bytes = field(repr=False)
    method: Literal["POST", "GET"] = "POST"
    header: str = DEFAULT_HEADER
    certificate: str | None = field(default=None, repr=False)
    join_uid: int = 1
    call_minutes: int = 10
    encryption: str | None = None
    secret_variable: str = "SESSION_SECRET"  # noqa: S105 - its name
    watch: AgentWatch | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        """Refuse what could not be sent as the platform sends it; InvalidValue."""
        if not self.client_id:
            raise InvalidValue("The client id is empty.")
        if not self.secret or not self.secret.isascii() or not self.secret.decode("ascii").isprintable():
            raise InvalidValue("The secret is empty or not printable ASCII, so no header can carry it.")
        if self.secret != self.secret.strip():
            raise InvalidValue("The secret begins or ends with white space, which HTTP removes from a header's value.")
        if len(self.secret) >= _TELLING and self.secret.decode("ascii") in unquote(self.endpoint.path):
            raise InvalidValue("The URL holds the secret. It travels in a header, and URLs stand in logs: take it out.")
        if _HEADER_NAME.fullmatch(self.header) is None:
            raise InvalidValue("The secret header's name is no header name.")
        if self.certificate is not None:
            identifiers.app_certificate(self.certificate)
        identifiers.uid(self.join_uid)
        if self.encryption not in (None, "on", "off"):
            encryption.mode(self.encryption)
