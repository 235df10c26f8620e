"""How a call of the agent worker begins and ends, on a channel that allows only what Agora allows, in stepped time."""

import asyncio
import threading

import pytest

from agora_worker.agent import Echo
from agora_worker.channel import (
    Event,
    Interrupted,
    Joined,
    Refused,
    Removed,
    TokenExpired,
    TokenWillExpire,
    UserJoined,
    UserLeft,
)
from agora_worker.worker import Worker
from tests import virtual_time
from tests.examples.calls import LIMITS, SESSION, call
from tests.examples.fakes import STRANGER, TESTER, Broken, BrokenChannel, FakeChannel, FakeService


def test_silence_ends_nothing() -> None:
    """A tester that says nothing for ten minutes is a tester all the same."""

    async def script(channel: FakeChannel) -> None:
        await channel.lets_tester_in()
        await asyncio.sleep(600)
        channel.tester_leaves()

    ended = call(script)
    assert ended.error is None
    assert ended.seconds == pytest.approx(600)


def test_a_tester_that_is_only_heard_is_there() -> None:
    """Agora announces hosts alone; audio proves more than an announcement."""

    async def script(channel: FakeChannel) -> None:
        await channel.asked.wait()
        channel.tell(Joined())
        await channel.says(100)
        await asyncio.sleep(LIMITS.tester)
        channel.tester_leaves()

    assert call(script).error is None


def test_it_is_ready_when_it_is_in_the_channel_and_not_before() -> None:
    """The platform may be answered then; a join without an answer is no join."""

    async def script(channel: FakeChannel) -> None:
        await channel.asked.wait()

    ended = call(script)
    assert ended.ready == 0
    assert "did not answer the join within 10 s" in ended.sentence
    assert ended.seconds == pytest.approx(LIMITS.join)


def test_a_tester_that_left_before_we_joined_ends_the_call_unready() -> None:
    """Nobody is told that an agent waits in the channel when none does."""

    async def script(channel: FakeChannel) -> None:
        await channel.asked.wait()
        channel.tester_leaves()

    ended = call(script)
    assert (ended.error, ended.ready) == (None, 0)


def test_a_tester_that_never_comes_is_not_waited_for_longer_than_allowed() -> None:
    """The agent leaves and says so; strangers do not count."""

    async def script(channel: FakeChannel) -> None:
        await channel.asked.wait()
        channel.tell(Joined())
        channel.tell(UserJoined(STRANGER))

    ended = call(script)
    assert ended.sentence == "The tester did not come within 60 s, so the agent left."
    assert ended.seconds == pytest.approx(LIMITS.tester)


@pytest.mark.parametrize("back", ["announced", "heard"])
def test_a_lost_tester_may_come_back(back: str) -> None:
    """Within the time that it has, and the call goes on as if nothing had been."""

    async def script(channel: FakeChannel) -> None:
        await channel.lets_tester_in()
        await channel.says(100)
        channel.tester_leaves(lost=True)
        await asyncio.sleep(LIMITS.back - 1)
        if back == "announced":
            channel.tell(UserJoined(TESTER))
        await channel.says(100)
        await asyncio.sleep(LIMITS.back + 1)
        channel.tester_leaves()

    ended = call(script)
    assert ended.error is None
    assert len(b"".join(ended.channel.sent)) == 20 * 320
    assert ended.seconds == pytest.approx(2 * LIMITS.back + 0.2)


def test_a_lost_tester_that_does_not_come_back_has_left() -> None:
    """That is an end like any other: no error."""

    async def script(channel: FakeChannel) -> None:
        await channel.lets_tester_in()
        channel.tester_leaves(lost=True)

    ended = call(script)
    assert ended.error is None
    assert ended.seconds == pytest.approx(LIMITS.back)


def test_our_own_lost_connection_may_come_back() -> None:
    """However often the SDK tells of the loss, the time runs from the first; it is ready only once."""

    async def script(channel: FakeChannel) -> None:
        await channel.lets_tester_in()
        for _ in range(2):
            channel.tell(Interrupted())
            await asyncio.sleep(LIMITS.back / 2 - 1)
        channel.tell(Joined())
        await asyncio.sleep(LIMITS.back)
        channel.tester_leaves()

    ended = call(script)
    assert ended.error is None
    assert ended.ready == 1


def test_our_own_connection_that_does_not_come_back_ends_the_call() -> None:
    """With a sentence, because the tester may still be there and hear nothing."""

    async def script(channel: FakeChannel) -> None:
        await channel.lets_tester_in()
        channel.tell(Interrupted())
        await asyncio.sleep(LIMITS.back / 2)
        channel.tell(Interrupted())

    ended = call(script)
    assert "did not come back within 15 s" in ended.sentence
    assert ended.seconds == pytest.approx(LIMITS.back)


