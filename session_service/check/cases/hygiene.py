"""Group H: what a host tells that nobody needs. Only GET without the secret is sent here."""

import asyncio
import re
from collections.abc import Iterator, Mapping

from session_service.check.asking.messages import Answer, Exchange, Request
from session_service.check.context import Context
from session_service.check.model import Check, Finding, Seen, Severity

_OPEN: Mapping[str, str] = {
    "metrics": "It tells anybody how often you are called, and from where.",
    "docs": "It tells anybody which calls there are, and lets them be tried out.",
    "openapi.json": "It tells anybody which calls there are.",
    "admin": "It is the first thing that scanners of the internet look for.",
    "debug": "Debug pages show configuration and memory, secrets among them.",
    "list": "An agent server that lists its agents to anybody usually starts and stops them for anybody too.",
    "start": "Whoever can start agents without a secret does so on your bill.",
}
_AT_A_TIME = 4
_ALIKE = 64
_UNNAMED = (
    "Turn it off where it is added: `server_tokens off;` in nginx, `app.disable('x-powered-by')` in Express, "
    "`--no-server-header` for uvicorn."
)
_VERSION = re.compile(r"\d")
_BANNERS = ("server", "via", "x-powered-by", "x-aspnet-version", "x-aspnetmvc-version", "x-generator", "x-runtime")
_ALWAYS_TELLING = ("x-powered-by", "x-generator")
_REQUEST_IDS = (
    "x-request-id",
    "request-id",
    "x-correlation-id",
    "x-trace-id",
    "traceparent",
    "x-amzn-requestid",
    "x-amzn-trace-id",
    "x-amz-cf-id",
    "apigw-requestid",
    "x-cloud-trace-context",
    "cf-ray",
    "fly-request-id",
    "x-vercel-id",
    "x-azure-ref",
    "x-railway-request-id",
    "rndr-id",
)


async def _closed(context: Context) -> Seen:
    bases = _bases(context.target.endpoint.path)
    nothing = await _asked(context, [f"{base}{context.world.entropy(8).hex()}" for base in bases])
    paths = [f"{base}{name}" for base in bases for name in _OPEN]
    found = await _asked(context, [path for path in paths if path != _bare(context.target.endpoint.path)])
    opened = [one for one in found if _ok(one)]
    telling = [one for one in opened if not any(_alike(one, other) for other in nothing if _ok(other))]
    return Seen((*(_told(one) for one in telling), *_everything(nothing)), f"{len(found)} paths asked for")


def _bare(path: str) -> str:
    return path.partition("?")[0]


def _bases(path: str) -> list[str]:
    """The root, and the folder that the endpoint stands in; both end with a slash."""
    return list(dict.fromkeys(("/", _bare(path).rstrip("/").rpartition("/")[0] + "/")))


async def _asked(context: Context, paths: list[str]) -> list[Exchange]:
    """Ask for each path, a few at a time. Nothing of this is a session call, so none is counted."""
    room = asyncio.Semaphore(_AT_A_TIME)

    async def one(path: str) -> Exchange:
        async with room:
            return await context.once(Request("GET", path))

    return list(await asyncio.gather(*map(one, paths)))


def _ok(exchange: Exchange) -> bool:
    return exchange.status is not None and 200 <= exchange.status < 300


def _alike(one: Exchange, other: Exchange) -> bool:
    """Whether both answers are one page: the same but for what a page says of its own path, or draws anew."""
    first, second = one.answer, other.answer
    if first is None or second is None or first.media_type != second.media_type:
        return False
    bodies = (first.body.replace(one.request.path.encode(), b""), second.body.replace(other.request.path.encode(), b""))
    if bodies[0] == bodies[1]:
        return True
    lengths = sorted(map(len, bodies))
    return (
        first.media_type == "text/html"
        and lengths[1] - lengths[0] <= _ALIKE
        and bodies[0][:_ALIKE] == bodies[1][:_ALIKE]
    )


def _told(exchange: Exchange) -> Finding:
    path = exchange.request.path
    what = f"GET {path} without a secret was answered {exchange.status}."
    return Finding(what, exchange, why=_OPEN[path.rpartition("/")[2]])


def _everything(nothing: list[Exchange]) -> Iterator[Finding]:
    for exchange in nothing:
        if _ok(exchange):
            what = f"A path that nobody ever named was answered {exchange.status}: every path seems to be."
            why = "A wrong path in the platform's form is then answered too, and looks like a broken endpoint."
            mend = "Answer 404 to what is no page. Where a single-page application stands, move the endpoint elsewhere."
            yield Finding(what, exchange, Severity.INFO, why, mend)
            return


async def _headers(context: Context) -> Seen:
    answer = context.first_answer()
    findings = (*_banners(context, answer), *_readable(context, answer), *_unnamed(context, answer))
    return Seen(findings)


def _banners(context: Context, answer: Answer) -> Iterator[Finding]:
    for name, value in answer.headers:
        if name in _ALWAYS_TELLING or (name in _BANNERS and _VERSION.search(_product(name, value))):
            what = f"The header {name} names the software behind the endpoint: {value[:60]!a}."
            why = "Scanners look for versions with known holes."
            yield Finding(what, context.good, why=why, mend=_UNNAMED)


def _product(name: str, value: str) -> str:
    """A Via begins with the version of HTTP, which is no banner."""
    return value.partition(" ")[2] if name == "via" else value


def _readable(context: Context, answer: Answer) -> Iterator[Finding]:
    if (answer.header("access-control-allow-origin") or "").strip() == "*":
        what = "The answer says Access-Control-Allow-Origin: *, so pages of any website may read it."
        why = "The caller is a server, and no browser has to read join details."
        yield Finding(what, context.good, why=why, mend="Leave the CORS headers out at this path.")


def _unnamed(context: Context, answer: Answer) -> Iterator[Finding]:
    if not any(name in _REQUEST_IDS for name, _ in answer.headers):
        what = "The answer has no request id."
        why = "When a run fails, nobody finds the line of your log that belongs to it."
        yield Finding(what, context.good, why=why, mend="Send X-Request-Id with every answer, and log it.")


CHECKS = (
    Check(
        id="H01",
        title="nothing else is open beside the endpoint",
        sends="A GET without a secret for paths that are often left open, at the root and beside the endpoint: "
        f"{', '.join(_OPEN)}.",
        severity=Severity.SHOULD,
        rests_on="OWASP ASVS 5.0, 13.4.2 and 13.4.5: no debug pages, documentation and monitoring not exposed",
        why="What stands beside the endpoint is found by scanners within hours.",
        mend="Serve that path on a port that the internet does not reach, or ask for a secret there too.",
        run=_closed,
        after=("R01",),
    ),
    Check(
        id="H02",
        title="the answer's headers have a request id, and name no software",
        sends="Nothing of its own: it reads the answer to R01's call.",
        severity=Severity.INFO,
        rests_on="OWASP ASVS 5.0, 13.4.6 and 3.4.2: no version banner, no wildcard for other origins",
        why="Small things that help whoever looks for a fault, or for a hole.",
        mend="Take the header out, or put it in.",
        run=_headers,
        after=("R01",),
    ),
)
"""The checks of this group."""
