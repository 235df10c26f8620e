"""A stand-in for LiveKit's server, as far as a worker needs it: registration, availability, assignment, over the wire.

It speaks the worker protocol (livekit_agent.proto) on a loopback port, so that a real worker process hands real jobs to
real job processes. It has no rooms: `ctx.connect()` would fail. Jobs report what they read to `/report`.
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any

from aiohttp import WSMsgType, web
from livekit.protocol import agent, models

ROOT = Path(__file__).parent.parent.parent.parent
KEY, SECRET = "devkey", "secret-of-the-tests-0123456789-0123"
DEADLINE = 60


def worker_environment(url: str, **more: str) -> dict[str, str]:
    """What a worker on this machine is started with: nothing of the caller's but where programs are."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": os.environ.get("HOME", str(ROOT)),
        "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'examples'}",
        "LIVEKIT_URL": url,
        "LIVEKIT_API_KEY": KEY,
        "LIVEKIT_API_SECRET": SECRET,
        "LIVEKIT_AGENTS_PRELOAD_LOCAL_INFERENCE": "0",
        **more,
    }


@asynccontextmanager
async def running_worker(module: str, environment: dict[str, str]) -> AsyncIterator[None]:
    """The AgentServer of a module in a process of its own, registered; its log goes to the test's captured output."""
    command = [sys.executable, "-m", "tests.agent_helpers.with_livekit.run_worker", module]
    process = await asyncio.create_subprocess_exec(*command, env=environment, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    try:
        assert await asyncio.wait_for(process.stdout.readline(), DEADLINE) == b"registered\n"
        yield
    finally:
        process.terminate()
        await asyncio.wait_for(process.communicate(), DEADLINE)


class Dispatcher:
    """One worker's other end."""

    def __init__(self) -> None:
        self.reports: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.registered: asyncio.Future[web.WebSocketResponse] = asyncio.get_running_loop().create_future()
        self.url = ""
        self._jobs: dict[str, agent.Job] = {}
        self._numbers = count(1)

    async def dispatch(self, metadata: str, room_metadata: str = "", attributes: dict[str, str] | None = None) -> Any:
        """Offers a job and returns what it reports."""
        socket = await asyncio.wait_for(asyncio.shield(self.registered), DEADLINE)
        name = f"job-{next(self._numbers)}"
        room = models.Room(name=name, sid=f"RM_{name}", metadata=room_metadata)
        job = agent.Job(id=name, room=room, type=agent.JobType.JT_ROOM, metadata=metadata, attributes=attributes)
        self._jobs[name] = job
        await self._send(socket, availability=agent.AvailabilityRequest(job=job))
        return await asyncio.wait_for(self.reports.get(), DEADLINE)

    async def serve_worker(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            if message.type is WSMsgType.BINARY:
                await self._answer(socket, agent.WorkerMessage.FromString(message.data))
        return socket

    async def serve_report(self, request: web.Request) -> web.Response:
        self.reports.put_nowait(await request.json())
        return web.Response()

    async def _answer(self, socket: web.WebSocketResponse, message: agent.WorkerMessage) -> None:
        if message.HasField("register"):
            await self._send(socket, register=agent.RegisterWorkerResponse(worker_id="AW_1"))
            self.registered.set_result(socket)
        elif message.HasField("availability"):
            job = self._jobs[message.availability.job_id]
            await self._send(socket, assignment=agent.JobAssignment(job=job, url=self.url, token="no-token"))

    async def _send(self, socket: web.WebSocketResponse, **message: Any) -> None:
        await socket.send_bytes(agent.ServerMessage(**message).SerializeToString())


@asynccontextmanager
async def dispatcher() -> AsyncIterator[Dispatcher]:
    """The stand-in on a free loopback port."""
    it = Dispatcher()
    app = web.Application()
    app.add_routes([web.get("/agent", it.serve_worker), web.post("/report", it.serve_report)])
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0]
    it.url = f"ws://{host}:{port}"
    try:
        yield it
    finally:
        await runner.cleanup()
