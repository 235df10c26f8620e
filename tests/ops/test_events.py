"""GET /events over a real socket: everything once, in order, and a gap where that cannot be."""

import pytest

from session_service.http.events import LISTENERS
from session_service.journal import SIZE
from tests.contract.sockets import Connection, message
from tests.ops.serving import Listener, Serving

pytestmark = pytest.mark.real


def test_what_happens_is_told_as_it_happens() -> None:
    """A refused call, too, with what the log has of it."""
    with Serving() as serving, serving.listen() as listener:
        assert serving.open(secret="x" * 30).status_code == 401
        event = listener.until("call")
        assert event["values"]["outcome"] == "unauthenticated"
        assert serving.open().status_code == 200
        assert listener.until("call")["number"] == event["number"] + 1


@pytest.mark.parametrize("how", ["header", "query"])
def test_a_listener_goes_on_where_it_was(how: str) -> None:
    """By the number of the last event that it has seen."""
    with Serving() as serving:
        with serving.listen() as first:
            serving.open()
            seen = first.until("call")["number"]
        serving.open()
        again = serving.listen(Last_Event_ID=str(seen)) if how == "header" else serving.listen(f"?after={seen}")
        with again:
            assert again.next()["number"] == seen + 1


def test_the_header_beats_the_address() -> None:
    """A browser that reconnects asks for its first address again."""
    with Serving() as serving:
        with serving.listen() as first:
            for _ in range(3):
                serving.open()
            numbers = [first.until("call")["number"] for _ in range(3)]
        with serving.listen(f"?after={numbers[0]}", Last_Event_ID=str(numbers[1])) as again:
            assert again.next()["number"] == numbers[2]


@pytest.mark.parametrize("number", ["1", "99999999999999999", "-1", "x"])
def test_a_number_of_another_process_is_a_gap(number: str) -> None:
    """Then everything that is kept follows."""
    with Serving() as serving:
        serving.open()
        with serving.listen(f"?after={number}") as listener:
            assert listener.line() == "event: gap"
            oldest = listener.next()["oldest"]
            assert listener.next()["number"] == oldest


def test_a_ring_that_has_moved_on_is_a_gap() -> None:
    """And the first event after it is the oldest that is kept."""
    with Serving() as serving:
        with serving.listen() as first:
            serving.open()
            seen = first.until("call")["number"]
        for _ in range(SIZE // 100 + 1):
            serving.flood(100)
        with serving.listen(f"?after={seen}") as again:
            assert again.line() == "event: gap"
            assert again.next()["oldest"] > seen + 1


def test_as_many_listen_as_may_and_a_place_is_free_again() -> None:
    """One more is refused and told when to come back."""
    with Serving() as serving:
        listeners = [serving.listen() for _ in range(LISTENERS)]
        refused = serving.ops.get("/events")
        assert (refused.status_code, refused.json()["error"]["code"]) == (429, "too_many_listeners")
        assert refused.headers["Retry-After"] == "5"
        for listener in listeners:
            listener.__exit__()
        serving.until(lambda: serving.connections() == 1)
        with serving.listen() as listener:
            assert listener.status == 200


def test_a_listener_that_has_asked_for_more_keeps_no_place() -> None:
    """What it asked for waits behind a stream that has no end; who went is the listener."""
    asked = message(b"GET", b"/events", secret=None, length=-1, body=b"")
    with Serving() as serving:
        for _ in range(LISTENERS + 1):
            with Connection(serving.ops_port) as listener:
                listener.send(asked * 2)
                assert listener.line().split()[1] == b"200"
            serving.until(lambda: serving.connections() == 1)


def test_a_listener_that_does_not_read_is_dropped() -> None:
    """The service goes on, and whoever reads is told everything that is kept."""
    with Serving({"SESSION_RECEIPT_TIMEOUT": "3"}) as serving:
        with Listener(serving.ops_port, "", {}, window=4096) as slow:
            assert (slow.status, serving.connections()) == (200, 2)
            serving.flood(SIZE)
            serving.until(lambda: serving.connections() == 1)
        with serving.listen() as other:
            serving.open()
            assert other.until("call")


def test_the_end_of_the_service_is_the_last_that_is_told() -> None:
    """Then the stream ends, and nobody is waited for."""
    with Serving() as serving, serving.listen() as listener:
        serving.session()
        listener.until("call")
        serving.stop()
        assert listener.until("session.ended")["values"]["reason"] == "shutdown"
        assert listener.line() == ""


def test_an_endless_answer_has_no_head() -> None:
    """It would hold a listener's place and never end."""
    with Serving() as serving:
        assert serving.ops.head("/events").status_code == 405
