"""Group R: what a request may look like. R01 makes the platform's own call, on which everything else rests.

A call that has to be refused for its form names a client id that nobody has, where it can: an endpoint that takes it
all the same then starts nothing.
"""

import json
from dataclasses import replace
from functools import partial

from session_service.check.answers import judging
from session_service.check.asking import calls, variations
from session_service.check.asking.messages import Answer, Body, Exchange, Request, Silence
from session_service.check.context import Context
from session_service.check.diagnosis.causes import diagnosed
from session_service.check.model import Check, Finding, Need, NotApplicable, Seen, Severity
from session_service.check.trying import blamed, came, is_equal, tried

_PAGE = "Agora Simulations, Session endpoint contract, Request"
_AT_ONCE = 2.0
_TOO_LARGE = (400, 413, 414, 431)
_DEPTH = 200


async def _platform_call(context: Context) -> Seen:
    exchange = await context.mint(calls.platform(context.target, context.right()))
    context.good = exchange
    return Seen(await diagnosed(context, exchange), f"answered {exchange.status}")


async def _other_method(context: Context) -> Seen:
    other = "GET" if context.target.method == "POST" else "POST"
    exchange = await context.mint(calls.platform(context.target, context.right(), method=other))
    answer = exchange.answer
    if is_equal(context, exchange):
        return Seen(note=f"{other} works too")
    if answer is not None and answer.status == 405:
        return Seen(_without_allow(exchange, answer), f"{other} is refused")
    what = f"{other} {came(exchange)} A method that is not served is 405, with what is served in Allow."
    return Seen(await blamed(context, exchange, Finding(what, exchange)))


def _without_allow(exchange: Exchange, answer: Answer) -> tuple[Finding, ...]:
    if answer.header("allow") is not None:
        return ()
    what = f"{exchange.request.method} was answered 405 without an Allow header, which says what is served instead."
    return (Finding(what, exchange, Severity.SHOULD),)


async def _unusable_ids(context: Context) -> Seen:
    ids: dict[str, object] = {"no client id": calls.NOT_GIVEN, "an empty client id": ""}
    if context.target.method == "POST":
        values = {"a number": 7, "null": None, "a list": [context.target.client_id]}
        ids |= {f"{name} as the client id": value for name, value in values.items()}
    requests = {f"a call with {words}": _as(context, value) for words, value in ids.items()}
    return Seen(await tried(context, requests), f"{len(ids)} tried")


def _as(context: Context, client_id: object) -> Request:
    return calls.platform(context.target, context.right(), client_id)


async def _unknown_id(context: Context) -> Seen:
    request = calls.platform(context.target, context.right(), _nobody(context))
    exchange = await context.refusal(request)
    faults = judging.not_refused(exchange, "a call with the right secret and a client id that nobody has")
    if not faults and exchange.answer is not None and _names(exchange.answer, context.target.client_id):
        what = "The refusal of an unknown client id names one that is known."
        why = "Whoever tries client ids is told the right one."
        faults = (Finding(what, exchange, why=why, mend="Say that the id is not served, and not which ones are."),)
    return Seen(faults, f"answered {exchange.status}")


def _nobody(context: Context) -> str:
    return f"nobody-{context.world.entropy(8).hex()}"


def _names(answer: Answer, client_id: str) -> bool:
    """Whether the client id stands there as a value of its own: a short one is part of many words."""
    return json.dumps(client_id).encode() in answer.body


async def _malformed(context: Context) -> Seen:
    whole = json.dumps({"client_id": context.target.client_id}).encode()
    bodies = {
        "broken JSON": Body(whole[:-1]),
        "an empty body": Body(b""),
        "a JSON array": Body(b"[" + whole + b"]"),
        f"JSON {_DEPTH} levels deep": Body(b"[" * _DEPTH + b"]" * _DEPTH),
    }
    plain = _as(context, calls.OWN)
    requests = {f"a call with {words}": replace(plain, body=body) for words, body in bodies.items()}
    return Seen(await tried(context, requests), f"{len(bodies)} tried")


async def _tolerant(context: Context) -> Seen:
    exchange = await context.mint(
        variations.extended(calls.platform(context.target, context.right()), context.target.client_id)
    )
    if is_equal(context, exchange):
        return Seen()
    extra = "with a charset and one field more" if context.target.method == "POST" else "with one parameter more"
    fault = Finding(f"The platform's call {extra} {came(exchange)}", exchange)
    return Seen(await blamed(context, exchange, fault))


