"""The last step of the process: what is still open is closed, and nothing of it can hold the end up."""

import asyncio
import logging

import pytest

from session_service.app import LETTING_GO, let_go
from tests.virtual_time import run


class Opened:
    """Something open that behaves; `closed` tells whether it was closed."""

    closed = False

    async def close(self) -> None:
        """Close."""
        self.closed = True


class Stuck(Opened):
    """Its other side never answers."""

    async def close(self) -> None:
        """Hang."""
        await asyncio.Event().wait()


class Failing(Opened):
    """Its other side has gone."""

    async def close(self) -> None:
        """Raise."""
        raise OSError("broken in the test")


@pytest.mark.parametrize(("kind", "seconds"), [(Opened, 0), (Failing, 0), (Stuck, LETTING_GO)])
def test_everything_is_closed_whatever_one_of_them_does(
    kind: type[Opened], seconds: float, caplog: pytest.LogCaptureFixture
) -> None:
    """All of them together have two seconds; what did not close is told."""
    others = [Opened(), Opened()]

    async def main() -> float:
        begun = asyncio.get_running_loop().time()
        await let_go([others[0].close, kind().close, others[1].close])
        return asyncio.get_running_loop().time() - begun

    with caplog.at_level(logging.WARNING):
        assert run(main) == pytest.approx(seconds)
    assert all(one.closed for one in others)
    assert [vars(record)["count"] for record in caplog.records] == ([] if kind is Opened else [1])
