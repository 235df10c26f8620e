"""An agent's output in the log: lines, their length, their number, and what may not be in them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from session_service.agents.output import (
    BURST,
    CUT,
    LINES_PER_SECOND,
    LONGEST_LINE,
    Allowance,
    Output,
    printable,
)
from tests.agents.conftest import Events
from tests.agents.specs import SESSION, agent_spec


class SteppedClock:
    """Stands still until the test moves it."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> SteppedClock:
    """The clock of the output under test."""
    return SteppedClock()


@pytest.fixture
def output(clock: SteppedClock, events: Events) -> Output:
    """The output of one agent."""
    return Output(agent_spec(), clock)


def test_each_line_is_one_event_of_its_session(output: Output, events: Events) -> None:
    """Under one name, with the session's id."""
    output.hear(b"first\nsecond\r\n\nlast")
    output.close()
    assert events.lines == ["first", "second", "last"]
    assert {record["session"] for record in events.of("agent.output")} == {SESSION}


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_lines_do_not_depend_on_the_reads(output: Output, events: Events, size: int) -> None:
    """A pipe cuts anywhere, also within a character."""
    data = "one\nzwölf\n\N{SNOWMAN}\nend".encode()
    for start in range(0, len(data), size):
        output.hear(data[start : start + size])
    output.close()
    assert events.lines == ["one", "zwölf", "\N{SNOWMAN}", "end"]


def test_control_characters_are_escaped(output: Output, events: Events) -> None:
    """No line of the log can be forged, and no terminal be steered."""
    output.hear("\x1b[2Jred\x1b[0m\r50%\ta\u2028b\u202ec\x85\0\n".encode() + b"\xff\n")
    assert events.lines == ["\\x1b[2Jred\\x1b[0m\\r50%\\ta\\u2028b\\u202ec\\x85\\x00", "\N{REPLACEMENT CHARACTER}"]


@given(st.text())
def test_nothing_unprintable_is_shown(text: str) -> None:
    """Whatever was printed."""
    assert printable(text).isprintable()


def test_a_long_line_is_cut(output: Output, events: Events) -> None:
    """At two thousand characters, its mark included; the next line is whole again."""
    output.hear(b"a" * LONGEST_LINE + b"\n" + b"b" * (LONGEST_LINE + 1) + b"\nnext\n")
    assert [len(line) for line in events.lines] == [LONGEST_LINE, LONGEST_LINE, 4]
    assert [line.endswith(CUT) for line in events.lines] == [False, True, False]


def test_a_line_without_end_takes_no_memory(output: Output, events: Events) -> None:
    """What would not be shown is not kept."""
    for _ in range(100):
        output.hear(b"c" * 65536)
    assert len(output._unfinished) < 10_000
    output.close()
    assert [len(line) for line in events.lines] == [LONGEST_LINE]


def test_more_lines_than_allowed_are_counted_and_told(output: Output, clock: SteppedClock, events: Events) -> None:
    """The burst is shown; one line tells how many were dropped, as soon as lines are shown again."""
    output.hear(b"line\n" * (BURST + 300))
    assert (len(events.lines), events.of("agent.output_dropped")) == (BURST, [])
    clock.now += 1
    output.hear(b"line\n" * 100)
    output.close()
    assert len(events.lines) == BURST + LINES_PER_SECOND
    assert [record["dropped"] for record in events.of("agent.output_dropped")] == [300, 50]


def test_a_flood_is_told_of_once_a_second(output: Output, clock: SteppedClock, events: Events) -> None:
    """And not between any two lines."""
    for _ in range(100):
        clock.now += 0.1
        output.hear(b"line\n" * 1000)
    assert len(events.of("agent.output_dropped")) <= 10


@given(st.lists(st.floats(0, 5), max_size=300))
def test_an_allowance_never_gives_more_than_its_rate(pauses: list[float]) -> None:
    """Over any time, burst and rate bound it."""
    clock = SteppedClock()
    allowance = Allowance(10, 20, clock)
    given_out = 0
    for pause in pauses:
        clock.now += pause
        given_out += allowance.take()
    assert given_out <= 20 + 10 * sum(pauses) + 1e-6


@pytest.mark.parametrize("place", [0, 1960, 1990, 2000, 7900, 7980])
def test_a_secret_stays_out_wherever_a_line_is_cut(output: Output, events: Events, place: int) -> None:
    """At the end of what is shown, and at the end of what is kept."""
    token = agent_spec().agora.token
    for start in range(0, 12_000, 700):
        output.hear((" " * place + token * 60)[start : start + 700].encode())
    output.close()
    assert not [start for start in range(len(token) - 8) if token[start : start + 8] in events.all_text()]


def test_a_secret_that_is_told_between_two_lines_stays_out_of_the_second(output: Output, events: Events) -> None:
    """An agent may print the fresh token that it was given, and those that it had."""
    old, fresh = agent_spec().agora.token, agent_spec("another session").agora.token
    output.hear(b"joined\n")
    output.hide(fresh)
    output.hear(f"{old}\n{fresh}\n".encode())
    assert events.lines[0] == "joined"
    shown = events.all_text()
    assert not [token for token in (old, fresh) for start in range(len(token) - 8) if token[start : start + 8] in shown]


def test_a_secret_of_many_lines_stays_out(output: Output, events: Events) -> None:
    """A token that is printed wrapped is as good as whole."""
    token = agent_spec().agora.token
    for start in range(0, len(token), 60):
        output.hear(token[start : start + 60].encode() + b"\n")
    assert not [start for start in range(len(token) - 8) if token[start : start + 8] in events.all_text()]