async def _too_large(context: Context) -> Seen:
    plain = calls.platform(context.target, context.right(), _nobody(context))
    requests = {"a call with a header of 64 KiB": replace(plain, headers=(*plain.headers, variations.LONG_HEADER))}
    if plain.body.data:
        requests["a call with a body of 1 MiB"] = replace(plain, body=variations.padded(plain.body))
    return Seen(await tried(context, requests, _taken), f"{len(requests)} tried")


def _taken(exchange: Exchange, words: str) -> tuple[Finding, ...]:
    answer, call = exchange.answer, judging.began(words)
    if answer is None:
        told = Finding(f"{call} was not refused. {judging.silence(exchange)}", exchange)
        return () if exchange.silence is Silence.CLOSED else (told,)
    if answer.status not in _TOO_LARGE:
        return (Finding(f"{call} was answered {answer.status}, and not refused for its size.", exchange),)
    if answer.seconds > _AT_ONCE:
        return (Finding(f"{call} was refused after {answer.seconds:.1f} s, and not at once.", exchange),)
    return ()


async def _other_methods(context: Context) -> Seen:
    requests = {name: variations.by_method(context.target, name) for name in ("PUT", "DELETE", "TRACE", "HEAD")}
    return Seen(await tried(context, requests, _served), f"{len(requests)} tried")


def _served(exchange: Exchange, method: str) -> tuple[Finding, ...]:
    answer = exchange.answer
    if answer is None:
        return (Finding(f"{method} was not answered. {judging.silence(exchange)}", exchange),)
    if answer.status == 405:
        return _without_allow(exchange, answer)
    if answer.status == 501 or 300 <= answer.status < 400:
        return ()
    return (Finding(f"{method} was answered {answer.status}, and not 405.{_harm(exchange, answer)}", exchange),)


def _harm(exchange: Exchange, answer: Answer) -> str:
    if any(header.value in answer.body for header in exchange.request.headers):
        return " The answer repeats what was sent, and with it the secret."
    return " A health check by that method would start a session." if exchange.is_success else ""


async def _hostile_ids(context: Context) -> Seen:
    mark = context.world.entropy(6).hex()
    requests = {
        f"a call with {words} as the client id": _as(context, made(mark))
        for words, made in variations.HOSTILE_IDS.items()
    }
    faults = await tried(context, requests, partial(_harmed, mark))
    opened = any(fault.exchange is not None and fault.exchange.is_success for fault in faults)
    if opened and (await context.refusal(_as(context, _nobody(context)))).is_success:
        raise NotApplicable("any client id at all is answered 2xx here, which is what R04 is about")
    return Seen(faults, f"{len(variations.HOSTILE_IDS)} tried")


def _harmed(mark: str, exchange: Exchange, words: str) -> tuple[Finding, ...]:
    faults, answer = judging.not_refused(exchange, words), exchange.answer
    if faults or answer is None:
        return faults
    if any(mark in value for _, value in answer.headers):
        return (Finding(f"The refusal of {words} repeats it in a header.", exchange),)
    if mark.encode() in answer.body:
        return (Finding(f"The refusal of {words} repeats it.", exchange),)
    return ()


