"""What can be wrong with an endpoint's TLS, in words for its owner, and who it is that answers instead.

Decided here: which certificate fault is which, how old versions of TLS are offered, and how a port is asked whether it
speaks TLS or plain HTTP without saying who asks. Called by the cases of transport.
"""

import ssl
import warnings
from dataclasses import dataclass, replace

from session_service.check.asking import wire
from session_service.check.asking.messages import UNCONNECTED, Exchange, Request, Silence
from session_service.check.asking.wire import Limits, NoConnection
from session_service.check.context import Context

DAY = 86400
_PATIENCE = 2.0


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong, and how to mend it."""

    what: str
    mend: str


# The numbers are those of OpenSSL's X509_V_ERR_*, which `SSLCertVerificationError.verify_code` holds.
_EXPIRED = Fault(
    "The certificate has expired.",
    "Renew it, and have the server load the new one; then look at why it was not renewed by itself.",
)
_NOT_YET = Fault("The certificate is not valid yet.", "Compare the clocks of this machine and of the one that made it.")
_SELF_SIGNED = Fault(
    "The certificate is self-signed: it vouches for itself, and nobody else does.",
    "Get one that everybody trusts, from Let's Encrypt for instance, or put a proxy or a tunnel in front that has one.",
)
_PRIVATE = Fault(
    "The certificate comes from an authority of somebody's own, which this machine does not trust.",
    "Get one from a public authority: the platform knows yours as little as this machine does.",
)
_INCOMPLETE = Fault(
    "The certificate's issuer is not known: either it is no public authority, or the server leaves out the "
    "intermediate certificate.",
    "Serve the whole chain (fullchain.pem, not cert.pem, where certbot made it), from a public authority.",
)
_OTHER_HOST = Fault(
    "The certificate was issued for another host name.",
    "Get one that names this host, or put the host that it names into the URL.",
)
_FAULTS = {
    9: _NOT_YET,
    10: _EXPIRED,
    18: _SELF_SIGNED,
    19: _PRIVATE,
    20: _INCOMPLETE,
    21: _INCOMPLETE,
    62: _OTHER_HOST,
    64: _OTHER_HOST,
}
_PLAIN = Fault(
    "The URL says https, and the port speaks plain http.",
    "Compare the port in the URL with the one on which https is served. Where it is served on none, put a proxy or a "
    "tunnel with a certificate in front, and use its URL. (On this machine alone, http in the URL will do.)",
)
_SPOKEN = Fault("The URL says http, and the port speaks TLS.", "Write https instead of http in the URL.")
_BROKEN = Fault(
    "The TLS handshake failed.",
    "Try `openssl s_client -connect HOST:PORT -servername HOST`: it shows at which step. TLS 1.2 or 1.3 must be on.",
)


def certificate(error: ssl.SSLCertVerificationError) -> Fault:
    """What is wrong with the certificate that was refused."""
    return _FAULTS.get(error.verify_code) or replace(_BROKEN, what=f"No trust: {error.verify_message}.")


async def handshake(context: Context, error: NoConnection) -> Fault:
    """Why no TLS came about on a connection that stands."""
    if isinstance(error.tls, ssl.SSLCertVerificationError):
        return certificate(error.tls)
    if (await greeted(context, "http")).answer is not None:
        return _PLAIN
    said = f" OpenSSL says: {error.detail}." if error.detail else ""
    return replace(_BROKEN, what=f"{error.silence.value}{said}")


async def plainly(exchange: Exchange, context: Context) -> Fault | None:
    """What the answer to a bare OPTIONS over plain http betrays: a port that speaks TLS; else None."""
    doubtful = exchange.silence in (Silence.NOT_HTTP, Silence.CLOSED) or exchange.status == 400
    if doubtful and (await greeted(context, "https")).silence not in (
        *UNCONNECTED,
        Silence.TLS,
        Silence.NO_HANDSHAKE,
    ):
        return _SPOKEN
    return None


async def greeted(context: Context, scheme: str) -> Exchange:
    """What the port makes of a bare OPTIONS over `scheme`: no secret, no client id, no certificate looked at."""
    endpoint = replace(context.target.endpoint, scheme=scheme)
    request = Request("OPTIONS", endpoint.path)
    limits = Limits(min(_PATIENCE, context.limits.connect), min(_PATIENCE, context.limits.answer))
    try:
        async with wire.connected(endpoint, context.where.chosen, limits, lambda: _blind(context)) as connection:
            return await connection.exchange(request)
    except NoConnection as error:
        return Exchange(request, silence=error.silence, detail=error.detail)


def unconnected(exchange: Exchange) -> bool:
    """Whether there was not even a connection."""
    return exchange.silence in UNCONNECTED


def days_left(tls: ssl.SSLObject, now: float) -> int:
    """Whole days until the certificate expires; `now` in Unix seconds."""
    parsed = tls.getpeercert() or {}
    return int((ssl.cert_time_to_seconds(str(parsed["notAfter"])) - now) // DAY)


def outdated(context: Context) -> ssl.SSLContext | None:
    """A context that offers TLS 1.0 and 1.1 alone; None where this machine's OpenSSL cannot."""
    made = _blind(context)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # it is the deprecated that is offered
        made.minimum_version = ssl.TLSVersion.TLSv1
        made.maximum_version = ssl.TLSVersion.TLSv1_1
    made.set_ciphers("DEFAULT:@SECLEVEL=0")
    return made if _offers(made) else None


def _offers(made: ssl.SSLContext) -> bool:
    """Whether OpenSSL gets as far as a ClientHello."""
    outgoing = ssl.MemoryBIO()
    try:
        made.wrap_bio(ssl.MemoryBIO(), outgoing).do_handshake()
    except ssl.SSLError:
        return outgoing.pending > 0
    return True


def _blind(context: Context) -> ssl.SSLContext:
    made = context.world.tls()
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE
    return made
