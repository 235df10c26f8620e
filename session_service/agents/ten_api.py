"""Four calls of a TEN agents server: start, stop, ping, list. Called by the ten launcher alone.

Decided here: what is read from an answer. As its source has it (ai_agents/server), the server sends errors as HTTP 200
with a `code` in the body, and puts the status that it meant under `data`: so the code decides, whatever the status
says, and "0" alone is success. It authenticates nobody; whoever reaches it can end every agent and get tokens.
"""

import re

import orjson

from session_service.agents.outgoing import Answer, Json, Outgoing, Request, checked_url, server_name
from session_service.errors import AgentRefused, ServiceError

DONE = "0"
FULL = "10001"
NO_SUCH_CHANNEL = "10002"
CHANNEL_EXISTS = "10003"
NOT_STARTED = "10101"
NOT_STOPPED = "10102"

_MAY_PASS = frozenset({FULL, NOT_STARTED, NOT_STOPPED})
_CODE = re.compile(r"[0-9]{1,6}")


class TenApi:
    """One server. Every call takes a deadline, an instant of the event loop's clock.

    Raises AgentUnavailable where no answer came, or none that can be read: what was asked for may be done all the same.
    """

    def __init__(self, base_url: str) -> None:
        self.server = server_name(base_url)
        self._base = checked_url(base_url)
        self._outgoing = Outgoing("The TEN server")

    async def start(self, body: Json, deadline: float) -> str:
        """Ask for a worker and return the answer's code. It may take ten seconds: the server waits for the process."""
        return self._code("start", await self._post("start", body, deadline))

    async def stop(self, name: str, channel: str, deadline: float) -> str:
        """Ask for the end of a channel's worker and return the answer's code, which comes when it has ended."""
        return self._code("stop", await self._post("stop", _about(name, channel), deadline))

    async def ping(self, name: str, channel: str, deadline: float) -> str:
        """Put off the end that a worker has after its timeout, and return the answer's code."""
        return self._code("ping", await self._post("ping", _about(name, channel), deadline))

    async def channels(self, deadline: float) -> list[str]:
        """The channels that have a worker. The server's list begins with as many nulls as it has entries."""
        answer = await self._outgoing.send(Request("list", "GET", f"{self._base}/list"), deadline)
        code = self._code("list", answer)
        workers = answer.json().get("data")
        if code != DONE:
            raise self.failure("list", code)
        if not isinstance(workers, list):
            raise self._unreadable("list")
        return [self._channel(worker) for worker in workers if worker is not None]

    def failure(self, what: str, code: str) -> ServiceError:
        """What a code other than "0" means: AgentUnavailable where another try may end otherwise."""
        if code in _MAY_PASS:
            return self._outgoing.unavailable(f"answered code {code} to {what}")
        return AgentRefused(f"The TEN server answered code {code} to {what}.")

    async def aclose(self) -> None:
        """Close the connections."""
        await self._outgoing.aclose()

    async def _post(self, what: str, body: Json, deadline: float) -> Answer:
        headers = {"Content-Type": "application/json"}
        request = Request(what, "POST", f"{self._base}/{what}", headers, content=orjson.dumps(body))
        return await self._outgoing.send(request, deadline)

    def _code(self, what: str, answer: Answer) -> str:
        """The answer's code; where something in between answered, its status is all that there is."""
        code = answer.json().get("code")
        if isinstance(code, str) and _CODE.fullmatch(code):
            return code
        if answer.status == 429 or answer.status >= 500:
            raise self._outgoing.unavailable(f"answered {answer.status} to {what}", answer)
        if answer.status >= 300:
            raise AgentRefused(f"The TEN server answered {answer.status} to {what}: correct SESSION_TEN_URL.")
        raise self._unreadable(what)

    def _channel(self, worker: object) -> str:
        channel = worker.get("channelName") if isinstance(worker, dict) else None
        if not isinstance(channel, str):
            raise self._unreadable("list")
        return channel

    def _unreadable(self, what: str) -> ServiceError:
        return self._outgoing.unavailable(f"answered {what} with what cannot be read")


def _about(name: str, channel: str) -> Json:
    return {"request_id": name, "channel_name": channel}
