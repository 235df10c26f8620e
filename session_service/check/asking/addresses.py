"""Which address the endpoint's name stands for: asked once a run, so that every call goes to one and the same machine.

Decided here: IPv4 before IPv6, what the internet reaches before what it does not, and what an address is called that
it does not reach. Called by the runner before the first check; T03 judges what was found.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from session_service.check.target import Endpoint

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""From a host name and a port to addresses; OSError where there are none."""

_PATIENCE = 10.0
_SHARED = ipaddress.ip_network("100.64.0.0/10")


@dataclass(frozen=True, slots=True)
class Addresses:
    """What a name resolved to, in the order of preference. `chosen` is where every connection goes; it is empty where
    there is none, and `trouble` says why."""

    every: tuple[str, ...] = ()
    chosen: str = ""
    trouble: str = ""


async def system(host: str, port: int) -> tuple[str, ...]:
    """The addresses by the machine's own resolver."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))


async def found(endpoint: Endpoint, resolve: Resolve) -> Addresses:
    """Resolve the endpoint's host. Whatever goes wrong is told in `trouble`."""
    try:
        async with asyncio.timeout(_PATIENCE):
            every = sorted(await resolve(endpoint.host, endpoint.port), key=_preference)
    except TimeoutError:
        return Addresses(trouble="the name servers did not answer in time")
    except socket.gaierror as error:
        again = error.errno == socket.EAI_AGAIN
        return Addresses(trouble="the name servers gave no answer" if again else "no name server knows it")
    except (OSError, UnicodeError):
        return Addresses(trouble="it cannot be asked for")
    return Addresses(tuple(every), await _chosen(every, endpoint.port), "" if every else "it has no address")


def kind(address: str) -> str:
    """What an address is called that the internet does not reach; empty for one that it does."""
    plain = _plain(address)
    if plain.is_loopback:
        return "loopback"
    if plain.is_link_local:
        return "link-local"
    if plain in _SHARED:
        return "shared (carrier-grade NAT)"
    if plain.is_multicast or not plain.is_global:
        return "private or reserved"
    return ""


def is_loopback(address: str) -> bool:
    """Whether what is sent there stays on this machine."""
    return bool(address) and _plain(address).is_loopback


def is_ipv4(address: str) -> bool:
    """Whether it is an IPv4 address."""
    return _plain(address).version == 4


def _plain(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    found = ipaddress.ip_address(address)
    return (found.ipv4_mapped or found) if isinstance(found, ipaddress.IPv6Address) else found


def _preference(address: str) -> tuple[bool, bool]:
    return not is_ipv4(address), bool(kind(address))


async def _chosen(every: Sequence[str], port: int) -> str:
    """The first, but for a name such as localhost, which often has two addresses and a server on one of them only."""
    if len(every) > 1 and all(map(is_loopback, every)):
        for address in every:
            with suppress(OSError):
                async with asyncio.timeout(1.0):
                    _, writer = await asyncio.open_connection(address, port)
                writer.transport.abort()
                return address
    return every[0] if every else ""
