"""How a call to Agora's Conversational AI Engine says who makes it.

Decided here: the two ways that Agora documents (REST authentication), and what its own token is made out for. `app`
chooses one per client; `convoai_api` asks for a header with each request.
"""

from base64 import b64encode
from collections.abc import Callable

from session_service.agora import identifiers, tokens
from session_service.agora.identifiers import Project
from session_service.agora.token_services import KINDS, RTC, Service

Authorization = Callable[[str, str], str]
"""(channel, uid) → the value of the Authorization header for a call about that channel and that agent."""

TOKEN_LIFETIME = 600
"""Seconds. A token serves one request; the rest is for clocks that differ. Agora honours 86400 at most."""
_RTM = KINDS[2]
_SALT_BYTES = 8


def basic(customer_id: str, customer_secret: str) -> Authorization:
    """HTTP Basic (RFC 7617) with the customer id and secret of Agora's console, which open the whole account."""
    credentials = "Basic " + b64encode(f"{customer_id}:{customer_secret}".encode()).decode()
    return lambda channel, uid: credentials


def agora_token(project: Project, clock: Callable[[], float], entropy: Callable[[int], bytes]) -> Authorization:
    """`agora token=`: a fresh token of version 007 with RTC and RTM, good for one channel and uid of this project.

    `clock` is Unix time in seconds, `entropy` random bytes.
    """

    def header(channel: str, uid: str) -> str:
        rtc = dict.fromkeys(range(1, len(RTC.privileges) + 1), TOKEN_LIFETIME)
        token = tokens.mint(
            project,
            (
                Service(RTC, rtc, {"channel": channel, "uid": uid}),
                Service(_RTM, {1: TOKEN_LIFETIME}, {"user_id": uid}),
            ),
            issued_at=int(clock()),
            lifetime=TOKEN_LIFETIME,
            salt=1 + int.from_bytes(entropy(_SALT_BYTES), "little") % identifiers.MAX_SALT,
        )
        return f"agora token={token}"

    return header
