"""What a refusal must not show: a stack trace, a framework's debug page, the secret, a type that it has not got.

Decided here: by which words each is known. Pure. Called by A09 with every call that had to be refused. TRACE is left
out: to send back what came is what that method is for, and R08 judges that it is served at all.
"""

import json
import re
from collections.abc import Callable, Iterable, Sequence

from session_service.check.asking.messages import Answer, Exchange, Header
from session_service.check.model import Finding, Severity

_SHORTEST = 8
_LOOKED_AT = 256 * 1024

_TRACES = {
    "a Python traceback": rb"Traceback \(most recent call last\)|File \\?\"[^\"\n]+\.py\\?\", line \d+",
    "a Node stack trace": rb"(?:\n|\\n|<br>|&nbsp;)\s*at (?:[\w.<>\[\] ]+ \()?(?:file://|node:|/|[A-Z]:\\)[^\s)]+:\d+:\d+",
    "a Java stack trace": rb"\bat [\w$.]+\([\w$]+\.(?:java|kt|scala):\d+\)|Exception in thread \"",
    "a .NET stack trace": rb"\bat [\w.`<>\[\]]+\([^)\n]*\) in [^\n]+:line \d+",
    "a Go panic": rb"goroutine \d+ \[running\]|panic: runtime error",
    "a Ruby backtrace": rb"\.rb:\d+:in [`']",
    "a PHP stack trace": rb"Stack trace:\s*(?:<br ?/?>)?\s*#0 |<b>(?:Fatal error|Warning)</b>: ",
    "a Rust panic": rb"thread '[^']*' panicked at",
}
_DEBUG_PAGES = {
    "Django's debug page": rb"DEBUG = True</code>|Django settings file|<title>[^<]*Django Version",
    "Flask's (Werkzeug's) debugger": rb"Werkzeug Debugger|__debugger__|The debugger caught an exception",
    "Starlette's debug page": rb"<title>Starlette Debugger</title>|class=\"traceback-container\"",
    "Spring's error page": rb"Whitelabel Error Page",
    "Rails' debug page": rb"Action Controller: Exception caught|ActionController::|Rails\.root:",
    "Laravel's debug page": rb"Whoops, looks like something went wrong|laravel-ignition|facade/ignition",
    "Symfony's debug page": rb"Symfony Exception|symfony/error-handler",
    "ASP.NET's error page": rb"Server Error in '/[^']*' Application|Developer Exception Page|Microsoft\.AspNetCore\.",
    "Phoenix's debug page": rb"Plug\.Debugger|Phoenix\.Router\.NoRouteError",
}


def found(secret: bytes, exchanges: Iterable[Exchange]) -> tuple[Finding, ...]:
    """One finding for each kind of thing that the answers show, with the first answer that shows it."""
    findings: dict[str, Finding] = {}
    for exchange in exchanges:
        if exchange.answer is not None and exchange.request.method != "TRACE":
            for finding in _in(secret, exchange, exchange.answer):
                findings.setdefault(finding.what, finding)
    return tuple(findings.values())


def _in(secret: bytes, exchange: Exchange, answer: Answer) -> Iterable[Finding]:
    text = _text(answer)
    for judge in (_shows_secret, _reflects):
        yield from (Finding(what, exchange, why=_PASSED_ON, mend=_SILENT) for what in judge(secret, exchange, text))
    for name in _known(_DEBUG_PAGES, text) or _known(_TRACES, text):
        yield Finding(f"A refusal shows {name}.", exchange)
    yield from _mistyped(exchange, answer)


_PASSED_ON = "An answer is logged and passed on by everybody on the way: a secret in it is none any more."
_SILENT = "Say that the secret is missing or wrong, and never which one came or which was expected."


def _text(answer: Answer) -> bytes:
    headers = "\n".join(f"{name}: {value}" for name, value in answer.headers).encode("latin-1", "replace")
    body = answer.body[:_LOOKED_AT]
    return b"\n\n".join((headers, body, _unescaped(body)))


def _unescaped(body: bytes) -> bytes:
    """The body as it is read out of JSON, near enough: a stack trace in a JSON text has its lines and its quotes."""
    return body.replace(b"\\n", b"\n").replace(b"\\t", b"\t").replace(b'\\"', b'"') if b"\\" in body else b""


def _shows_secret(secret: bytes, _: Exchange, text: bytes) -> Iterable[str]:
    """Half of it is enough, anywhere in it."""
    size = max(_SHORTEST, len(secret) // 2)
    pieces = [secret[start : start + size] for start in range(max(1, len(secret) - size + 1))]
    if any(piece in text for piece in pieces):
        yield "A refusal shows the secret, or a good part of it."


def _reflects(secret: bytes, exchange: Exchange, text: bytes) -> Iterable[str]:
    if any(_is_told(header, secret) and header.value in text for header in exchange.request.headers):
        yield "A refusal repeats what was sent in place of the secret."


def _is_told(header: Header, secret: bytes) -> bool:
    """Whether the header held something in the secret's place, long enough not to be found by chance."""
    return header.name.lower() != "content-type" and len(header.value) >= _SHORTEST and secret not in header.value


def _known(patterns: dict[str, bytes], text: bytes) -> Sequence[str]:
    return [name for name, pattern in patterns.items() if re.search(pattern, text)]


def _mistyped(exchange: Exchange, answer: Answer) -> Iterable[Finding]:
    # Of a body that is longer than was announced, which T06 tells of, nobody has seen the end.
    if exchange.request.method == "HEAD" or not answer.body.strip() or answer.excess:
        return
    declared = answer.media_type
    mend = "Set the Content-Type to what the body is: `application/json` for JSON."
    if not declared:
        what = "A refusal has a body and no Content-Type."
        yield Finding(what, exchange, Severity.SHOULD, "Each reader guesses for itself what the body is.", mend)
    elif any(is_said(declared) and not holds(answer.body) for is_said, holds in _TYPES):
        what = f"A refusal says that it is {_printable(declared)}, and its body is not."
        yield Finding(
            what, exchange, why="A reader that believes it fails over the body, and hides the reason.", mend=mend
        )


def _printable(declared: str) -> str:
    return ascii(declared[:40])[1:-1]


def _is_json(body: bytes) -> bool:
    try:
        json.loads(body)
    except (ValueError, RecursionError):
        return False
    return True


def _is_markup(body: bytes) -> bool:
    return body.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<") or not _is_json(body)


_TYPES: tuple[tuple[Callable[[str], bool], Callable[[bytes], bool]], ...] = (
    (lambda declared: declared == "application/json" or declared.endswith("+json"), _is_json),
    (lambda declared: declared in ("text/html", "application/xhtml+xml"), _is_markup),
)
