"""Four calls of Agora's Conversational AI Engine v2: join, leave, query, list. Called by the convoai launcher alone.

Decided here: paths, parameters and what is read from each answer, as Agora's REST reference has them. What another
uid or channel would open is never asked for: each call is authorised for the channel that it is about.
"""

import re
from dataclasses import dataclass

from session_service.agents.convoai_auth import Authorization
from session_service.agents.convoai_http import Http, Request
from session_service.agents.outgoing import RETRY_AFTER, Json
from session_service.errors import AgentUnavailable

ENDED = {"STOPPED": 0, "FAILED": 1}
"""The statuses of an agent that is gone, as exit codes. In every other one it runs, or is about to stop."""

_LIVING = "0,1,2,3"
"""IDLE, STARTING, RUNNING, STOPPING: the states of living agents that the list's page has. RECOVERING (5) it lacks."""

_AGENT_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")
_NOBODY = "0"
_NO_CHANNEL = "stop"
"""Agora's SDK signs for this uid and this channel where it knows an agent by its id alone."""


@dataclass(frozen=True, slots=True)
class Task:
    """An agent as Agora knows it. `name` is empty where the answer leaves it out."""

    status: str
    name: str


class ConvoAiApi:
    """The API of one Agora project.

    Every call takes a deadline, an instant of the event loop's clock, and raises AgentRefused or AgentUnavailable as
    `Http.send` does; an answer that cannot be read is AgentUnavailable.
    """

    def __init__(self, http: Http, app_id: str, authorize: Authorization) -> None:
        self.app_id = app_id
        self.server = http.server
        self._http = http
        self._root = f"/v2/projects/{app_id}"
        self._authorize = authorize

    async def join(self, body: Json, channel: str, uid: str, deadline: float) -> str | None:
        """Start an agent and return its id; None where an agent of that name runs already (409, TaskConflict)."""
        request = Request("join", "POST", f"{self._root}/join", self._authorize(channel, uid), body=body)
        answer = await self._http.send(request, deadline, passing=409)
        return None if answer.status == 409 else _agent_id(answer.body.get("agent_id"), "join")

    async def leave(self, agent_id: str, channel: str, deadline: float) -> bool:
        """Ask for an agent's end, which comes later (since v2.3). False where there is no such agent any more."""
        path = f"{self._root}/agents/{agent_id}/leave"
        request = Request("leave", "POST", path, self._authorize(channel or _NO_CHANNEL, _NOBODY))
        return (await self._http.send(request, deadline, passing=404)).status != 404

    async def query(self, agent_id: str, channel: str, deadline: float) -> Task | None:
        """An agent's status and name; None where there is no such agent any more."""
        path = f"{self._root}/agents/{agent_id}"
        request = Request("query", "GET", path, self._authorize(channel or _NO_CHANNEL, _NOBODY))
        answer = await self._http.send(request, deadline, passing=404)
        return None if answer.status == 404 else _task(answer.body)

    async def living(self, channel: str, since: int, deadline: float) -> list[str]:
        """The ids of the agents that have not ended and were started at `since` (Unix seconds) or later.

        Those of `channel`, or of the whole project where it is empty.
        """
        query = {"state": _LIVING, "from_time": str(since)} | ({"channel": channel} if channel else {})
        found: list[str] = []
        while True:
            authorization = self._authorize(channel or _NO_CHANNEL, _NOBODY)
            request = Request("list", "GET", f"{self._root}/agents", authorization, query)
            ids, cursor = _page((await self._http.send(request, deadline)).body)
            found += ids
            if not ids or not cursor:
                return found
            query = query | {"cursor": cursor}

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()


def _agent_id(value: object, what: str) -> str:
    """The id, if it can stand in a path."""
    if isinstance(value, str) and _AGENT_ID.fullmatch(value):
        return value
    raise _unreadable(what)


def _task(body: Json) -> Task:
    status, name = body.get("status"), body.get("name")
    if not isinstance(status, str):
        raise _unreadable("query")
    return Task(status, name if isinstance(name, str) else "")


def _page(body: Json) -> tuple[list[str], str]:
    """The ids of one page, and the cursor of the next one or nothing."""
    data, meta = body.get("data"), body.get("meta")
    agents = data.get("list") if isinstance(data, dict) else None
    if not isinstance(agents, list):
        raise _unreadable("list")
    cursor = meta.get("cursor") if isinstance(meta, dict) else None
    ids = [_agent_id(agent.get("agent_id") if isinstance(agent, dict) else None, "list") for agent in agents]
    return ids, cursor if isinstance(cursor, str) else ""


def _unreadable(what: str) -> AgentUnavailable:
    return AgentUnavailable(f"Agora's answer to {what} cannot be read.", retry_after=RETRY_AFTER)
