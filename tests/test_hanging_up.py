"""Callers that hang up over raw sockets, after any byte of a call to the real service: no agent is left, no slot."""

import socket
import struct
from pathlib import Path

import pytest

from tests.test_restart import BODY, HEADERS, NEVER_READY, STAYS, agents, serving, states, until_read
from tests.waiting import eventually

pytestmark = pytest.mark.real

CALL = HEADERS.encode() + BODY
RESET = struct.pack("ii", 1, 0)
"""SO_LINGER without a time: the connection is not ended but reset."""


def hang_up(port: int, sent: bytes, *, reset: bool) -> None:
    """Say so much, and go."""
    with socket.create_connection(("127.0.0.1", port)) as caller:
        if reset:
            caller.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        caller.sendall(sent)


@pytest.mark.parametrize("reset", [False, True], ids=["ends", "resets"])
def test_a_caller_that_hangs_up_after_any_byte_leaves_nothing(tmp_path: Path, reset: bool) -> None:
    """Also after the last, with an agent that is accepted as soon as it is spawned; then the one place is free."""
    with serving(tmp_path, STAYS, SESSION_PROCESS_READY="spawn") as served:
        for size in (*range(1, len(CALL), 7), len(CALL), len(CALL)):
            hang_up(served.port, CALL[:size], reset=reset)
        until_read(served)
        eventually(lambda: not states(tmp_path) and not agents(tmp_path))
        assert served.call().status_code == 200


@pytest.mark.parametrize("at_once", [False, True], ids=["later", "at-once"])
def test_a_caller_that_has_asked_for_more_is_missed_as_well(tmp_path: Path, at_once: bool) -> None:
    """Its agent is stopped when it hangs up, and not when its start is over: what waits behind holds nothing up."""
    with serving(tmp_path, NEVER_READY) as served:
        with socket.create_connection(("127.0.0.1", served.port)) as caller:
            caller.sendall(CALL * 2 if at_once else CALL)
            eventually(lambda: agents(tmp_path))
            caller.sendall(b"" if at_once else CALL)
            until_read(served)
        assert served.until("session.ended")["reason"] == "caller_gone"
        assert (agents(tmp_path), states(tmp_path)) == ([], [])
