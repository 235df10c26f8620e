"""Group A: who may call. Every call here but A08's has to be refused.

White space around the secret is no part of it (RFC 9110, 5.5): such a call is a good one, and so is not made here. The
secret never stands in a URL either, where logs and proxies keep it: whether an endpoint reads it there stays unknown.
"""

from dataclasses import replace

from session_service.check.answers import judging, leaks
from session_service.check.asking import calls, variations
from session_service.check.asking.calls import Secret
from session_service.check.asking.messages import Header
from session_service.check.context import Context
from session_service.check.model import Check, Finding, NotApplicable, Seen, Severity
from session_service.check.trying import blamed, came, is_equal, tried

_REFUSALS = (401, 403)
_PAGE = "Agora Simulations, Session endpoint contract, Request: the secret header"
_ASVS_COMPARE = "ASVS 5.0, 11.2.4 (constant-time comparison)"
_OPEN = "Whoever finds the URL could get tokens for your Agora project, and start agents that you pay for."
_TAKEN = "A caller goes by the status: to a monitor or a proxy a call that is answered 2xx was let in."
_BROKE = "An error that anybody can cause, without knowing the secret, fills your log and often shows code."
_CATCH = "Look into the endpoint's log for this moment, and answer 401 instead."
_COMPARE = (
    "Compare the whole value in constant time: `hmac.compare_digest(sent.encode('latin-1'), secret.encode())` in "
    "Python, `crypto.timingSafeEqual` in Node. Answer 401 to anything else."
)


async def _without_secret(context: Context) -> Seen:
    exchange = await context.refusal(calls.platform(context.target, None))
    faults = judging.not_refused(exchange, "a call without the secret header")
    if not faults and exchange.status is not None and 400 <= exchange.status not in _REFUSALS:
        what = f"A call without the secret header was answered {exchange.status}; 401 or 403 say what is wrong."
        why = "It let nobody in. But whoever mistook the header's name in the platform's form looks elsewhere."
        faults = (Finding(what, exchange, why=why, mend="Answer 401 when the header is missing."),)
    return Seen(_rightly(faults), f"answered {exchange.status}")


