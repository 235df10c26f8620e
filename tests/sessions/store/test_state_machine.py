"""Both stores against a plain model: whatever the order of events, the limits hold and the records agree."""

import asyncio
import tempfile
from collections.abc import Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from session_service.sessions.model import Limits, Reason
from session_service.sessions.store.contract import Full, Record, State, Status, Store
from session_service.sessions.store.memory import MemoryStore
from session_service.sessions.store.sqlite import open_store
from tests.sessions.store.conftest import row

T = TypeVar("T")
DEPLOYMENT, CLIENT = Limits(4, 2), Limits(3, 2)


class Stores(RuleBasedStateMachine):
    """The same steps on memory, on a file, and on the model."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.Runner()
        self.folder = tempfile.TemporaryDirectory()
        self.stores: tuple[Store, Store] = (MemoryStore("0a1b2c3d"), self.opened())
        self.model: dict[str, Record] = {}
        self.number = 0

    def teardown(self) -> None:
        """Close what was opened."""
        for store in self.stores:
            self.do(store.close())
        self.loop.close()
        self.folder.cleanup()

    def do(self, step: Coroutine[Any, Any, T]) -> T:
        """Run one step of one store."""
        return self.loop.run(step)

    def live(self, *clients: str) -> list[Record]:
        """The model's sessions that take a slot."""
        found = [record for record in self.model.values() if record.status.state is not State.ENDED]
        return [record for record in found if not clients or record.row.client in clients]

    @rule(client=st.sampled_from("ab"))
    def admit(self, client: str) -> None:
        """Admitted exactly when the model has room, by both."""
        self.number += 1
        new = row(f"{self.number:04}", client, created_at=float(self.number), ends_at=1000.0 + self.number)
        fits = all(
            len(found) < limits.sessions and sum(one.status.state is State.STARTING for one in found) < limits.starts
            for found, limits in ((self.live(), DEPLOYMENT), (self.live(client), CLIENT))
        )
        answers = [self.do(store.admit(new, DEPLOYMENT, CLIENT)) for store in self.stores]
        assert answers[0] == answers[1]
        assert (answers[0] is None) == fits
        assert fits or isinstance(answers[0], Full)
        if fits:
            self.model[new.session_id] = Record(new, Status())

    @precondition(lambda self: self.model)
    @rule(data=st.data(), step=st.sampled_from(["accepted", "joined", "left", "ending", "ended"]))
    def go_on(self, data: st.DataObject, step: str) -> None:
        """Any news of any session, late news of an ended one included."""
        session_id = data.draw(st.sampled_from(sorted(self.model)))
        for store in self.stores:
            self.do(_tell(store, step, session_id))
        self.model[session_id] = _after(self.model[session_id], step)

    @rule()
    def restart(self) -> None:
        """The file is closed and opened again: who takes a slot, and who is being started, is counted anew."""
        memory, file = self.stores
        self.do(file.close())
        self.stores = (memory, self.opened())

    def opened(self) -> Store:
        """The file's store."""
        return open_store(Path(self.folder.name) / "sessions.db", "0a1b2c3d")

    @invariant()
    def the_records_agree(self) -> None:
        """Each store knows what the model knows."""
        for store in self.stores:
            assert list(self.do(store.live())) == self.live()
            for session_id, record in self.model.items():
                assert self.do(store.get(session_id)) == record


async def _tell(store: Store, step: str, session_id: str) -> None:
    if step == "accepted":
        await store.accepted(session_id, '{"pid": 1}')
    elif step == "joined":
        await store.joined(session_id, 10.0)
    elif step == "left":
        await store.left(session_id, 20.0)
    elif step == "ending":
        await store.ending(session_id, Reason.OPERATOR)
    else:
        await store.ended(session_id, Reason.LOST, 30.0, 3)


def _after(record: Record, step: str) -> Record:
    status = record.status
    if status.state is State.ENDED:
        return record
    if step == "accepted" and status.state is State.STARTING:
        status = replace(status, state=State.RUNNING, ref='{"pid": 1}')
    elif step == "joined":
        status = replace(status, joined_at=10.0, left_at=None)
    elif step == "left":
        status = replace(status, left_at=20.0)
    elif step == "ending" and status.state is not State.ENDING:
        status = replace(status, state=State.ENDING, reason=Reason.OPERATOR)
    elif step == "ended":
        status = replace(status, state=State.ENDED, reason=status.reason or Reason.LOST, exit_code=3, ended_at=30.0)
    return replace(record, status=status)


TestStores = Stores.TestCase
TestStores.settings = settings(max_examples=30, stateful_step_count=30)
