"""A stand-in for Agora's Conversational AI Engine v2: join, leave, query and list of one project.

It keeps agents, a stepped clock, and every call that it got; it enforces what Agora documents and refuses the rest,
with error texts that quote their cause, so that whoever logs them is found out. `faults` holds what it plays next.
"""

import time
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.standins.convoai_rules import Account, Caller, Refused, check_join
from tests.standins.faults import Fault
from tests.standins.playing import Arrivals

ROOT = "/api/conversational-ai-agent"
QUOTA = 20
LONGEST_LIFE = 72 * 3600
STATES = {"IDLE": 0, "STARTING": 1, "RUNNING": 2, "STOPPING": 3, "STOPPED": 4, "RECOVERING": 5, "FAILED": 6}
ENDED = ("STOPPED", "FAILED")
_LISTABLE = {str(number) for name, number in STATES.items() if name != "RECOVERING"}
PAGE = 20


@dataclass
class Task:
    """One agent. Times are Unix seconds; `stopping` counts the queries after which an asked-for end has come."""

    agent_id: str
    body: dict[str, Any]
    start_ts: float
    status: str = "RUNNING"
    stopping: int = 0
    tester_left: float | None = None

    @property
    def name(self) -> str:
        """The name that it was started under."""
        return str(self.body["name"])

    @property
    def channel(self) -> str:
        """Where it is."""
        return str(self.body["properties"]["channel"])

    @property
    def uid(self) -> str:
        """Who it is there."""
        return str(self.body["properties"]["agent_rtc_uid"])

    @property
    def alive(self) -> bool:
        """Whether it is billed."""
        return self.status not in ENDED

    def settle(self, now: float) -> None:
        """End by the clock: idle since the tester left, or older than any agent may get."""
        idle = self.body["properties"].get("idle_timeout", 30)
        if self.alive and idle and self.tester_left is not None and now >= self.tester_left + idle:
            self.status = "STOPPED"
        if self.alive and now >= self.start_ts + LONGEST_LIFE:
            self.status = "STOPPED"


