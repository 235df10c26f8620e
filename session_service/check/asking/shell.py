"""A request as one line of shell that repeats it, with the secret taken from the environment.

Decided here: that the line sends what the checker sent, but for the order of headers and for Connection, in any POSIX
shell, and that the secret is named and never written. Pure. Called by `reports.view`.
"""

import re
import shlex
from collections.abc import Iterator

from session_service.check.asking.messages import Body, Header, Request
from session_service.check.target import Endpoint

_SPECIAL = re.compile(r'([\\"$`])')
_EXPECTS = 1024 * 1024
"""Bytes of a body from which curl asks whether to send it."""
_WITH_BODY = ("POST", "PUT", "PATCH")


def curl(endpoint: Endpoint, request: Request, seconds: float) -> str:
    """The line. `seconds` is for how long an answer is waited for."""
    words = ["curl", "-sS", *_method(request), "--http1.1", "--max-time", f"{seconds:g}", *_added_by_curl(request)]
    for header in request.headers:
        words += ["-H", _header(header)]
    words += [*_data(request), *_address(endpoint, request.path)]
    printed = _printed(request.body)
    return " ".join([printed, "|", *words] if printed else words)


def _method(request: Request) -> list[str]:
    if request.method == "HEAD":
        return ["-I"]
    implied = "POST" if _has_data(request) else "GET"
    return ["-i"] if request.method == implied else ["-i", "-X", shlex.quote(request.method)]


def _added_by_curl(request: Request) -> Iterator[str]:
    """What curl sends of its own accord, and the checker did not."""
    own = {header.name.lower() for header in request.headers}
    names = ["User-Agent", "Accept"]
    if _has_data(request):
        names += ["Content-Type", *(["Expect"] if len(request.body.data) >= _EXPECTS else [])]
    for name in names:
        if name.lower() not in own:
            yield "-H"
            yield f"{name}:"


def _header(header: Header) -> str:
    if not header.value and header.shell is None:
        return shlex.quote(f"{header.name};")
    if header.shell is not None:
        return f'"{_SPECIAL.sub(_backslash, header.name)}: {header.shell}"'
    return _text(header.name.encode() + b": " + header.value)


def _has_data(request: Request) -> bool:
    return bool(request.body.data) or request.method in _WITH_BODY


def _data(request: Request) -> list[str]:
    if not _has_data(request):
        return []
    return ["--data-binary", "@-"] if _printed(request.body) else ["--data-raw", _text(request.body.data)]


def _printed(body: Body) -> str | None:
    """The command that prints a body which is not to be typed; None where it is."""
    if body.shell or _is_plain(body.data):
        return body.shell
    return f"printf '{_octal(body.data)}'"


def _address(endpoint: Endpoint, path: str) -> Iterator[str]:
    """The URL, and what keeps curl from tidying it."""
    url = f"{endpoint.scheme}://{endpoint.authority}{path}"
    if "/." in path:
        yield "--path-as-is"
    if any(char in url for char in "[]{}"):
        yield "--globoff"
    yield shlex.quote(url)


def _text(data: bytes) -> str:
    """The bytes as one word; what is not printable ASCII by way of printf, which every shell has."""
    return shlex.quote(data.decode("ascii")) if _is_plain(data) else f"\"$(printf '{_octal(data)}')\""


def _is_plain(data: bytes) -> bool:
    return data.isascii() and data.decode("ascii").isprintable()


def _octal(data: bytes) -> str:
    return "".join(chr(byte) if chr(byte).isalnum() and byte < 128 else f"\\{byte:03o}" for byte in data)


def _backslash(match: re.Match[str]) -> str:
    return f"\\{match[0]}"
