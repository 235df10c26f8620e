"""Ports for programs that have to be told theirs, and ports at which nobody listens.

Decided here: they lie below those that a system gives away by itself, which begin at 32768 in Linux and at 49152
elsewhere (RFC 6335, section 6). One of those that was let go of may be anybody's a moment later; one of these stays
nobody's, however many tests run beside this one.
"""

import secrets
import socket
from contextlib import suppress

LOWEST, HIGHEST = 10_000, 32_767


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """A port of loopback that nobody has. Any of them, whatever seed the test's own chance has."""
    while True:
        port = LOWEST + secrets.randbelow(HIGHEST + 1 - LOWEST)
        with socket.socket(socket.AF_INET, kind) as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
