"""Group T: whether the endpoint can be reached, and in time."""

import ssl
from statistics import median

from session_service.check.answers import judging, tls
from session_service.check.asking import addresses, calls
from session_service.check.asking.messages import BUSY, Answer, Exchange, Request, Silence
from session_service.check.asking.wire import Connection, NoConnection
from session_service.check.context import Context
from session_service.check.diagnosis import redirects
from session_service.check.model import CannotTell, Check, Finding, Need, NotApplicable, Seen, Severity

_FEW_DAYS = 14
_SLOW, _TOO_SLOW = 2.0, 7.0
_TUNNEL = (
    "Give the host a public address. For an endpoint on your own machine a tunnel does it: `cloudflared tunnel --url "
    "http://localhost:8080` or `ngrok http 8080` print a public URL; put that into the platform's form. To make the "
    "other checks all the same, leave this one out: --skip T03."
)

_KEEP_WARM = (
    "Keep one instance warm (a minimum of 1, where the host scales to zero), or call the health path before a run. "
    "What a start has to load can be loaded before the first call."
)


async def _resolved(context: Context) -> Seen:
    host, where = context.target.endpoint.host, context.where
    if not where.every:
        mend = "Look for a typing error in the host name; if it is right, publish an A record for it."
        what = f"The host name {host} does not resolve: {where.trouble}."
        return Seen((Finding(what, why="The platform looks the name up in the same way.", mend=mend),))
    private = [address for address in where.every if addresses.kind(address)]
    if private:
        return Seen((_unreachable(private[0], others=len(private) < len(where.every)),))
    if not any(map(addresses.is_ipv4, where.every)):
        what = f"{host} has IPv6 addresses only; the platform's known address is IPv4, and may reach no other."
        why = "Whether the platform reaches IPv6 is not documented; that it uses IPv4 is."
        mend = "Publish an A record as well, or put a proxy in front that has IPv4."
        return Seen((Finding(what, why=why, mend=mend),))
    return Seen(note=where.chosen)


def _unreachable(address: str, *, others: bool) -> Finding:
    what = f"The host name resolves to {address}, a {addresses.kind(address)} address: the platform can't reach it."
    return Finding(f"{what} Its other addresses are public, so some calls arrive and some do not." if others else what)


async def _secure(context: Context) -> Seen:
    endpoint, address = context.target.endpoint, context.where.chosen
    if endpoint.tls:
        return await _handshaken(context)
    if address and not addresses.is_loopback(address):
        return Seen((Finding("The URL is plain http: the secret and the token would be readable on the way."),))
    exchange = await tls.greeted(context, "http") if address else _no_address(context)
    if tls.unconnected(exchange):
        return Seen((_unconnected(exchange),))
    fault = await tls.plainly(exchange, context)
    if fault is not None:
        return Seen((Finding(fault.what, exchange, mend=fault.mend),))
    return Seen(note="plain http, which is allowed on this machine alone")


async def _handshaken(context: Context) -> Seen:
    try:
        async with context.connected() as connection:
            return _certificate(connection, context.world.now())
    except NoConnection as error:
        exchange = Exchange(_probe(context), silence=error.silence, detail=error.detail)
        if tls.unconnected(exchange):
            return Seen((_unconnected(exchange),))
        fault = await tls.handshake(context, error)
        return Seen((Finding(fault.what, exchange, mend=fault.mend),))


def _certificate(connection: Connection, now: float) -> Seen:
    assert connection.tls is not None, "the URL is https"  # noqa: S101 - what wire promises
    days = tls.days_left(connection.tls, now)
    note = f"{(connection.tls.version() or 'TLS').replace('TLSv', 'TLS ')}, {days} days left"
    if days >= _FEW_DAYS:
        return Seen(note=note)
    what = f"The certificate expires in {days} days."
    why = "On that day every run fails, and nothing else changes before."
    mend = "Renew it now, and look at why that did not happen by itself: most renew 30 days ahead."
    return Seen((Finding(what, severity=Severity.SHOULD, why=why, mend=mend),), note)


def _unconnected(exchange: Exchange) -> Finding:
    mend = (
        "Start the endpoint, and compare host and port in the URL with those that it listens on. Where both are right, "
        "look for a firewall in between."
    )
    why = "Whoever cannot connect gets no join details: every run fails at its first call."
    return Finding(judging.silence(exchange), exchange, why=why, mend=mend)