CHECKS = (
    Check(
        id="R01",
        title="the platform's own call is answered 200",
        sends="The platform's call: the configured method, the secret header, and the client id.",
        severity=Severity.MUST,
        rests_on=_PAGE,
        assumptions=(1, 2),
        why="This is the very call that starts each run: if the platform's form says the same, every run fails.",
        mend="Look into the endpoint's log for this moment, and compare URL, Request Method, Secret Header Name, "
        "Secret and Client ID in the platform's form with the endpoint's own. A good answer is 200 with join details.",
        profile="quick",
        run=_platform_call,
        sessions=1,
        after=("T01",),
    ),
    Check(
        id="R02",
        title="the other method, GET or POST, works or is refused with 405",
        sends="The platform's call with the other method of POST and GET.",
        severity=Severity.SHOULD,
        rests_on=f"{_PAGE} (both methods are offered there); RFC 9110, 15.5.6",
        assumptions=(26,),
        why="The Request Method in the platform's form is easily set to the other one. A 405 with Allow then says at "
        "once what is wrong; a 404 or a 500 sends people looking elsewhere.",
        mend="Serve both methods, or answer 405 with a header such as `Allow: POST`.",
        run=_other_method,
        sessions=1,
        after=("R01",),
    ),
    Check(
        id="R03",
        title="a missing or malformed client id is refused",
        sends="The platform's call without a client id, and with ones that are empty or no text.",
        severity=Severity.MUST,
        rests_on=f"{_PAGE} (client_id is a text); RFC 9110, 15.5.1; ASVS 5.0, 2.2.1",
        assumptions=(2,),
        why="A call that does not say who asks must not get anybody's session, and must not break the endpoint.",
        mend="Before using client_id, check that it is a text and not empty, and answer 400 otherwise.",
        profile="quick",
        run=_unusable_ids,
        after=("R01",),
    ),
    Check(
        id="R04",
        title="an unknown client id is refused",
        sends="The platform's call with a client id that nobody has.",
        severity=Severity.SHOULD,
        rests_on=f"{_PAGE}; ASVS 5.0, 8.2.2 (access to one's own data alone) and 16.5.1 (generic errors)",
        assumptions=(2,),
        why="Where any client id gets a session, a typing error in the platform's form shows up as calls in the wrong "
        "project, if at all.",
        mend="Compare client_id with the ones you serve, and answer 403 to others.",
        profile="quick",
        run=_unknown_id,
        after=("R01",),
    ),
    Check(
        id="R05",
        title="a body that is no JSON object is refused",
        sends="The platform's call with broken JSON, no body, a JSON array, and JSON that is nested very deep.",
        severity=Severity.MUST,
        rests_on=f"{_PAGE}; RFC 9110, 15.5.1; RFC 8259, 9 (a parser may limit the depth)",
        assumptions=(2,),
        why="Who answers such a call does not look at who asks. Who breaks over it fills the log, and may show code.",
        mend="Catch the parser's error, check that the result is an object, and answer 400.",
        needs=(Need.POST,),
        run=_malformed,
        after=("R01",),
    ),
    Check(
        id="R06",
        title="an added charset or field changes nothing",
        sends="The platform's call with a charset in its Content-Type and one field more; for a GET, one parameter "
        "more.",
        severity=Severity.SHOULD,
        rests_on="RFC 9110, 8.3.1 (parameters of a media type); the page Agora Simulations does not promise that no "
        "field will be added",
        assumptions=(26,),
        why="The day on which the platform sends a field more, or its HTTP client a charset, every run would fail.",
        mend="Compare the media type without its parameters, and ignore fields that you do not know.",
        sessions=1,
        profile="quick",
        run=_tolerant,
        after=("R01",),
    ),
    Check(
        id="R07",
        title="a call that is far too large is refused at once",
        sends="The platform's call with a header of 64 KiB, and with a body of 1 MiB.",
        severity=Severity.SHOULD,
        rests_on="RFC 9110, 15.5.14 (413); RFC 6585, 5 (431); ASVS 5.0, 15.2.2 (expensive work is bounded)",
        assumptions=(2,),
        why="The platform's call is a few hundred bytes. Who reads far more can be made to hold it all in memory, for "
        "many callers at once.",
        mend="Set a limit of some KiB where bodies and headers are read: `client_max_body_size 16k;` in nginx, "
        "`express.json({limit: '16kb'})`, `MAX_CONTENT_LENGTH` in Flask.",
        run=_too_large,
        after=("R01",),
    ),
    Check(
        id="R08",
        title="methods other than POST and GET are refused with 405",
        sends="PUT, DELETE, TRACE and HEAD with the right secret.",
        severity=Severity.SHOULD,
        rests_on="RFC 9110, 15.5.6 and 9.3.2 (HEAD); ASVS 5.0, 4.1.4 (known methods) and 13.4.4 (no TRACE)",
        assumptions=(26,),
        why="A 405 with Allow says at once what is wrong. And monitors and link previews send HEAD: where a framework "
        "treats it as GET, each of them starts an agent that you pay for.",
        mend="Answer 405 with Allow to everything but POST and GET. Starlette and FastAPI add HEAD to each GET route.",
        run=_other_methods,
        after=("R01",),
    ),
    Check(
        id="R09",
        title="hostile client ids are refused and not repeated",
        sends="The platform's call with client ids that hold line breaks, paths, quotes, markup, 4 KiB, or an emoji.",
        severity=Severity.MUST,
        rests_on="ASVS 5.0, 1.2.1 (output encoding), 16.4.1 (log injection) and 16.5.1 (generic errors)",
        assumptions=(2,),
        why="Such a text becomes a header, a page, a path or a line of a log, and says there what its sender wants. "
        "An endpoint that breaks over it uses it somewhere already.",
        mend="Compare client_id with the ones you serve, and answer with a text that holds nothing of the request.",
        run=_hostile_ids,
        after=("R01",),
    ),
)