@dataclass
class ConvoAi:
    """The API of `account`'s project. An end that is asked for takes `stop_takes` queries to come.

    As many agents run at once as the `quota` allows, which Agora raises for those who ask.
    """

    account: Account
    now: float = field(default_factory=time.time)
    stop_takes: int = 2
    quota: int = QUOTA
    names_told: bool = True
    tasks: dict[str, Task] = field(default_factory=dict)
    calls: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    arrived: Arrivals = field(default_factory=Arrivals)
    faults: defaultdict[str, deque[Fault]] = field(default_factory=lambda: defaultdict(deque))

    def app(self) -> Starlette:
        """The API as an application."""
        project = f"{ROOT}/v2/projects/{self.account.project.app_id}"
        return Starlette(
            routes=[
                Route(f"{project}/join", self._route("join", self._join), methods=["POST"]),
                Route(f"{project}/agents", self._route("list", self._list), methods=["GET"]),
                Route(f"{project}/agents/{{id}}", self._route("query", self._query), methods=["GET"]),
                Route(f"{project}/agents/{{id}}/leave", self._route("leave", self._leave), methods=["POST"]),
            ]
        )

    def plays(self, call: str, *faults: Fault) -> None:
        """Play these, one for each of the next requests of that kind: join, leave, query or list."""
        self.faults[call].extend(faults)

    def named(self, name: str) -> list[Task]:
        """Every agent of that name, ended or not."""
        return [task for task in self.tasks.values() if task.name == name]

    @property
    def alive(self) -> list[Task]:
        """The agents that are billed."""
        for task in self.tasks.values():
            task.settle(self.now)
        return [task for task in self.tasks.values() if task.alive]

    def made(self, call: str) -> int:
        """How many requests of that kind there were."""
        return [name for name, _ in self.calls].count(call)

    def _route(
        self, call: str, handle: Callable[[Request, Caller], Awaitable[object]]
    ) -> Callable[[Request], Awaitable[Response]]:
        async def act(request: Request) -> Response:
            try:
                caller = self.account.authenticate(request.headers.get("Authorization", ""), self.now)
                return _json(200, await handle(request, caller))
            except Refused as refused:
                self.refused.append(refused)
                return _json(refused.status, refused.body)

        async def endpoint(request: Request) -> Response:
            await request.body()
            self.calls.append((call, dict(request.query_params)))
            self.arrived[call].set()
            faults = self.faults[call]
            return await (faults.popleft()(lambda: act(request)) if faults else act(request))

        return endpoint

    async def _join(self, request: Request, caller: Caller) -> object:
        if request.headers.get("Content-Type") != "application/json":
            raise Refused(400, "InvalidRequestBody", "The body must be JSON.")
        body = orjson.loads(await request.body())
        check_join(body, self.account.project)
        caller.may((body["properties"]["channel"], body["properties"]["agent_rtc_uid"]))
        alive = self.alive
        for task in alive:
            if task.name == body["name"]:
                running = {"agent_id": task.agent_id, "create_ts": int(task.start_ts), "status": task.status}
                raise Refused(409, "TaskConflict", "The name is taken.", running)
        if len(alive) >= self.quota:
            raise Refused(429, "ConcurrencyLimitExceeded", "Too many agents run.")
        task = Task(f"A42AC{len(self.tasks):04d}", body, self.now)
        self.tasks[task.agent_id] = task
        return {"agent_id": task.agent_id, "create_ts": int(task.start_ts), "status": task.status}

    async def _query(self, request: Request, caller: Caller) -> object:
        task = self._task(request, caller)
        answer = {
            "message": f"agent of {task.channel}",
            "start_ts": int(task.start_ts),
            "status": task.status,
            "agent_id": task.agent_id,
        }
        if task.status == "STOPPING":
            task.stopping -= 1
            task.status = "STOPPING" if task.stopping > 0 else "STOPPED"
        return answer | ({"name": task.name} if self.names_told else {})

    async def _leave(self, request: Request, caller: Caller) -> object:
        task = self._task(request, caller)
        if not task.alive:
            raise Refused(404, "TaskNotFound", "The agent has exited.")
        if task.status != "STOPPING":
            task.status, task.stopping = "STOPPING", self.stop_takes
        return {}

    async def _list(self, request: Request, caller: Caller) -> object:
        query = dict(request.query_params)
        if query.keys() - {"channel", "from_time", "to_time", "state", "limit", "cursor"}:
            raise Refused(400, "InvalidFieldValue", "There are parameters that nobody documented.")
        if "channel" in query:
            caller.may(*((query["channel"], uid) for uid in ("0", *(task.uid for task in self.tasks.values()))))
        found = self._matching(query)
        ids = [task.agent_id for task in found]
        cursor = query.get("cursor", "")
        if cursor and cursor not in ids:
            raise Refused(400, "InvalidFieldValue", "The cursor is of no page.")
        first = ids.index(cursor) if cursor else 0
        end = first + int(query.get("limit", PAGE))
        page = [{"agent_id": t.agent_id, "start_ts": int(t.start_ts), "status": t.status} for t in found[first:end]]
        meta = {"cursor": ids[end] if end < len(ids) else "", "total": len(ids)}
        return {"data": {"count": len(page), "list": page}, "meta": meta, "status": "ok"}

    def _matching(self, query: dict[str, str]) -> list[Task]:
        states = set(query.get("state", "2").split(","))
        if not states <= _LISTABLE:
            raise Refused(400, "InvalidFieldValue", "There is no such state.")
        begin, end = float(query.get("from_time", self.now - 7200)), float(query.get("to_time", self.now))
        return [
            task
            for task in self.tasks.values()
            if str(STATES[task.status]) in states
            and begin <= task.start_ts <= end
            and query.get("channel", task.channel) == task.channel
        ]

    def _task(self, request: Request, caller: Caller) -> Task:
        task = self.tasks.get(request.path_params["id"])
        if task is None:
            raise Refused(404, "TaskNotFound", "There is no such agent.")
        caller.may((task.channel, task.uid), (task.channel, "0"), ("stop", "0"))
        task.settle(self.now)
        return task


def _json(status: int, body: object) -> Response:
    return Response(orjson.dumps(body), status, media_type="application/json")
