"""The call that the platform is documented to make, and its deliberate variations.

Decided here: what the documented call looks like byte for byte (the platform's page "Agora Simulations", tab "Session
endpoint contract"), and that the real secret only ever stands in a header, never in a URL. Called by the cases.
"""

import json
from dataclasses import dataclass, field
from urllib.parse import quote

from session_service.check.asking.messages import Body, Header, Request
from session_service.check.target import Target

JSON_TYPE = Header("Content-Type", b"application/json")
OWN = object()
"""In place of a client id: the target's own."""
NOT_GIVEN = object()
"""In place of a client id: a call that has none."""


@dataclass(frozen=True, slots=True)
class Secret:
    """What is sent in place of the secret: its bytes, and how a shell writes them inside double quotes."""

    value: bytes = field(repr=False)
    shell: str | None = None


def right(target: Target) -> Secret:
    """The secret itself."""
    return Secret(target.secret, f"${target.secret_variable}")


def wrong(target: Target, entropy: bytes) -> Secret:
    """A secret of the same length that opens nothing: the digits of `entropy`, as often as needed."""
    size = len(target.secret)
    digits = entropy.hex().encode()
    value = (digits * (size // len(digits) + 1))[:size]
    return Secret(value if value != target.secret else bytes(reversed(value)))


def header(target: Target, secret: Secret) -> Header:
    """The line that carries the secret."""
    return Header(target.header, secret.value, secret.shell)


def platform(target: Target, secret: Secret | None, client_id: object = OWN, *, method: str | None = None) -> Request:
    """The documented call with that secret, or without the header where it is None.

    `client_id` is any JSON value, OWN or NOT_GIVEN. In the query of a GET anything but a text is written as JSON.
    """
    verb = method or target.method
    wanted = target.client_id if client_id is OWN else client_id
    headers = () if secret is None else (header(target, secret),)
    if verb == "GET":
        return Request(verb, _with_query(target.endpoint.path, wanted), headers)
    document = {} if wanted is NOT_GIVEN else {"client_id": wanted}
    return Request(verb, target.endpoint.path, (*headers, JSON_TYPE), Body(json.dumps(document).encode()))


def _with_query(path: str, client_id: object) -> str:
    if client_id is NOT_GIVEN:
        return path
    text = client_id if isinstance(client_id, str) else json.dumps(client_id)
    return f"{path}{'&' if '?' in path else '?'}client_id={quote(text, safe='')}"
