"""One HTTP request as the checker sends it, one answer as it came, and what kept an answer away.

Decided here: that a request knows how a shell writes it, so that a person can repeat it without the secret standing
anywhere, and that bytes are kept as they are: what is checked is often a malformed request. Values only.
"""

from dataclasses import dataclass, field
from enum import Enum

BUSY = (429, 503)
"""The statuses by which an endpoint says that it would take the call later (RFC 6585, 4; RFC 9110, 15.6.4)."""


@dataclass(frozen=True, slots=True)
class Header:
    """One header line. `shell` is how a shell writes the value inside double quotes, where it is no plain text."""

    name: str
    value: bytes = field(repr=False)
    shell: str | None = None


@dataclass(frozen=True, slots=True)
class Body:
    """What follows the head. `shell` is a command that prints it, where it is too long or too odd to type."""

    data: bytes = field(default=b"", repr=False)
    shell: str | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """One request, sent as it stands here; only Host, Content-Length and Connection are added."""

    method: str
    path: str
    headers: tuple[Header, ...] = ()
    body: Body = Body()


@dataclass(frozen=True, slots=True)
class Answer:
    """One final answer. Header names are in lower case, in the order in which they came; `seconds` from the first byte
    sent to the last one read. `kept` is whether the connection may carry one more call, by the answer's own words;
    `excess` whether bytes came behind its end."""

    status: int
    headers: tuple[tuple[str, str], ...] = field(repr=False)
    body: bytes = field(repr=False)
    seconds: float
    kept: bool = False
    excess: bool = False

    def header(self, name: str) -> str | None:
        """The first header of that name, which is in lower case."""
        return next((value for found, value in self.headers if found == name), None)

    @property
    def media_type(self) -> str:
        """The Content-Type without its parameters, in lower case; empty where there is none."""
        return (self.header("content-type") or "").partition(";")[0].strip().lower()


class Silence(Enum):
    """What came instead of an answer; the value is the sentence that says so."""

    NO_ADDRESS = "The host name does not resolve."
    REFUSED = "Nothing listens there: the connection was refused."
    UNREACHABLE = "No connection could be made."
    CONNECT_TIMEOUT = "No connection within the time: packets are dropped on the way, as a firewall does."
    NO_HANDSHAKE = "The connection stands, and the TLS handshake did not end within the time."
    TLS = "The TLS handshake failed."
    CLOSED = "The connection was closed before an answer was complete."
    NO_ANSWER = "The connection stands, and no answer came within the time."
    SLOW_ANSWER = "An answer began and did not end within the time."
    NOT_HTTP = "What came back is not HTTP."
    LONG_HEAD = "The answer's header block does not end within 64 KiB."
    LONG_BODY = "The answer's body does not end within 1 MiB."


UNCONNECTED = (Silence.NO_ADDRESS, Silence.REFUSED, Silence.UNREACHABLE, Silence.CONNECT_TIMEOUT)
"""The silences of which nobody was there to send anything to."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and what came of it: an answer, or the silence that came instead, with the detail that is known."""

    request: Request
    answer: Answer | None = None
    silence: Silence | None = None
    detail: str = ""

    @property
    def status(self) -> int | None:
        """The status, None where no answer came."""
        return self.answer.status if self.answer else None

    @property
    def is_success(self) -> bool:
        """Whether it was answered 2xx: by a session endpoint, with a session."""
        return self.answer is not None and 200 <= self.answer.status < 300
