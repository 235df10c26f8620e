"""What a connection took is freed when it is gone, however it went."""

import pytest

from tests.contract.conftest import RunningFactory
from tests.contract.sockets import Connection, Running, message
from tests.cycles import none_of_ours

CALL = message()
UPGRADE = message(b"POST", b"/", b"Connection: upgrade", b"Upgrade: h2c")
WAYS = {
    "answered": (CALL, 1),
    "refused": (message(secret=b"wrong"), 1),
    "two hosts": (message(b"POST", b"/", b"Host: another"), 1),
    "broken": (b"no HTTP\r\n\r\n", 1),
    "asks to upgrade": (UPGRADE, 1),
    "hangs up at once": (b"", 0),
    "hangs up in the head": (CALL[:40], 0),
    "hangs up in the body": (CALL[:-5], 0),
    "hangs up before the answer": (CALL, 0),
    "hangs up before all of several answers": (CALL * 5, 1),
}


def play(connection: Connection, sent: bytes, answers: int) -> None:
    """Say so much, hear so many answers, and go."""
    with connection:
        connection.send(sent)
        for _ in range(answers):
            connection.answer()


@pytest.fixture
def idle(running: RunningFactory) -> Running:
    """A server at which every way has been gone once."""
    server = running()
    for sent, answers in WAYS.values():
        play(server.connect(), sent, answers)
    server.until_idle()
    return server


@pytest.mark.parametrize(("sent", "answers"), WAYS.values(), ids=WAYS)
def test_nothing_of_a_connection_waits_for_the_cyclic_collector(idle: Running, sent: bytes, answers: int) -> None:
    """It looks rarely, and a service has many connections."""
    with none_of_ours():
        play(idle.connect(), sent, answers)
        idle.until_idle()