@pytest.mark.parametrize(
    ("event", "sentence"),
    [
        (Refused(101), "no such App ID (error 101)"),
        (Refused(109), "expired (error 109)"),
        (Refused(110), "not valid here (error 110)"),
        (Refused(17), "refused the join with error 17"),
        (Removed(6), "no such App ID (error 101)"),
        (Removed(8), "not valid here (error 110)"),
        (Removed(9), "expired (error 109)"),
        (Removed(3), "banned"),
        (Removed(19), "agent's uid (reason 19)"),
        (Removed(42), "for reason 42"),
    ],
)
def test_a_join_that_agora_refuses_is_explained(event: Event, sentence: str) -> None:
    """The number stands in the sentence, so that it can be looked up; the agent was never ready."""

    async def script(channel: FakeChannel) -> None:
        await channel.asked.wait()
        channel.tell(event)

    ended = call(script)
    assert sentence in ended.sentence
    assert ended.ready == 0


def test_a_token_that_will_expire_is_renewed_and_ends_nothing() -> None:
    """The service gives a fresh one, and the channel goes on with it."""

    async def script(channel: FakeChannel) -> None:
        await channel.lets_tester_in()
        channel.tell(TokenWillExpire())
        await channel.says(100)
        channel.tester_leaves()

    ended = call(script)
    assert ended.error is None
    assert len(ended.channel.sent) == 10
    assert ended.channel.tokens == ["007fresh"]


def test_the_service_hears_when_the_tester_joins_is_lost_returns_and_leaves() -> None:
    """Each change once, and the end last."""

    async def script(channel: FakeChannel) -> None:
        await channel.lets_tester_in()
        await channel.says(50)
        channel.tester_leaves(lost=True)
        await asyncio.sleep(1)
        channel.tell(UserJoined(TESTER))
        await asyncio.sleep(1)
        channel.tester_leaves()

    joined, lost, left = {"event": "joined"}, {"event": "left", "lost": True}, {"event": "left"}
    assert call(script).service.told == [joined, lost, joined, left]


def test_a_lost_tester_that_does_not_come_back_has_left_for_good() -> None:
    """Once the worker has waited for it."""

    async def script(channel: FakeChannel) -> None:
        await channel.lets_tester_in()
        await asyncio.sleep(1)
        channel.tester_leaves(lost=True)

    assert call(script).service.told[-2:] == [{"event": "left", "lost": True}, {"event": "left"}]


def test_a_call_that_fails_says_nothing_of_the_tester() -> None:
    """Not its leaving: the tester is still there."""

    async def script(channel: FakeChannel) -> None:
        await channel.lets_tester_in()
        await asyncio.sleep(1)
        channel.tell(Removed(3))

    ended = call(script)
    assert ended.error is not None
    assert ended.service.told == [{"event": "joined"}]


def test_a_token_that_has_expired_ends_the_call() -> None:
    """Agora removes its holder; the sentence says which setting is too short."""

    async def script(channel: FakeChannel) -> None:
        await channel.lets_tester_in()
        channel.tell(TokenExpired())

    assert "SESSION_TOKEN_LIFETIME" in call(script).sentence


def test_a_failing_agent_ends_the_call_with_its_own_error() -> None:
    """Its traceback is the developer's; the channel is left all the same."""

    async def script(channel: FakeChannel) -> None:
        await channel.lets_tester_in()

    assert isinstance(call(script, Broken()).error, ZeroDivisionError)


def test_a_join_that_fails_half_way_is_taken_back() -> None:
    """Whatever the library had begun is ended."""

    async def script(channel: FakeChannel) -> None:
        await channel.asked.wait()

    assert isinstance(call(script, make=BrokenChannel).error, OSError)


def test_a_stop_in_the_middle_leaves_the_channel_at_once() -> None:
    """Cancelling is what SIGTERM does."""
    channel = FakeChannel()

    async def main() -> float:
        loop = asyncio.get_running_loop()
        serving = asyncio.create_task(
            Worker(SESSION, channel, Echo(), LIMITS, lambda: None, service=FakeService()).serve()
        )
        await channel.lets_tester_in()
        await channel.says(100)
        stopped = loop.time()
        serving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await serving
        return channel.left_at - stopped

    assert virtual_time.run(main) == 0
    assert channel.calls == ["join", "leave"]


def test_news_from_another_thread_arrives_and_late_news_hurts_nobody() -> None:
    """The SDK's threads go on for a moment after the call is over."""

    async def script(channel: FakeChannel) -> None:
        await channel.asked.wait()
        for event in (Joined(), UserJoined(TESTER), UserLeft(TESTER, lost=False)):
            thread = threading.Thread(target=channel.tell, args=(event,))
            thread.start()
            thread.join()

    ended = call(script)
    assert ended.error is None
    ended.channel.tell(Joined())
