"""Who answered instead of the endpoint: a tunnel's own page, a proxy with nothing behind it, a login, a web page.

Decided here: by which status, header or words each is known, and what its owner has to do. Pure. Called by the
diagnosis of the first good call.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from session_service.check.answers import judging
from session_service.check.asking.messages import Answer, Exchange
from session_service.check.model import Finding

_LOGIN = re.compile(rb"<input[^>]+type=[\"']?password|<title>[^<]*\b(?:log|sign)[ -]?(?:in|on)\b", re.IGNORECASE)
_NGROK = re.compile(rb"ERR_NGROK_\d+")


@dataclass(frozen=True, slots=True)
class _Stranger:
    """One of them: how it is known, what is said of it, and how to mend it."""

    known: Callable[[Answer, str], bool]
    what: str
    mend: str


def found(exchange: Exchange, host: str) -> Finding | None:
    """Who answered, if it was not the endpoint. `host` is the one in the URL."""
    answer = exchange.answer
    if answer is None:
        return None
    for stranger in _STRANGERS:
        if stranger.known(answer, host):
            return Finding(_told(stranger.what, answer), exchange, mend=stranger.mend)
    return None


def is_page(answer: Answer) -> bool:
    """Whether the body is HTML, whatever it is declared as: JSON that is declared as HTML is S01's to judge."""
    start = answer.body[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return start.startswith((b"<!doctype html", b"<html", b"<head", b"<body", b"<!--"))


def _told(what: str, answer: Answer) -> str:
    return what.format(status=answer.status, code=_ngrok(answer))


def _ngrok(answer: Answer) -> str:
    named = _NGROK.search(answer.body)
    return answer.header("ngrok-error-code") or (named[0].decode() if named else "")


def _ngrok_says(*codes: str) -> Callable[[Answer, str], bool]:
    return lambda answer, _: bool(_ngrok(answer)) and (not codes or _ngrok(answer).rpartition("_")[2] in codes)


def _says(*words: bytes, statuses: tuple[int, ...] = ()) -> Callable[[Answer, str], bool]:
    return lambda answer, _: (not statuses or answer.status in statuses) and any(word in answer.body for word in words)


def _at(*hosts: str, statuses: tuple[int, ...]) -> Callable[[Answer, str], bool]:
    return lambda answer, host: answer.status in statuses and host.endswith(hosts) and not _is_own(answer)


def _is_own(answer: Answer) -> bool:
    """Whether a program said it and no proxy: a proxy's pages are no JSON."""
    return judging.document(answer) is not None


def _is_login(answer: Answer, _: str) -> bool:
    return is_page(answer) and bool(_LOGIN.search(answer.body[:65536]))


def _is_welcome(answer: Answer, _: str) -> bool:
    return 200 <= answer.status < 300 and is_page(answer)


_START = "Start the endpoint, and compare its port with the one that the tunnel was given."
_RENEW = (
    "Start the tunnel again. Its public URL may be another one each time: then change it in the platform's form too."
)
_BROWSERS = (
    "It is meant for browsers, and shown to some programs. Use a tunnel without it: a paid ngrok domain, cloudflared, "
    "or a host of your own."
)

_STRANGERS = (
    _Stranger(_ngrok_says("3200"), "ngrok answered: no tunnel of that name is running ({code}).", _RENEW),
    _Stranger(_ngrok_says("8012"), "ngrok answered: the tunnel runs, and nothing listens behind it ({code}).", _START),
    _Stranger(_ngrok_says("6024"), "ngrok's warning page for browsers came instead of an answer ({code}).", _BROWSERS),
    _Stranger(_ngrok_says(), "ngrok answered, and not the endpoint ({code}).", "Look the code up in ngrok's list."),
    _Stranger(
        lambda answer, host: answer.status == 530 or _says(b"error code: 1033", b"Error 1033")(answer, host),
        "Cloudflare answered {status}: no tunnel of that name is running (its error 1033).",
        "Start cloudflared again. A quick tunnel has another URL each time: change it in the platform's form too.",
    ),
    _Stranger(
        lambda answer, _: answer.header("cf-mitigated") == "challenge",
        "Cloudflare answered {status} with a challenge for browsers, which no program can pass.",
        "Add a rule that leaves this path out of bot protection; the secret header is what protects it.",
    ),
    _Stranger(
        lambda answer, _: 520 <= answer.status <= 527,
        "Cloudflare answered {status}: it does not get through to the server behind it.",
        "Start the server, and look whether its firewall lets Cloudflare in and its TLS is what Cloudflare is set to.",
    ),
    _Stranger(
        _says(b"Tunnel Unavailable", b"tunnel unavailable", statuses=(503, 404, 408)),
        "localtunnel answered {status}: no tunnel of that name is running.",
        _RENEW,
    ),
    _Stranger(
        _says(b"bypass-tunnel-reminder", b"Tunnel website ahead", b"loca.lt/mytunnelpassword"),
        "localtunnel's warning page for browsers came instead of an answer.",
        _BROWSERS,
    ),
    _Stranger(
        _at(".ts.net", ".trycloudflare.com", ".loca.lt", ".devtunnels.ms", statuses=(502, 503, 504)),
        "The tunnel answered {status}: nothing listens behind it.",
        _START,
    ),
    _Stranger(
        _is_login,
        "A login page came instead of an answer (status {status}).",
        "The platform cannot log in. Exempt this path from the login; the secret header is what protects it.",
    ),
    _Stranger(
        _is_welcome,
        "A web page (HTML) came with {status} instead of join details.",
        "Compare the path in the URL with the endpoint's own. Many web servers answer every unknown path with their "
        "start page.",
    ),
    _Stranger(
        lambda answer, _: answer.status in (502, 504) and not _is_own(answer),
        "A proxy answered {status}: what is behind it is not running, or too slow.",
        "Start the endpoint, and compare its address with the one in the proxy's settings; the proxy's log says more.",
    ),
)
