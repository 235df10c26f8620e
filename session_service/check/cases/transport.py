"""Group T: whether the endpoint can be reached, and in time."""

import asyncio
import socket

from session_service.check import judging
from session_service.check.context import Context
from session_service.check.messages import Exchange, Request
from session_service.check.model import Check, Finding, Seen, Severity
from session_service.check.wire import NoConnection


async def _resolved(context: Context) -> Seen:
    endpoint = context.target.endpoint
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(endpoint.host, endpoint.port, type=socket.SOCK_STREAM)
    except OSError:
        return Seen((Finding("The host name does not resolve."),))
    context.address = str(found[0][4][0])
    return Seen()


async def _secure(context: Context) -> Seen:
    probe = Request("GET", context.target.endpoint.path)
    try:
        async with context.connected():
            return Seen()
    except NoConnection as error:
        exchange = Exchange(probe, silence=error.silence, detail=error.detail)
        return Seen((Finding(judging.silence(exchange), exchange),))


CHECKS = (
    Check(
        id="T03",
        title="the host name resolves to a public address",
        severity=Severity.MUST,
        rests_on="how the platform reaches any endpoint",
        assumptions=(5,),
        why="The platform calls from the internet.",
        mend="Publish an address record, or use a tunnel.",
        profile="quick",
        run=_resolved,
    ),
    Check(
        id="T01",
        title="https with a certificate that everybody trusts",
        severity=Severity.MUST,
        rests_on="ASVS 12.2",
        assumptions=(5,),
        why="The secret travels in a header.",
        mend="Put a proxy with a public certificate in front.",
        profile="quick",
        run=_secure,
        after=("T03",),
    ),
)
