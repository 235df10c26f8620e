"""Why the first good call failed: one finding that names the cause, instead of thirty that follow from it.

Decided here: in which order causes are considered. Nobody's silence comes first, then who answers in the endpoint's
place, then what the endpoint's own status says. Called by R01.
"""

import re
from collections.abc import Awaitable, Callable
from dataclasses import replace

from session_service.check.answers import judging
from session_service.check.asking import calls
from session_service.check.asking.messages import Answer, Exchange, Request, Silence
from session_service.check.context import Context
from session_service.check.diagnosis import admission, redirects, strangers
from session_service.check.diagnosis.likeness import is_like, is_served
from session_service.check.model import Finding

_SILENT = {
    Silence.CLOSED: "Look into the endpoint's log for this moment: most often it broke while it answered. If it did "
    "not, count Content-Length in bytes, after encoding.",
    Silence.NO_ANSWER: "Look for what the endpoint waits for, an agent that does not start or a host that it does not "
    "reach, and give each wait a limit of a few seconds.",
    Silence.SLOW_ANSWER: "Send the answer at once, with its length in bytes as Content-Length.",
    Silence.NOT_HTTP: "Compare the port in the URL with the one on which the endpoint serves HTTP/1.1.",
    Silence.LONG_HEAD: "Send a handful of headers; look for a cookie or a debug header that grows.",
    Silence.LONG_BODY: "Send the join details and nothing else: they are a few hundred bytes.",
    Silence.TLS: "If the server asks for a client certificate, turn that off for this path: the platform has none.",
}
_OTHERWISE = {
    413: "The call is a few hundred bytes: raise the limit for bodies and headers to 16 KiB.",
    415: "Take `Content-Type: application/json`, which is what the platform sends, with or without a charset.",
    426: "Serve HTTP/1.1 without an upgrade.",
    431: "The call is a few hundred bytes: raise the limit for bodies and headers to 16 KiB.",
    500: "The endpoint broke over the call: the reason is in its log at this moment.",
    501: "Serve the method that is set as Request Method in the platform's form.",
    503: "The endpoint says that it is not ready: wait until it has started, and look into its log.",
}
_OWN_WORDS = (
    "The endpoint itself says so, in JSON: most often the agent could not be started. Its log has the reason, under "
    "the request id of this answer if it has one."
)


async def diagnosed(context: Context, exchange: Exchange) -> tuple[Finding, ...]:
    """Empty where the call was answered 200 by what can be an endpoint; else exactly one."""
    answer = exchange.answer
    if answer is None:
        mend = next((text for silence, text in _SILENT.items() if silence is exchange.silence), None)
        return (Finding(judging.silence(exchange), exchange, mend=mend),)
    stranger = strangers.found(exchange, context.target.endpoint.host)
    if stranger is not None:
        return (stranger,)
    if answer.status == 200:
        return await admission.refused_with_200(context, exchange, answer)
    if redirects.is_redirect(answer):
        return (_redirected(context, exchange, answer),)
    return (await _BY_STATUS.get(answer.status, _otherwise)(context, exchange, answer),)


def _redirected(context: Context, exchange: Exchange, answer: Answer) -> Finding:
    endpoint = context.target.endpoint
    what = f"The call is redirected ({answer.status}) to {redirects.shown(answer, endpoint)}."
    return Finding(what, exchange, mend=redirects.mend(answer, endpoint))


async def _not_found(context: Context, exchange: Exchange, answer: Answer) -> Finding:
    wrong = calls.platform(context.target, context.wrong())
    if await is_like(context, exchange, wrong) is False:
        return await admission.known(context, exchange, answer)
    path, slashed = context.target.endpoint.path.partition("?")[0], _other_slash(wrong)
    what = f"Nothing is served at the path {path}: the answer is 404, whatever the secret."
    if path != "/" and await is_served(context, slashed):
        ending = "without" if path.endswith("/") else "with"
        return Finding(f"{what} It is served {ending} a slash at its end.", exchange, mend=f"Use the URL {ending} it.")
    other = _other_method(context)
    if await is_served(context, calls.platform(context.target, context.wrong(), method=other)):
        return _wrong_method(context, exchange, f"The endpoint serves {other} and not {context.target.method}.", other)
    mend = (
        "Compare the path in the URL with the route in the endpoint's code, case included, and with what a proxy in "
        "front adds or takes away. The same URL belongs into the platform's form."
    )
    return Finding(what, exchange, mend=mend)


def _other_slash(request: Request) -> Request:
    path, mark, query = request.path.partition("?")
    other = path.rstrip("/") if path.endswith("/") else f"{path}/"
    return replace(request, path=f"{other}{mark}{query}")


async def _not_allowed(context: Context, exchange: Exchange, answer: Answer) -> Finding:
    allowed = re.findall(r"[A-Z]+", answer.header("allow") or "")
    named = f"Its Allow header names {', '.join(allowed)}." if allowed else "It does not say which it does serve."
    what = f"The endpoint does not serve {context.target.method} ({answer.status}). {named}"
    other = _other_method(context)
    return _wrong_method(context, exchange, what, other if other in allowed else "what it serves")


def _wrong_method(context: Context, exchange: Exchange, what: str, other: str) -> Finding:
    mend = (
        f"Set Request Method in the platform's form, and --method here, to {other}; or serve {context.target.method}."
    )
    return Finding(what, exchange, mend=mend)


def _other_method(context: Context) -> str:
    return "GET" if context.target.method == "POST" else "POST"


async def _otherwise(context: Context, exchange: Exchange, answer: Answer) -> Finding:
    what = f"The platform's own call was answered {answer.status}."
    if 200 <= answer.status < 300:
        return Finding(what, exchange, mend="Answer exactly 200: other statuses of success are not documented.")
    if answer.status in (502, 503, 504) and judging.document(answer) is not None:
        return Finding(what, exchange, mend=_OWN_WORDS)
    return Finding(what, exchange, mend=_OTHERWISE.get(answer.status))


_BY_STATUS: dict[int, Callable[[Context, Exchange, Answer], Awaitable[Finding]]] = {
    **dict.fromkeys((400, 401, 403, 422), admission.refused),
    404: _not_found,
    405: _not_allowed,
}
