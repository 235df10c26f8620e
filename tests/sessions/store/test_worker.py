"""The thread behind the SQLite store: steps in their order, whoever waits for them."""

import asyncio
import threading
from collections.abc import Iterator
from functools import partial

import pytest

from session_service.sessions.store.worker import Worker


@pytest.fixture
def worker() -> Iterator[Worker]:
    """A thread that is ended with the test."""
    made = Worker("test", patience=30.0)
    yield made
    made.close()


def test_steps_run_in_the_order_in_which_they_were_asked_for(worker: Worker) -> None:
    """On one thread, which is not the loop's."""
    done: list[tuple[int, int]] = []

    def step(number: int) -> None:
        done.append((number, threading.get_ident()))

    async def main() -> None:
        await asyncio.gather(*(worker.ask(partial(step, number)) for number in range(50)))

    asyncio.run(main())
    assert [number for number, _ in done] == list(range(50))
    (thread,) = {thread for _, thread in done}
    assert thread != threading.get_ident()


def test_what_a_step_raises_is_its_askers(worker: Worker) -> None:
    """And the next step runs."""

    async def main() -> int:
        with pytest.raises(ZeroDivisionError):
            await worker.ask(lambda: 1 // 0)
        return await worker.ask(lambda: 7)

    assert asyncio.run(main()) == 7


def test_a_step_whose_asker_has_gone_is_done(worker: Worker) -> None:
    """Its answer is nobody's, and no error."""
    done: list[str] = []

    async def main() -> None:
        worker.ask(lambda: done.append("first")).cancel()
        await worker.ask(lambda: done.append("second"))

    asyncio.run(main())
    assert done == ["first", "second"]


def test_a_step_that_outlasts_its_loop_hurts_nobody(worker: Worker) -> None:
    """The process ends while a slow disk is waited for; the thread goes on to the next step."""
    go_on = threading.Event()

    async def leave() -> None:
        worker.ask(go_on.wait)

    asyncio.run(leave())
    go_on.set()

    async def come_back() -> int:
        return await worker.ask(lambda: 7)

    assert asyncio.run(come_back()) == 7


def test_a_step_that_is_not_done_in_time_is_given_up_by_its_asker_alone() -> None:
    """Whether it waits for its turn or for the disk; it is done when that answers again."""
    worker, go_on, done = Worker("test", patience=0.01), threading.Event(), threading.Event()

    async def main() -> None:
        for step in (go_on.wait, done.set):
            with pytest.raises(TimeoutError):
                await worker.ask(step)

    asyncio.run(main())
    go_on.set()
    worker.close()
    assert done.is_set()
