"""What the checks of groups G and L say of several sessions, and of one that is followed."""

import asyncio
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import chain, cycle, repeat
from secrets import token_hex
from typing import Any

import pytest

from session_service.check.asking.messages import Answer, Exchange, Request, Silence
from session_service.check.catalogue import BY_ID
from session_service.check.context import Context
from session_service.check.model import CannotTell, Finding, NotApplicable, Outcome, Seen, judged
from session_service.check.target import AgentWatch
from tests.check.correct import token
from tests.check.mutants.token import old
from tests.check.one_answer import DECLARED, context, details, made


class Played(Context):
    """A run in which calls are answered from a list, and not sent."""

    answers: Iterator[Answer | Silence]

    async def once(self, request: Request) -> Exchange:
        await asyncio.sleep(0)
        answer = next(self.answers)
        return Exchange(request, answer) if isinstance(answer, Answer) else Exchange(request, silence=answer)


def played(*answers: Answer | Silence, **target: Any) -> Played:
    """A run with these answers to what comes after the first good call; the last one is given again and again."""
    like = context(details(), **target)

    async def at_once(_: float) -> None:
        await asyncio.sleep(0)

    world = replace(like.world, sleep=at_once)
    run = Played(like.target, world, like.sessions, good=like.good, minted=list(like.minted))
    run.answers = chain(answers, repeat(answers[-1])) if len(answers) < 6 else cycle(answers)
    return run


def minted(channel: str | None = None, seconds: float = 0.1, **differently: object) -> Answer:
    """Join details of a channel, a new one where none is given."""
    name = channel or f"cekura-{token_hex(16)}"
    body = details(**{"agora_channel": name, "agora_token": token(name), **differently})
    return Answer(200, DECLARED, json.dumps(body).encode(), seconds)


def status(code: int, **headers: str) -> Answer:
    """A refusal."""
    return Answer(code, tuple((name.replace("_", "-"), value) for name, value in headers.items()), b"{}", 0.1)


def findings(check: str, run: Context) -> tuple[Finding, ...]:
    """What the check finds in that run."""
    return made(check, run).findings


def test_sessions_of_their_own_are_no_finding() -> None:
    """The first call counts among them."""
    seen = made("G01", played(*(minted() for _ in range(6))))
    assert not seen.findings
    assert seen.note == "7 sessions compared"


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        (lambda: [*(minted() for _ in range(5)), status(500)], "The same call as before was answered 500."),
        (lambda: [*(minted() for _ in range(5)), status(401)], "The same call as before was answered 401."),
        (lambda: [*(minted() for _ in range(5)), Silence.NO_ANSWER], "was not answered. The connection stands"),
        (
            lambda: [*(minted() for _ in range(5)), minted("cekura-00112233445566778899aabbccddeeff")],
            "7 calls were answered with only 6",
        ),
        (lambda: [*(minted() for _ in range(3)), *[status(409)] * 3], "The same call as before was answered 409."),
        (lambda: [*(minted() for _ in range(5)), status(200)], "was answered 200 without join details"),
        (lambda: [minted("lobby")] * 6, "only 2 different channels"),
    ],
)
def test_sessions_that_are_not_apart_are_told(answers: Callable[[], list[Answer | Silence]], words: str) -> None:
    """One finding each."""
    (finding,) = findings("G01", played(*answers()))
    assert words in finding.what


def test_a_token_that_is_kept_is_told_where_it_opens_one_of_the_channels() -> None:
    """In either version. One that opens none, or all, is the first call's fault, and told there."""
    kept, wild, wrong = details()["agora_token"], token("*"), old("lobby")
    for text, number in ((kept, 1), (wild, 0), (wrong, 0), ("no token", 0)):
        run = played(*(minted(agora_token=text) for _ in range(6)))
        assert len([one for one in findings("G01", run) if "same token" in one.what]) == number


def test_who_is_told_to_wait_and_waits_for_nothing_cannot_tell() -> None:
    """And every call has ended before that is said."""
    run = played(minted(), status(429, retry_after="1"))
    with pytest.raises(CannotTell, match="come back later"):
        made("G01", run)
    assert run.sessions.started == 1


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (status(500), "Of 25 calls at once, 25 were answered 500."),
        (status(502), "answered 502."),
        (status(504), "answered 504."),
        (status(403), "answered 403."),
        (Silence.CLOSED, "25 were not answered. The connection was closed"),
        (status(429), "25 were answered 429 without Retry-After"),
        (status(503), "25 were answered 503 without Retry-After"),
        (minted(seconds=7.2), "took more than 7.2 seconds"),
    ],
)
def test_a_burst_that_breaks_is_told_once_for_each_way(answer: Answer | Silence, words: str) -> None:
    """With how many calls it was."""
    (finding,) = findings("L01", played(answer))
    assert words in finding.what


def test_a_burst_that_is_told_to_wait_passes_and_starts_what_was_answered() -> None:
    """One slow call in twenty-five is forgiven, as is one that is refused with a date."""
    later = status(429, retry_after="Sat, 21 Nov 2026 14:00:00 GMT")
    run = played(minted(seconds=9.0), *[minted()] * 11, *[later] * 13)
    seen = made("L01", run)
    assert not seen.findings
    assert seen.note == "12 answered 200, 13 told to come back later"
    assert run.sessions.started == 12


def test_one_call_of_a_burst_is_told_in_the_singular() -> None:
    """As a person would."""
    (finding,) = findings("L01", played(status(500), *[minted()] * 24))
    assert "1 was answered 500" in finding.what


class Watching:
    """Sees a session whose agent comes and goes."""

    async def watched(self, join_details: Mapping[str, Any]) -> Seen:
        """Nothing that is not as it must be."""
        assert join_details["agora_channel"] != details()["agora_channel"], "G02 follows a session of its own"
        return Seen(note="the agent came and went")


class NeverCame(Watching):
    """Sees a session without an agent."""

    async def watched(self, join_details: Mapping[str, Any]) -> Seen:
        """That."""
        return Seen((Finding("The agent did not come."),))


class Stayed(Watching):
    """Sees an agent that does not leave."""

    async def watched(self, join_details: Mapping[str, Any]) -> Seen:
        """That."""
        return Seen((Finding("The agent stayed."),))


class Blind(Watching):
    """Cannot look."""

    async def watched(self, join_details: Mapping[str, Any]) -> Seen:
        """Nothing."""
        raise CannotTell("nothing answers there")


@pytest.mark.parametrize(
    ("watch", "outcome"), [(Watching(), Outcome.PASS), (NeverCame(), Outcome.WARN), (Stayed(), Outcome.WARN)]
)
def test_what_the_watch_sees_is_the_result(watch: AgentWatch, outcome: Outcome) -> None:
    """Of one session of its own."""
    run = played(minted(), watch=watch)
    assert judged(BY_ID["G02"], made("G02", run), 0.0).outcome is outcome
    assert run.sessions.started == 1


def test_a_watch_that_cannot_look_cannot_tell() -> None:
    """So that nobody takes it for a pass."""
    with pytest.raises(CannotTell, match="nothing answers"):
        made("G02", played(minted(), watch=Blind()))


def test_a_session_that_is_refused_is_not_followed() -> None:
    """That it was refused is told instead."""
    (finding,) = findings("G02", played(status(500), watch=Blind()))
    assert "answered 500" in finding.what


def test_nobody_is_followed_where_nobody_looks() -> None:
    """Nothing is started then."""
    run = played(minted())
    with pytest.raises(NotApplicable):
        made("G02", run)
    assert run.sessions.started == 0
