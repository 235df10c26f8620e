"""How the documented call is varied: secrets that are almost right, odd places, sizes, methods and client ids.

Decided here: which variations there are, and how a shell writes those that are too long or too odd to type, with the
secret taken from its variable. Pure. Called by the cases of authentication and requests.
"""

import json
import shlex
from collections.abc import Callable
from dataclasses import replace

from session_service.check.asking import calls
from session_service.check.asking.calls import Secret
from session_service.check.asking.messages import Body, Header, Request
from session_service.check.target import Target

_MEBIBYTE = 1024 * 1024
_LONG_HEADER = 64 * 1024

LONG_HEADER = Header("X-Padding", b"a" * _LONG_HEADER, f"$(head -c {_LONG_HEADER} /dev/zero | tr '\\0' a)")
"""A header of 64 KiB."""

HOSTILE_IDS: dict[str, Callable[[str], str]] = {
    "a line break and a header": lambda mark: f"a\r\nX-Injected: {mark}",
    "a path": lambda mark: f"../../{mark}/etc/passwd",
    "quotes and a query": lambda mark: f"'\"; DROP TABLE x{mark} --",
    "markup": lambda mark: f"<script>{mark}</script>",
    "4 KiB": lambda mark: mark + "a" * 4084,
    "an emoji": lambda mark: f"\N{GRINNING FACE}{mark}",
}
"""Client ids that attack whoever repeats or uses them, each made with a mark to know it by."""


def near_misses(target: Target) -> dict[str, Secret]:
    """Secrets that are almost right, each under its name."""
    secret, name = target.secret, target.secret_variable
    half = len(secret) // 2
    spaced = f"$(printf %s \"${name}\" | sed 's/./& /{half}')"
    found = {
        "a call with the secret less its last character": Secret(secret[:-1], f"${{{name}%?}}"),
        "a call with the secret and one character more": Secret(secret + b"x", f"${{{name}}}x"),
        "a call with a space inside the secret": Secret(secret[:half] + b" " + secret[half:], spaced),
    }
    if secret.swapcase() != secret:
        swapped = f"$(printf %s \"${name}\" | tr 'A-Za-z' 'a-zA-Z')"
        found["a call with capital and small letters of the secret exchanged"] = Secret(secret.swapcase(), swapped)
    # What is left of a very short secret is empty, which is A04's call, or begins with a space, which HTTP drops.
    return {words: miss for words, miss in found.items() if miss.value.strip() == miss.value != b""}


def bearer(target: Target) -> Header:
    """The secret as RFC 6750 would have it."""
    return Header("Authorization", b"Bearer " + target.secret, f"Bearer ${target.secret_variable}")


def telling_body(target: Target) -> Body:
    """The documented body with the secret beside the client id; a shell's printf puts the variable into it."""
    document = {"client_id": target.client_id, "secret": ""}
    secret = target.secret.decode("ascii")
    form = json.dumps(document).removesuffix('""}').replace("\\", "\\\\").replace("%", "%%") + '"%s"}'
    shell = f'printf {shlex.quote(form)} "${target.secret_variable}"'
    return Body(json.dumps(document | {"secret": secret}).encode(), shell)


def extended(request: Request, client_id: str) -> Request:
    """The call with one field more than is documented, and a charset where it has a type."""
    if request.method == "GET":
        return replace(request, path=f"{request.path}&future_field=1")
    typed = Header("Content-Type", b"application/json; charset=utf-8")
    headers = tuple(typed if header == calls.JSON_TYPE else header for header in request.headers)
    return replace(
        request, headers=headers, body=Body(json.dumps({"client_id": client_id, "future_field": 1}).encode())
    )


def padded(body: Body) -> Body:
    """The same document with its client id behind a mebibyte of padding, so that nobody has read it before the end."""
    start, tail = b'{"padding": "', b'", ' + body.data[1:]
    size = _MEBIBYTE - len(start) - len(tail)
    fill = f"head -c {size} /dev/zero | tr '\\0' a"
    return Body(start + b"a" * size + tail, f"{{ printf %s '{start.decode()}'; {fill}; printf %s '{tail.decode()}'; }}")


def by_method(target: Target, method: str) -> Request:
    """The call by that method: HEAD as the twin of GET, TRACE without a body, which it may not have."""
    if method == "HEAD":
        return replace(calls.platform(target, calls.right(target), method="GET"), method=method)
    request = calls.platform(target, calls.right(target), method=method)
    return replace(request, headers=request.headers[:1], body=Body()) if method == "TRACE" else request