def _rightly(faults: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """The faults, each with the reason that is true of it: not every call that was not refused was let in."""
    return tuple(fault if fault.why else _reasoned(fault) for fault in faults)


def _reasoned(fault: Finding) -> Finding:
    answer = fault.exchange.answer if fault.exchange else None
    if answer is not None and judging.holds_join_details(answer):
        return fault
    if answer is not None and 200 <= answer.status < 300:
        return replace(fault, why=_TAKEN, mend="Answer 401 to it, whatever the body says.")
    return replace(fault, why=_BROKE, mend=_CATCH)


async def _wrong_secret(context: Context) -> Seen:
    exchange = await context.refusal(calls.platform(context.target, context.wrong()))
    faults = judging.not_refused(exchange, "a call with a wrong secret of the same length")
    return Seen(_rightly(faults), f"answered {exchange.status}")


async def _near_misses(context: Context) -> Seen:
    requests = {
        words: calls.platform(context.target, secret)
        for words, secret in variations.near_misses(context.target).items()
    }
    return Seen(_rightly(await tried(context, requests)), f"{len(requests)} near misses")


async def _empty(context: Context) -> Seen:
    requests = {"a call with an empty secret": calls.platform(context.target, Secret(b""))}
    return Seen(_rightly(await tried(context, requests)))


async def _elsewhere(context: Context) -> Seen:
    request, requests = calls.platform(context.target, None), {}
    if context.target.header.lower() != "authorization":
        headers = (variations.bearer(context.target), *request.headers)
        requests["a call with the secret in Authorization alone"] = replace(request, headers=headers)
    if request.body.data:
        requests["a call with the secret in the body alone"] = replace(
            request, body=variations.telling_body(context.target)
        )
    if not requests:
        raise NotApplicable("the secret's header is Authorization, and a GET has no body")
    return Seen(_rightly(await tried(context, requests)))


async def _high_bytes(context: Context) -> Seen:
    target = context.target
    first = Secret(b"\xe9" + target.secret[1:], f"$(printf '\\351')${{{target.secret_variable}#?}}")
    broken = Secret(b"\xff\xfe\xc3\x28", "$(printf '\\377\\376\\303\\050')")
    requests = {
        "a call with the byte 0xE9 in place of the secret's first": calls.platform(target, first),
        "a call with a secret that is not UTF-8": calls.platform(target, broken),
    }
    return Seen(await tried(context, requests))


async def _two_secrets(context: Context) -> Seen:
    request = calls.platform(context.target, None)
    wrong = calls.header(context.target, context.wrong())
    right = calls.header(context.target, context.right())
    secrets = {
        "a call with two secret headers, a wrong one before the right one,": (wrong, right),
        "a call with two secret headers, the right one before a wrong one,": (right, wrong),
    }
    requests = {words: replace(request, headers=(*both, *request.headers)) for words, both in secrets.items()}
    return Seen(_rightly(await tried(context, requests)))


async def _other_case(context: Context) -> Seen:
    name = context.target.header.swapcase()
    if name == context.target.header:
        raise NotApplicable("the secret header's name has no letters")
    secret, request = context.right(), calls.platform(context.target, None)
    headers = (Header(name, secret.value, secret.shell), *request.headers)
    exchange = await context.mint(replace(request, headers=headers))
    if is_equal(context, exchange):
        return Seen(note=f"as {name}")
    fault = Finding(f"The call with the header as {name} {came(exchange)}", exchange)
    return Seen(await blamed(context, exchange, fault))


async def _error_bodies(context: Context) -> Seen:
    if not context.refused:
        raise NotApplicable("no call that had to be refused was made, so there is no error body to look at")
    return Seen(leaks.found(context.target.secret, context.refused), f"{len(context.refused)} answers")


CHECKS = (
    Check(
        id="A01",
        title="a call without the secret header is refused",
        sends="The platform's call without the secret header.",
        severity=Severity.MUST,
        rests_on=f"{_PAGE}; RFC 9110, 15.5.2",
        assumptions=(2, 22),
        why=_OPEN,
        mend="Look at the header before anything else, and answer 401 when it is missing.",
        profile="quick",
        run=_without_secret,
        after=("R01",),
    ),
    Check(
        id="A02",
        title="a wrong secret is refused",
        sends="The platform's call with a wrong secret of the same length.",
        severity=Severity.MUST,
        rests_on=f"{_PAGE}; {_ASVS_COMPARE}",
        assumptions=(2, 23),
        why=_OPEN,
        mend=_COMPARE,
        profile="quick",
        run=_wrong_secret,
        after=("R01",),
    ),
    Check(
        id="A03",
        title="a secret that is almost right is refused",
        sends="The platform's call with the secret less its last character, with one more, with a space inside, and "
        "with capital and small letters exchanged.",
        severity=Severity.MUST,
        rests_on=f"{_PAGE}; {_ASVS_COMPARE}",
        assumptions=(2, 23),
        why="Where the beginning alone counts, case is ignored or spaces are dropped, a secret can be guessed piece by "
        "piece.",
        mend=_COMPARE,
        run=_near_misses,
        after=("R01", "A02"),
    ),
    Check(
        id="A04",
        title="an empty secret is refused",
        sends="The platform's call with an empty secret header.",
        severity=Severity.MUST,
        rests_on=f"{_PAGE}; RFC 9110, 15.5.2",
        assumptions=(2, 22),
        why="An endpoint whose own secret is not set compares nothing with nothing, and lets everybody in.",
        mend="Refuse to start without a secret, and answer 401 to an empty header.",
        run=_empty,
        after=("R01", "A02"),
    ),
    Check(
        id="A05",
        title="the secret is accepted in its own header only",
        sends="The platform's call without the secret header, and with the secret in Authorization or in the body. "
        "It is never put into a URL.",
        severity=Severity.SHOULD,
        rests_on=f"{_PAGE}; ASVS 5.0, 15.3.7 (one source for each parameter)",
        assumptions=(23, 25),
        why="Proxies and logs are told to keep the configured header secret. Nobody tells them about bodies and other "
        "headers.",
        mend="Read the secret from the one header that the platform's form names (Secret Header Name), nowhere else.",
        run=_elsewhere,
        after=("R01", "A01", "A02"),
    ),
    Check(
        id="A06",
        title="bytes that are not ASCII do not break the comparison",
        sends="The platform's call with bytes in the secret header that are not ASCII, and not UTF-8.",
        severity=Severity.MUST,
        rests_on="RFC 9110, 5.5 (a header's value may hold bytes from 0x80 on) and 15.5",
        assumptions=(2,),
        why="Many comparisons raise an error for such a byte; in Python `hmac.compare_digest` does for texts. Anybody "
        "can then make the endpoint fail at will, and fill its log.",
        mend="Compare bytes, not text: `hmac.compare_digest(sent.encode('latin-1'), secret.encode())`.",
        run=_high_bytes,
        after=("R01", "A02"),
    ),
    Check(
        id="A07",
        title="two secret headers are refused",
        sends="The platform's call with two secret headers, a wrong one and the right one, in either order.",
        severity=Severity.SHOULD,
        rests_on="RFC 9110, 5.3 (a sender may not repeat a field that is no list); ASVS 5.0, 15.3.7",
        assumptions=(2,),
        why="Where a proxy looks at the first and the endpoint at the last, one call has two meanings, and a filter in "
        "front is bypassed.",
        mend="Count the header's occurrences, and answer 401 unless there is exactly one.",
        run=_two_secrets,
        after=("R01", "A02"),
    ),
    Check(
        id="A08",
        title="the secret header's name works in upper and lower case",
        sends="The platform's call with the secret header's name in the other case, such as x-cEKURA-sECRET.",
        severity=Severity.MUST,
        rests_on="RFC 9110, 5.1 (field names are case-insensitive); RFC 9113, 8.2 (HTTP/2 sends them in lower case)",
        why="Proxies and HTTP/2 rewrite names in lower case. An endpoint that compares them exactly refuses the "
        "platform from the day on which one stands in between.",
        mend="Look the header up by the framework's own means, which ignore case: `request.headers.get(name)` in "
        "FastAPI, Django and Flask, `req.get(name)` in Express.",
        sessions=1,
        profile="quick",
        run=_other_case,
        after=("R01",),
    ),
    Check(
        id="A09",
        title="refusals show no code and no secret, and say what they are",
        sends="Nothing of its own: it reads the answers to every call of the run that was refused.",
        severity=Severity.MUST,
        rests_on="ASVS 5.0, 16.5.1 (generic errors), 13.4.2 (no debug mode) and 4.1.1 (Content-Type); RFC 9110, 8.3",
        assumptions=(2,),
        why="Stack traces and debug pages show code, paths and settings to whoever asks; some of them run commands. "
        "Secrets in an answer end up in the logs of everybody on the way.",
        mend="Turn the debug mode off (`DEBUG = False` in Django, `NODE_ENV=production` for Express), and answer a "
        "short JSON error to everything unforeseen.",
        profile="quick",
        run=_error_bodies,
        after=("R01",),
    ),
)
