"""Who asks? Header only, body unread. Decides which clients a caller's secret opens.

Decided here: the secret is compared as bytes, in constant time, with every live one; a header that comes twice opens
nothing; which address a call came from; that wrong secrets are throttled per address while a right one always passes
(the platform's calls may share an address with anybody's). Called by `routes` before a request's body is read.
"""

import hashlib
import hmac
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

from session_service.errors import CallerNotAllowed, ServiceError, TooManyFailures, Unauthenticated
from session_service.sessions.model import Opened
from session_service.settings.model import Network

Scope = dict[str, Any]
ADDRESSES_KEPT = 10_000
"""Addresses whose failures are counted at once; the one that failed longest ago is forgotten first."""


@dataclass(frozen=True, slots=True)
class Key:
    """The digest of a live secret, and what it opens."""

    digest: bytes
    opens: Opened


def key(secret: bytes, opens: Opened) -> Key:
    """Digests make every comparison of one length, whatever was sent."""
    return Key(hashlib.sha256(secret).digest(), opens)


def header_values(scope: Scope, name: bytes) -> list[bytes]:
    """Every occurrence of a header, in order; ASGI names are lower case."""
    return [value for header, value in scope["headers"] if header == name]


class Throttle:
    """A token bucket per address, or whatever else is counted: `per_minute` of them, refilled evenly."""

    def __init__(
        self, per_minute: int, clock: Callable[[], float], refusal: type[ServiceError] = TooManyFailures
    ) -> None:
        self._refusal = refusal
        self._burst = float(per_minute)
        self._rate = per_minute / 60
        self._clock = clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def count(self, address: str) -> None:
        """Count one more; raises the refusal, with the seconds to wait, when the bucket is empty."""
        now = self._clock()
        left, since = self._left.pop(address, (self._burst, now))
        left = min(self._burst, left + (now - since) * self._rate)
        allowed = left >= 1
        self._left[address] = (left - 1 if allowed else left, now)
        if len(self._left) > ADDRESSES_KEPT:
            self._left.popitem(last=False)
        if not allowed:
            raise self._refusal(retry_after=int((1 - left) / self._rate) + 1)


class Callers:
    """Which address a call comes from, and whether that may call. Empty `networks` lets everybody call."""

    def __init__(self, networks: Sequence[Network], proxies: Sequence[Network]) -> None:
        self._networks = networks
        self._proxies = proxies

    def address(self, scope: Scope) -> str:
        """The caller's address; behind trusted proxies, the nearest one in X-Forwarded-For that is no such proxy.

        Raises CallerNotAllowed outside the allowed networks.
        """
        client = scope.get("client")
        found: str = client[0] if client else ""
        if self._proxies:
            found = self._behind_proxies(found, scope)
        if self._networks and not _within(found, self._networks):
            raise CallerNotAllowed
        return found

    def _behind_proxies(self, peer: str, scope: Scope) -> str:
        hops = b",".join(header_values(scope, b"x-forwarded-for")).decode("latin-1").split(",")
        nearest = peer
        for hop in reversed([hop.strip() for hop in hops if hop.strip()]):
            if not _within(nearest, self._proxies):
                break
            nearest = hop
        return nearest


class Failures:
    """Wrong credentials at the other paths, counted per address with those of the session endpoint."""

    def __init__(self, callers: Callers, throttle: Throttle) -> None:
        self._callers = callers
        self._throttle = throttle

    def count(self, scope: Scope) -> None:
        """Count one more; raises TooManyFailures."""
        self._throttle.count(self._callers.address(scope))


class Auth:
    """The gate in front of the session endpoint."""

    def __init__(self, header: str, keys: Iterable[Key], callers: Callers, throttle: Throttle) -> None:
        self._header = header.lower().encode("ascii")
        self._keys = tuple(keys)
        self._callers = callers
        self._throttle = throttle

    def opened(self, scope: Scope) -> list[Opened]:
        """The clients that the caller's secret opens: at least one.

        Raises CallerNotAllowed, Unauthenticated (missing, wrong and sent twice look the same) or TooManyFailures.
        """
        address = self._callers.address(scope)
        sent = header_values(scope, self._header)
        digest = hashlib.sha256(sent[0] if sent else b"").digest()
        found = [key.opens for key in self._keys if hmac.compare_digest(key.digest, digest)]
        if not found or len(sent) != 1:
            self._throttle.count(address)
            raise Unauthenticated
        return found


def _within(address: str, networks: Iterable[Network]) -> bool:
    try:
        parsed: IPv4Address | IPv6Address = ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped:
        parsed = parsed.ipv4_mapped
    return any(parsed in network for network in networks)
