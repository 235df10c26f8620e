"""A real JobContext, built by hand as LiveKit's job runner builds it, from livekit-agents 1.3.12 to the newest."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from livekit import rtc
from livekit.agents import JobContext
from livekit.agents.job import JobAcceptArguments, JobExecutorType, JobProcess, RunningJobInfo, _JobContextVar
from livekit.protocol import agent, models


async def unconnected_room() -> rtc.Room:
    """A room can be made only inside of a running loop."""
    return rtc.Room()


class NoInference:
    """Local inference, which no test here asks for."""

    async def do_inference(self, method: str, data: bytes) -> bytes | None:
        raise NotImplementedError(method)


@contextmanager
def real_job(
    metadata: str = "", room_metadata: str = "", attributes: dict[str, str] | None = None
) -> Iterator[JobContext]:
    """A job with this metadata, current until the block ends; its room is not connected."""
    room = models.Room(name="room-1", sid="RM_1", metadata=room_metadata)
    job = agent.Job(id="job-1", room=room, type=agent.JobType.JT_ROOM, metadata=metadata, attributes=attributes)
    info = RunningJobInfo(
        accept_arguments=JobAcceptArguments(identity="agent-1", name="", metadata=""),
        job=job,
        url="",
        token="",
        worker_id="worker-1",
        fake_job=True,
    )
    loop = asyncio.new_event_loop()
    ctx = JobContext(
        proc=JobProcess(executor_type=JobExecutorType.THREAD, user_arguments=None, http_proxy=None),
        info=info,
        room=loop.run_until_complete(unconnected_room()),
        on_connect=lambda: None,
        on_shutdown=lambda reason: None,
        inference_executor=NoInference(),
    )
    ctx._connected = True
    token = _JobContextVar.set(ctx)
    try:
        yield ctx
    finally:
        _JobContextVar.reset(token)
        ctx._tempdir.cleanup()
        loop.close()


def connect(ctx: JobContext, room_metadata: str) -> None:
    """What `ctx.connect()` does to the room's metadata."""
    ctx.room._info.metadata = room_metadata


def change_room_metadata(ctx: JobContext, metadata: str) -> None:
    """The event that the room's own dispatcher emits, with the text set before, as it does."""
    old = ctx.room.metadata
    connect(ctx, metadata)
    ctx.room.emit("room_metadata_changed", old, metadata)
