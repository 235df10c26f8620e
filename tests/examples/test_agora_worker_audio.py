"""What is said and heard in a call of the agent worker, in stepped time."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agora_worker.agent import Echo, new_agent
from agora_worker.audio import WholeMilliseconds
from agora_worker.channel import Joined, UserJoined
from tests.examples.calls import SESSION, call
from tests.examples.fakes import STRANGER, TESTER, Chatterbox, FakeChannel, Mute, Reciter


def test_it_says_back_what_the_tester_says() -> None:
    """Five seconds at the pace of speech come back whole and in order, and the tester's goodbye ends the call."""
    said = b""

    async def script(channel: FakeChannel) -> None:
        nonlocal said
        await channel.lets_tester_in()
        said = await channel.says(5000)
        channel.tester_leaves()

    ended = call(script)
    assert ended.error is None
    assert b"".join(ended.channel.sent) == said
    assert ended.ready == 1
    assert ended.seconds == pytest.approx(5)


def test_it_answers_nobody_but_the_tester() -> None:
    """Whoever else is in the channel is not heard, and does not keep the agent there."""

    async def script(channel: FakeChannel) -> None:
        await channel.lets_tester_in()
        channel.tell(UserJoined(STRANGER))
        await channel.says(100, STRANGER)
        channel.tester_leaves()

    ended = call(script)
    assert ended.error is None
    assert ended.channel.sent == []


def test_the_agent_hears_everything_that_the_tester_says() -> None:
    """One piece for each of the tester's, unchanged."""
    agent, said = Mute(), b""

    async def script(channel: FakeChannel) -> None:
        nonlocal said
        await channel.lets_tester_in()
        said = await channel.says(200)
        channel.tester_leaves()

    call(script, agent)
    assert b"".join(agent.heard) == said
    assert {len(piece) for piece in agent.heard} == {320}


def test_the_agent_says_nothing_before_the_tester_is_there() -> None:
    """A greeting into an empty channel is a greeting that nobody hears."""
    sent_before: list[bytes] = []

    async def script(channel: FakeChannel) -> None:
        await channel.asked.wait()
        channel.tell(Joined())
        await asyncio.sleep(30)
        sent_before.extend(channel.sent)
        channel.tell(UserJoined(TESTER))
        await asyncio.sleep(1)
        channel.tester_leaves()

    ended = call(script, Reciter([bytes(3200)]))
    assert sent_before == []
    assert ended.channel.sent == [bytes(3200)]


@given(st.lists(st.binary(max_size=700)))
def test_pieces_of_any_length_are_sent_as_whole_milliseconds_in_order(pieces: list[bytes]) -> None:
    """Nothing is lost and nothing changes places; less than a millisecond may wait at the end."""

    async def script(channel: FakeChannel) -> None:
        await channel.lets_tester_in()
        await asyncio.sleep(1)
        channel.tester_leaves()

    said = b"".join(pieces)
    ended = call(script, Reciter(pieces))
    assert ended.error is None
    assert b"".join(ended.channel.sent) == said[: len(said) - len(said) % 32]


@given(st.lists(st.binary(max_size=200)))
def test_what_is_cut_and_what_is_held_back_is_all_there_is(pieces: list[bytes]) -> None:
    """After every piece, not only after the last."""
    whole, taken, given_so_far = WholeMilliseconds(), b"", b""
    for piece in pieces:
        given_so_far += piece
        taken += whole.take(piece)
        assert taken == given_so_far[: len(given_so_far) // 32 * 32]


def test_an_agent_that_never_waits_does_not_hide_the_testers_leaving() -> None:
    """The worker looks at the channel between any two pieces."""

    async def script(channel: FakeChannel) -> None:
        await channel.lets_tester_in()
        channel.tester_leaves()

    ended = call(script, Chatterbox())
    assert ended.error is None
    assert len(ended.channel.sent) < 10


def test_an_echo_serves_until_somebody_writes_an_agent() -> None:
    """The one function to change."""
    assert isinstance(new_agent(SESSION), Echo)