def _no_address(context: Context) -> Exchange:
    error = NoConnection(Silence.NO_ADDRESS, context.where.trouble)
    return Exchange(_probe(context), silence=error.silence, detail=error.detail)


def _probe(context: Context) -> Request:
    return Request("OPTIONS", context.target.endpoint.path)


async def _modern(context: Context) -> Seen:
    offer = tls.outdated(context)
    if offer is None:
        raise CannotTell(f"{ssl.OPENSSL_VERSION} on this machine cannot offer TLS 1.0 or 1.1")
    try:
        async with context.connected(lambda: offer) as connection:
            version = connection.tls.version() if connection.tls else None
    except NoConnection as error:
        if tls.unconnected(Exchange(_probe(context), silence=error.silence)):
            raise CannotTell(error.silence.value) from None
        return Seen(note="TLS 1.0 and 1.1 are refused")
    spoken = (version or "an old version").replace("TLSv1.1", "TLS 1.1").replace("TLSv1", "TLS 1.0")
    return Seen((Finding(f"The server agreed to speak {spoken}."),))


async def _no_redirect(context: Context) -> Seen:
    exchange = await context.refusal(calls.platform(context.target, context.wrong()))
    if exchange.answer is None:
        raise CannotTell("the call was not answered")
    moved = next((seen for seen in (exchange, *context.refused) if _is_redirected(seen)), None)
    if moved is None:
        return Seen(note=f"answered {exchange.status}")
    answer, endpoint = _answer(moved), context.target.endpoint
    what = f"A call that has to be refused was answered {answer.status} to {redirects.shown(answer, endpoint)}."
    return Seen((Finding(what, moved, mend=redirects.mend(answer, endpoint)),))


def _is_redirected(exchange: Exchange) -> bool:
    return exchange.answer is not None and redirects.is_redirect(exchange.answer)


def _answer(exchange: Exchange) -> Answer:
    assert exchange.answer is not None, "it was found by its answer"  # noqa: S101 - its caller looked
    return exchange.answer


async def _in_time(context: Context) -> Seen:
    seconds = [exchange.answer.seconds for exchange in context.minted if exchange.answer is not None]
    if not seconds:
        raise NotApplicable("no good call was answered, so there is nothing to measure")
    first, later = seconds[0], seconds[1:]
    usual = median(later) if later else 0.0
    said = f"The first good call took {first:.1f} s" + (
        f", those after it {usual:.1f} s in the median" if later else ""
    )
    slowest = max(first, usual)
    if slowest <= _SLOW:
        return Seen(note=f"first {first:.2f} s, median {median(seconds):.2f} s of {len(seconds)}")
    severity = Severity.MUST if slowest > _TOO_SLOW else Severity.SHOULD
    if usual > _SLOW or not later:
        return Seen((Finding(f"{said}.", context.minted[0], severity),))
    return Seen((Finding(f"{said}: a cold start.", context.minted[0], severity, mend=_KEEP_WARM),))


async def _twice(context: Context) -> Seen:
    request = calls.platform(context.target, context.wrong())
    context.sessions.may_probe()
    try:
        async with context.connected() as connection:
            return await _asked_twice(context, connection, request)
    except NoConnection as error:
        raise CannotTell(error.silence.value) from None


async def _asked_twice(context: Context, connection: Connection, request: Request) -> Seen:
    first = await connection.exchange(request, keep=True)
    context.was_to_be_refused(first)
    if first.answer is None:
        return Seen((Finding(f"A call on a connection to be kept open failed. {judging.silence(first)}", first),))
    if first.answer.excess:
        what = "More bytes came than the answer's Content-Length announced."
        return Seen((Finding(what, first, mend="Count Content-Length in bytes, not in characters, after encoding."),))
    if not first.answer.kept:
        return Seen(note="the server closes each connection, and says so")
    second = await connection.exchange(request)
    context.was_to_be_refused(second)
    return Seen(_compared(first, second), "two calls on one connection")


