"""What was sent and what came back, in a line each.

Decided here: which headers and which values of an answer may show at all. In a JSON object these are the App ID, the
channel, the mode and the words of an error; of everything else the kind and the length. Called by `view`.
"""

import json
from collections.abc import Iterator

from session_service.check.answers.judging import silence
from session_service.check.asking.messages import UNCONNECTED, Answer, Exchange, Header, Request
from session_service.check.redaction import Known

_HEADERS = (
    "content-type",
    "content-length",
    "location",
    "allow",
    "retry-after",
    "cache-control",
    "www-authenticate",
    "server",
    "x-powered-by",
    "access-control-allow-origin",
    "x-request-id",
)
_SHOWN = ("agora_app_id", "agora_channel", "encryption_mode")
_ERROR_WORDS = (
    "error",
    "errors",
    "code",
    "message",
    "detail",
    "reason",
    "title",
    "status",
    "description",
    "request_id",
)
_MOST_KEYS = 12
_DEEPEST = 4
_LONGEST_TEXT = 200
_LONGEST_HEADER = 120
_MOST_READ = 4096


def sent(exchange: Exchange, known: Known) -> str:
    """Request line, headers and body of what was sent; that nothing was, where there was no connection for it."""
    if exchange.silence in UNCONNECTED:
        return "nothing, since there was no connection"
    request = exchange.request
    line = _clean(f"{request.method} {request.path}", known)
    return "  ".join(
        part for part in (line, *(_header(one, known) for one in request.headers), _body(request, known)) if part
    )


def got(exchange: Exchange, known: Known) -> str:
    """Status, harmless headers and body of what came back, or what came instead."""
    if exchange.answer is None:
        return _clean(silence(exchange), known)
    return "  ".join(
        [str(exchange.answer.status), *_headers(exchange.answer, known), _answer_body(exchange.answer, known)]
    )


def _header(header: Header, known: Known) -> str:
    value = _clean(header.value.decode("latin-1"), known) if header.shell is None else header.shell
    return f"{header.name}: {value}"


def _body(request: Request, known: Known) -> str:
    body = request.body
    if len(body.data) > _LONGEST_TEXT:
        return f"<{len(body.data)} bytes>"
    return body.shell or _clean(body.data.decode("utf-8", "backslashreplace"), known)


def _clean(text: str, known: Known) -> str:
    return _short(known.hide(text[:_MOST_READ]), _LONGEST_TEXT)


def _headers(answer: Answer, known: Known) -> Iterator[str]:
    for name in _HEADERS:
        value = answer.header(name)
        if value is not None:
            yield f"{name}: {_short(known.hide(value[:_MOST_READ]), _LONGEST_HEADER)}"


def _answer_body(answer: Answer, known: Known) -> str:
    if not answer.body:
        return "<no body>"
    try:
        return _value(json.loads(answer.body), known)
    except (ValueError, RecursionError):
        return _plain(answer.body, known)


def _plain(body: bytes, known: Known) -> str:
    """The beginning of a body that is no JSON. Cleaned before it is cut, so that no cut hides what a piece is of."""
    try:
        text = body[:_MOST_READ].decode("utf-8", "strict" if len(body) <= _MOST_READ else "ignore")
    except UnicodeDecodeError:
        return f"<{len(body)} bytes that are no text>"
    return _clean(" ".join(text.split()), known)


def _value(value: object, known: Known, name: str = "", depth: int = 0) -> str:
    """A value of a JSON document as it may be shown."""
    if isinstance(value, dict):
        return _object(value, known, depth)
    if isinstance(value, list):
        return f"<list of {len(value)}>"
    if isinstance(value, str):
        return _text(value, known, name)
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    return str(value)[:20] if name in (*_SHOWN, *_ERROR_WORDS) else "<number>"


def _object(value: dict[str, object], known: Known, depth: int) -> str:
    if depth == _DEEPEST:
        return f"<object of {len(value)}>"
    pairs = [
        f'"{_short(known.hide(key), 40)}": {_value(inner, known, key, depth + 1)}'
        for key, inner in list(value.items())[:_MOST_KEYS]
    ]
    return "{" + ", ".join([*pairs, *(["..."] if len(value) > _MOST_KEYS else [])]) + "}"


def _text(text: str, known: Known, name: str) -> str:
    if not text:
        return '""'
    if name in (*_SHOWN, *_ERROR_WORDS):
        return f'"{_clean(text, known)}"'
    return f"<{'token' if name == 'agora_token' else 'text'} of {len(text)} characters>"


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most]}..."
