"""Both stores, each in the hands of the same tests."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from session_service.sessions.model import Limits
from session_service.sessions.store.contract import Row, Store
from session_service.sessions.store.memory import MemoryStore
from session_service.sessions.store.sqlite import open_store

WIDE = Limits(1000, 1000)


def row(session_id: str, client: str = "acme", created_at: float = 100.0, ends_at: float = 200.0) -> Row:
    """A session as it is admitted."""
    return Row(session_id, client, "agora", f"cekura-{session_id}", "memory", 1, created_at, ends_at)


class Using:
    """Runs steps on one store, which is closed at the end."""

    def __init__(self, make: Callable[[], Store]) -> None:
        self._make = make

    def __call__(self, steps: Callable[[Store], Any]) -> None:
        """Run `steps` with a fresh store on a loop of its own."""

        async def main() -> None:
            store = self._make()
            try:
                await steps(store)
            finally:
                await store.close()

        asyncio.run(main())


@pytest.fixture(params=["memory", "sqlite"])
def using(request: pytest.FixtureRequest, tmp_path: Path) -> Using:
    """Each test that takes this runs over both stores."""
    if request.param == "memory":
        return Using(lambda: MemoryStore("0a1b2c3d"))
    return Using(lambda: open_store(tmp_path / "sessions.db", "0a1b2c3d"))
