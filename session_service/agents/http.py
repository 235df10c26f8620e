"""The launcher that asks the customer's own agent server to run the agent.

Decided here: four requests below one base URL, what each answer means, that every request is signed (`signing`), and
that a start which was given up may happen all the same: its end is asked for until it no longer can.
Chosen by SESSION_LAUNCHER=http. docs/agents.md is the same from the side of whoever writes such a server.
"""

import asyncio
import re
from collections.abc import Sequence
from urllib.parse import quote

from session_service.agents import handover
from session_service.agents.contract import RUNNING, UNKNOWN, AgentRef, AgentSpec, AgentState
from session_service.agents.outgoing import Answer, Json, Outgoing, Request, checked_url, server_name
from session_service.agents.signing import Signer
from session_service.errors import AgentRefused

PATIENCE = 8.0
"""Seconds that one `stop`, `poll` or `list` takes at most; less than the end of the process waits for agents."""

LATER_ASKS = (0.5, 1.0, 2.0, 4.0)
"""Pauses, in seconds, after which an agent's end is asked for again whose start was given up without an answer: a
server that is still at work on it may know the agent only then."""

_RUNS_ALREADY = 409
_NO_SUCH_AGENT = 404
_CANNOT_LIST = frozenset({404, 405, 501})
_NAME = re.compile(r"[A-Za-z0-9_-]{1,128}")


class HttpLauncher:
    """Starts, finds and ends agents at `base_url`, where secrets are sent: https, or this machine.

    The server names agents by the session id, so nothing of an answer is needed to find one again. It tells nothing
    when an agent ends, so there is no `on_exit` here.
    """

    name = "http"
    survives_restart = True
    project = ""

    def __init__(
        self, base_url: str, signer: Signer, *, patience: float = PATIENCE, later_asks: Sequence[float] = LATER_ASKS
    ) -> None:
        self.server = server_name(base_url)
        self._base = checked_url(base_url)
        self._signer = signer
        self._patience = patience
        self._later_asks = later_asks
        self._outgoing = Outgoing("The agent server")
        self._unanswered: set[str] = set()

    async def start(self, spec: AgentSpec, deadline: float) -> AgentRef:
        """POST what a process would be handed. 409 says that the agent of this session runs already."""
        body = handover.write(spec)
        request = Request("start", "POST", self._base, self._headers("start", spec.session_id, body), content=body)
        self._unanswered.add(spec.session_id)
        answer = await self._outgoing.send(request, deadline)
        if answer.status < 500:  # else something in between may have answered, and the server is still at work
            self._unanswered.discard(spec.session_id)
        self._judge("start", answer, passing=frozenset({_RUNS_ALREADY}))
        return AgentRef(self.name, spec.session_id)

    async def poll(self, ref: AgentRef) -> AgentState:
        """GET the agent: what the server says of it, or `unknown` where it says 404."""
        answer = await self._ask("poll", "GET", ref.name, passing=frozenset({_NO_SUCH_AGENT}))
        return UNKNOWN if answer.status == _NO_SUCH_AGENT else self._state(answer.json())

    async def stop(self, ref: AgentRef) -> None:
        """DELETE the agent. The server answers when it is gone; 404 says that it is, or that it is not there yet."""
        status = await self._end(ref.name)
        for pause in self._later_asks:
            if status != _NO_SUCH_AGENT or ref.name not in self._unanswered:
                break
            await asyncio.sleep(pause)
            status = await self._end(ref.name)
        self._unanswered.discard(ref.name)

    async def list(self, prefix: str) -> Sequence[AgentRef]:
        """GET the running agents; none where the server does not serve this."""
        request = Request("list", "GET", self._base, self._headers("list", prefix, b""), {"prefix": prefix})
        answer = await self._outgoing.send(request, self._deadline())
        self._judge("list", answer, passing=_CANNOT_LIST)
        found = [] if answer.status in _CANNOT_LIST else self._names(answer.json())
        return [AgentRef(self.name, name) for name in found if name.startswith(prefix)]

    async def aclose(self) -> None:
        """Close the connections to the server. The agents go on."""
        await self._outgoing.aclose()

    async def _end(self, name: str) -> int:
        return (await self._ask("stop", "DELETE", name, passing=frozenset({_NO_SUCH_AGENT}))).status

    async def _ask(self, verb: str, method: str, name: str, passing: frozenset[int]) -> Answer:
        url = f"{self._base}/{quote(name, safe='')}"
        request = Request(verb, method, url, self._headers(verb, name, b""))
        answer = await self._outgoing.send(request, self._deadline())
        self._judge(verb, answer, passing)
        return answer

    def _headers(self, verb: str, subject: str, body: bytes) -> dict[str, str]:
        kind = {"Content-Type": "application/json"} if body else {}
        return {**kind, **self._signer.headers(verb, subject, body)}

    def _judge(self, verb: str, answer: Answer, passing: frozenset[int]) -> None:
        """Raise for an answer that is neither 2xx nor `passing`; its text stays here, because it may quote ours."""
        status = answer.status
        if 200 <= status < 300 or status in passing:
            return
        if status == 429 or status >= 500:
            raise self._outgoing.unavailable(f"answered {status} to {verb}", answer)
        if 300 <= status < 400:
            raise AgentRefused(f"The agent server answered {status} to {verb}: correct SESSION_HTTP_URL.")
        raise AgentRefused(f"The agent server answered {status} to {verb}.")

    def _state(self, body: Json) -> AgentState:
        status, code = body.get("status"), body.get("code")
        if status == "running":
            return RUNNING
        if status == "exited" and (code is None or type(code) is int):
            return AgentState("exited", code)
        raise self._outgoing.unavailable("answered poll with what cannot be read")

    def _names(self, body: Json) -> Sequence[str]:
        agents = body.get("agents")
        if not isinstance(agents, list) or not all(isinstance(one, str) and _NAME.fullmatch(one) for one in agents):
            raise self._outgoing.unavailable("answered list with what cannot be read")
        return agents

    def _deadline(self) -> float:
        return asyncio.get_running_loop().time() + self._patience
