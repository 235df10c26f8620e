"""The soak of benchmarks/soak.py: what it would find, and a run of it for as long as a suite may take."""

from collections import Counter
from dataclasses import replace

import pytest

from benchmarks import soak
from benchmarks.soak import MEMORY_SLACK, Sample, Soaked
from tests.agents.programs import PROC

pytestmark = pytest.mark.xdist_group("soak")  # a group begins before single tests: this one takes longest

SECONDS = 60.0
"""Of calls, beside a warm-up and two rests."""
BEFORE = Sample(memory=40_000, descriptors=19, threads=2, children=0, live=0, tasks=7)


@pytest.mark.parametrize("left", ["descriptors", "threads", "children", "live", "tasks"])
def test_one_of_anything_left_is_a_problem(left: str) -> None:
    """Each is opened for a call or a session, and so is gone with it."""
    after = replace(BEFORE, **{left: getattr(BEFORE, left) + 1})
    assert len(after.problems(BEFORE)) == 1
    assert left in after.problems(BEFORE)[0]


@pytest.mark.parametrize(("grown", "problems"), [(MEMORY_SLACK, 0), (MEMORY_SLACK + 1, 1)])
def test_memory_may_grow_by_its_slack_and_no_more(grown: int, problems: int) -> None:
    """The slack is for what is kept on purpose."""
    after = replace(BEFORE, memory=BEFORE.memory + grown)
    assert len(after.problems(BEFORE)) == problems


def test_a_call_that_was_answered_otherwise_and_an_end_that_never_came_are_problems() -> None:
    """A service that refuses everything holds nothing, and has not been soaked."""
    answers: Counter[tuple[str, int | None]] = Counter({("process", 200): 9, ("python", 429): 1})
    found = Soaked((BEFORE, BEFORE), answers, Counter(max_duration=1)).problems
    assert found == ["python was answered with 429, 1 times", "no session has ended as agent_exited"]


@pytest.mark.real
@pytest.mark.timeout(300)
@pytest.mark.skipif(not PROC.exists(), reason="what a process holds is read from /proc: run it on Linux")
def test_a_service_that_has_been_busy_is_as_it_was_before() -> None:
    """Memory, file descriptors, threads, children, live rows and tasks; and every call was answered as it should be."""
    soaked = soak.soak(SECONDS)
    assert soaked.problems == [], soak.report(soaked)
    assert soaked.samples[0].tasks > 0, "nobody has counted them"