def _compared(first: Exchange, second: Exchange) -> tuple[Finding, ...]:
    if second.answer is None:
        return (Finding(f"The second call on one connection failed. {judging.silence(second)}", second),)
    if {first.status, second.status} & {*BUSY} and first.status != second.status:
        raise CannotTell(f"one of two equal calls was answered {second.status}, come back later")
    if second.status == first.status:
        return ()
    what = f"Of two equal calls on one connection the first was answered {first.status}, the second {second.status}."
    return (Finding(what, second),)


CHECKS = (
    Check(
        id="T03",
        title="the host name resolves to a public IPv4 address",
        sends="A question to this machine's name server. Nothing to the endpoint.",
        severity=Severity.MUST,
        rests_on="Cekura documents calls from one public IPv4 address (IP whitelisting), and refuses private hosts for "
        "its other callbacks; the page Agora Simulations says nothing",
        assumptions=(5, 24),
        why="The platform calls from the internet. What only your own network reaches, it does not.",
        mend=_TUNNEL,
        needs=(Need.PUBLIC_HOST,),
        profile="quick",
        run=_resolved,
    ),
    Check(
        id="T01",
        title="the endpoint can be reached, by https with a trusted certificate",
        sends="A TCP connection and, for https, a TLS handshake. No call.",
        severity=Severity.MUST,
        rests_on="RFC 9110, 4.3.3 (https) and 4.3.4 (a client verifies the certificate); ASVS 5.0, 12.2.1 and 12.2.2",
        assumptions=(5,),
        why="The secret travels in a header and the token in the answer. Without trusted TLS either can be read on the "
        "way, and the platform refuses to connect.",
        mend="Put a proxy with a public certificate (Caddy gets one by itself), a tunnel or a load balancer in front, "
        "and use its https URL.",
        profile="quick",
        run=_secure,
        after=("T03",),
    ),
    Check(
        id="T02",
        title="old versions of TLS are refused",
        sends="A TLS handshake that offers TLS 1.0 and 1.1 alone. No call.",
        severity=Severity.SHOULD,
        rests_on="RFC 8996 (TLS 1.0 and 1.1 must not be used); ASVS 5.0, 12.1.1",
        why="TLS 1.0 and 1.1 have known breaks; whoever sits on the way can try to bring a connection down to them.",
        mend="Set the lowest version to TLS 1.2: `ssl_protocols TLSv1.2 TLSv1.3;` in nginx, the minimum TLS version in "
        "the settings of a cloud load balancer or CDN.",
        needs=(Need.TLS,),
        run=_modern,
        after=("T01",),
    ),
    Check(
        id="T04",
        title="no call is redirected",
        sends="The platform's call with a wrong secret. The answers to all other calls count as well.",
        severity=Severity.MUST,
        rests_on="ASVS 5.0, 4.1.2; Cekura's trigger URLs follow no redirect; the page Agora Simulations says nothing",
        assumptions=(1,),
        why="A caller that does not follow has no answer. One that follows may drop the body, turn POST into GET, or "
        "hand the secret to another host.",
        mend="Answer the call under the very URL that is in the platform's form.",
        profile="quick",
        run=_no_redirect,
        after=("R01",),
    ),
    Check(
        id="T05",
        title="good calls are answered in time",
        sends="Nothing of its own: the answers to every good call of the run are timed.",
        severity=Severity.MUST,
        rests_on="no page says how long the platform waits; 7 seconds is our own budget",
        assumptions=(3,),
        why="A caller that has given up gets no join details, while the agent that was started for it waits and costs.",
        mend="Start the agent without waiting until it is ready, and keep what the call needs loaded. "
        "The answer has to wait for nothing but the token.",
        profile="quick",
        run=_in_time,
        after=("R01",),
    ),
    Check(
        id="T06",
        title="a connection carries a second call",
        sends="The platform's call with a wrong secret, twice on one connection.",
        severity=Severity.SHOULD,
        rests_on="RFC 9112, 9.3 (persistence) and 6.3 (message body length)",
        why="Callers keep connections open. Where lengths are wrong, or a body stays unread, the next call on the same "
        "connection is garbled: the kind of fault that comes and goes.",
        mend="Read each request to its end, or close the connection and say so with `Connection: close`; and send the "
        "Content-Length in bytes.",
        run=_twice,
        after=("R01", "A02"),
    ),
)
