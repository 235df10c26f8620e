"""Asks after agents that run elsewhere, whose end nobody tells us. Run by `lifecycle` as long as the service lives.

Decided here: how often, and what is believed. The questions of a round are spread over all of it: asked at once, those
after some thousand agents would hold up every call that comes meanwhile. A launcher that does not answer has said
nothing. That an agent is gone has to be said twice, some time apart; and that it is not known, only by a launcher that
has known one of this client's: a server that answers 404 to every question would else cut every call.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence

from session_service.agents.contract import AgentState
from session_service.sessions.live import Live, Table
from session_service.sessions.store.contract import State
from session_service.sessions.trying import is_told_to_end
from session_service.sessions.turns import Turns

ROUND = 15.0
"""Seconds between two questions after an agent: one that has ended by itself is noticed within two rounds."""
SHORTEST_PAUSE = 0.05
"""Seconds from one question to the next: beyond 300 agents a round takes longer."""
DOUBT = ROUND / 2
"""Seconds that must lie between two denials. Rounds differ in length and order as sessions come and go."""
PATIENCE = 20.0
"""Seconds after which a question counts as unanswered: longer than any launcher's own."""

_log = logging.getLogger("session_service.sessions")


class Rounds:
    """`gone` is told the session whose agent has ended, and the exit code where one is known."""

    def __init__(self, sessions: Table, gone: Callable[[str, int | None], object]) -> None:
        self._sessions = sessions
        self._gone = gone
        self._turns = Turns()
        self._doubted: dict[str, float] = {}
        self._proven: set[str] = set()
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """The first round begins when one would be over."""
        self._task = asyncio.get_running_loop().create_task(self._run(), name="rounds")

    def close(self) -> None:
        """Ask no more; a no-op where nobody has begun."""
        if self._task is not None:
            self._task.cancel()

    async def _run(self) -> None:
        await asyncio.sleep(ROUND)  # what was there before the start is asked after by `recovery`
        while True:
            await self._round([live for live in self._sessions if _is_elsewhere(live)])
            self._doubted = {name: since for name, since in self._doubted.items() if name in self._sessions}

    async def _round(self, asked: Sequence[Live]) -> None:
        """Ask after each, evenly over a round; over once each has answered, or has not in time."""
        pause = max(ROUND / max(1, len(asked)), SHORTEST_PAUSE)
        async with asyncio.TaskGroup() as questions:
            for live in asked:
                await asyncio.sleep(pause)
                questions.create_task(self._ask(live))
        if not asked:
            await asyncio.sleep(pause)

    async def _ask(self, live: Live) -> None:
        if live.row.session_id not in self._sessions:  # ended since the round began
            return
        try:
            state = await self._answer(live)
        except BaseException as error:  # launchers are not ours to trust, and whatever they raise is no answer
            if is_told_to_end(error):
                raise
            return
        if state.kind != "unknown":
            self._proven.add(live.row.client)
        if state.kind == "running":
            self._doubted.pop(live.row.session_id, None)
        elif live.row.client in self._proven:
            self._doubt(live.row.session_id, state.code)

    async def _answer(self, live: Live) -> AgentState:
        assert live.offer.launcher is not None  # noqa: S101 - `_is_elsewhere`
        async with self._turns.of(live.row.client, live.offer.launcher), asyncio.timeout(PATIENCE):
            return await live.offer.launcher.poll(live.ref())

    def _doubt(self, session_id: str, code: int | None) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._doubted.setdefault(session_id, now) >= DOUBT and session_id in self._sessions:
            _log.info("agent gone", extra={"event": "agent.found_gone", "session": session_id, "code": code})
            self._gone(session_id, code)


def _is_elsewhere(live: Live) -> bool:
    """Whether this agent's end would be told to nobody: the other launchers see their agents end."""
    launcher = live.offer.launcher
    return launcher is not None and launcher.survives_restart and live.status.state is State.RUNNING
