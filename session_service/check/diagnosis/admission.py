"""Why the platform's call was not let in: the secret, the name of its header, or the client id.

Decided here: that each is told from the others by the answers to calls that are wrong in one known way, which all have
to be refused, and that the secret is tried in other headers only after it was refused in its own. Called by the
diagnosis of the first good call.
"""

from dataclasses import replace

from session_service.check.answers import judging
from session_service.check.asking import calls
from session_service.check.asking.messages import Answer, Exchange, Header, Request
from session_service.check.context import Context
from session_service.check.diagnosis.likeness import is_like, says_as_much
from session_service.check.model import CannotTell, Finding

_USUAL_HEADERS = ("X-Cekura-Secret", "X-API-Key", "Authorization")
_READ_IT = 'Read client_id from a JSON object in the body, `{"client_id": "..."}`, and for GET from the query.'


async def refused(context: Context, exchange: Exchange, answer: Answer) -> Finding:
    """For 400, 401, 403 and 422: who came was not let in, or what came was not understood."""
    wrong = calls.platform(context.target, context.wrong())
    like = await is_like(context, exchange, wrong)
    before = next((one for one in context.refused if _shape(one.request) == _shape(wrong)), None)
    if before is not None and before.answer is not None and judging.holds_join_details(before.answer):
        return _upside_down(before, answer)
    if like is False:
        return await known(context, exchange, answer)
    if like and before is not None and not says_as_much(before, exchange):
        return _locked_out(before, exchange)
    opened = await _with_another_header(context)
    if opened is not None:
        return _wrong_header(context, opened)
    if answer.status in (400, 422):
        return _not_understood(exchange, answer)
    unread = await is_like(context, exchange, calls.platform(context.target, None)) is not False
    return _wrong_secret(context, exchange, answer, unread=unread)


async def refused_with_200(context: Context, exchange: Exchange, answer: Answer) -> tuple[Finding, ...]:
    """Empty where 200 means what it says; what it means is S01's matter, unless a wrong secret gets the very same."""
    wrong = calls.platform(context.target, context.wrong())
    if judging.holds_join_details(answer) or not await is_like(context, exchange, wrong):
        return ()
    what = (
        "The call was answered 200 without join details, word for word as one with a wrong secret is: either both were "
        "refused, or no session endpoint is served at this path."
    )
    mend = f"Compare the path in the URL. {_compared(context)} And let the endpoint answer 401 where it refuses."
    return (Finding(what, exchange, mend=mend),)


async def known(context: Context, exchange: Exchange, answer: Answer) -> Finding:
    """A wrong secret is answered otherwise, so this one is right: is it the client id?"""
    unknown = calls.platform(context.target, context.right(), f"nobody-{context.world.entropy(8).hex()}")
    if await is_like(context, exchange, unknown):
        none = calls.platform(context.target, context.right(), calls.NOT_GIVEN)
        return _wrong_client(exchange, answer, unread=await is_like(context, exchange, none) is True)
    what = (
        f"The call was answered {answer.status}, though secret and client id are right: wrong ones are told otherwise."
    )
    mend = (
        "The endpoint has a reason of its own: look at the answer, and into its log. A list of the addresses that may "
        "call is a usual one."
    )
    return Finding(what, exchange, mend=mend)


def _wrong_client(exchange: Exchange, answer: Answer, *, unread: bool) -> Finding:
    mend = (
        "Compare --client-id here and Client ID in the platform's form with the ids in the endpoint's settings, "
        "case included."
    )
    if not unread:
        what = (
            f"The client id is not served: the secret is right, and the answer ({answer.status}) is the one for an id "
            "that nobody has."
        )
        return Finding(what, exchange, mend=mend)
    what = (
        f"The secret is right, and the client id is not taken: the answer ({answer.status}) is the one for an id that "
        "nobody has, and for a call that has none. Either this one is not served, or the endpoint does not find it."
    )
    return Finding(what, exchange, mend=f"{mend} Or the endpoint looks elsewhere. {_READ_IT}")


def _shape(request: Request) -> tuple[object, ...]:
    """All of a request but what its headers say: by it a call with a wrong secret is known among others."""
    sizes = tuple((header.name, len(header.value)) for header in request.headers)
    return request.method, request.path, request.body, sizes


def _upside_down(before: Exchange, answer: Answer) -> Finding:
    what = f"A wrong secret was answered {before.status}, with join details, and the one given {answer.status}."
    mend = "Look at the condition that compares the secret: it seems to be the wrong way round. Anybody gets in by now."
    return Finding(what, before, mend=mend)


def _locked_out(before: Exchange, exchange: Exchange) -> Finding:
    what = (
        f"This machine seems to be locked out: when the run began, a wrong secret was answered {before.status}, and "
        f"now a wrong one and the one given are both answered {exchange.status}."
    )
    mend = (
        "If the endpoint, or what stands before it, blocks who comes with wrong secrets, exempt this machine's address "
        "while you check. Or wait until the block ends, and begin with --only R01, which sends no wrong one "
        "while all is well."
    )
    return Finding(what, exchange, mend=mend)


async def _with_another_header(context: Context) -> Exchange | None:
    """The call with the secret in another usual header, where one of them is answered 200."""
    names = [name for name in _USUAL_HEADERS if name.lower() != context.target.header.lower()]
    try:
        for name in names:
            exchange = await context.mint(_moved(context, name))
            if exchange.status == 200:
                return exchange
    except CannotTell:
        return None
    return None


def _moved(context: Context, name: str) -> Request:
    secret, request = context.right(), calls.platform(context.target, None)
    scheme = "Bearer " if name == "Authorization" else ""
    header = Header(name, scheme.encode() + secret.value, f"{scheme}{secret.shell}")
    return replace(request, headers=(header, *request.headers))


def _wrong_header(context: Context, opened: Exchange) -> Finding:
    name, configured = opened.request.headers[0].name, context.target.header
    if name == "Authorization":
        what = f"The header's name is wrong: the endpoint wants `Authorization: Bearer SECRET`, and not {configured}."
        return Finding(what, opened, mend=f"Let the endpoint read the bare secret from {configured}.")
    what = f"The header's name is wrong: the endpoint reads the secret from {name}, and not from {configured}."
    mend = (
        f"Put {name} into Secret Header Name in the platform's form and into --header here; or let the endpoint read "
    )
    return Finding(what, opened, mend=f"{mend}{configured}.")


def _wrong_secret(context: Context, exchange: Exchange, answer: Answer, *, unread: bool) -> Finding:
    name, mend = context.target.header, _compared(context)
    if not unread:
        what = f"The secret is wrong: {name} is read, and this one was refused ({answer.status}) as any other."
        return Finding(what, exchange, mend=mend)
    what = (
        f"The secret was refused ({answer.status}) just as a wrong one, or none, is: either it is not the endpoint's, "
        f"or the endpoint reads it from another header than {name}."
    )
    return Finding(what, exchange, mend=f"{mend} If they are, compare the header's name with Secret Header Name.")


def _compared(context: Context) -> str:
    return (
        f"Compare ${context.target.secret_variable} here, the secret in the endpoint's own configuration, and Secret "
        "in the platform's form: all three must be the same. An old value, quotes around it or a line break at its end "
        "are the usual reasons."
    )


def _not_understood(exchange: Exchange, answer: Answer) -> Finding:
    what = f"The endpoint does not understand the call: it answered {answer.status}, as it does to a wrong secret."
    mend = (
        f"{_READ_IT} A framework that checks headers may miss one: compare its name with Secret Header Name in the "
        "platform's form."
    )
    return Finding(what, exchange, mend=mend)
