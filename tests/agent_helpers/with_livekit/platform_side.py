"""The platform's part of a LiveKit run on a real server: make the room, dispatch the agent, join, read and write."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from livekit import api, rtc

from tests.agent_helpers.with_livekit.wire import DEADLINE, KEY, SECRET


class Caller:
    """The platform's participant in the room; what the agent writes arrives in `heard`."""

    def __init__(self) -> None:
        self.room = rtc.Room()
        self.heard: asyncio.Queue[str] = asyncio.Queue()
        self._readers: set[asyncio.Task[None]] = set()

    async def join(self, url: str, room: str) -> None:
        """Joins with a microphone: the server tells about participants without a track only every three seconds."""
        self.room.register_text_stream_handler("lk.transcription", self._hear)
        grants = api.VideoGrants(room_join=True, room=room)
        token = api.AccessToken(KEY, SECRET).with_identity("caller").with_grants(grants).to_jwt()
        await asyncio.wait_for(self.room.connect(url, token), DEADLINE)
        track = rtc.LocalAudioTrack.create_audio_track("microphone", rtc.AudioSource(16_000, 1))
        options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
        await self.room.local_participant.publish_track(track, options)

    async def hears(self) -> str:
        return await asyncio.wait_for(self.heard.get(), DEADLINE)

    async def writes(self, text: str) -> None:
        await self.room.local_participant.send_text(text, topic="lk.chat")

    def _hear(self, reader: rtc.TextStreamReader, _sender: str) -> None:
        task = asyncio.create_task(self._read(reader))
        self._readers.add(task)
        task.add_done_callback(self._readers.discard)

    async def _read(self, reader: rtc.TextStreamReader) -> None:
        self.heard.put_nowait(await reader.read_all())


@asynccontextmanager
async def call(url: str, room: str, metadata: str, config: str) -> AsyncIterator[tuple[Caller, api.LiveKitAPI]]:
    """A call to the agent `support` in a new room; the room is gone afterwards."""
    caller = Caller()
    async with api.LiveKitAPI(url, KEY, SECRET) as server:
        await server.room.create_room(api.CreateRoomRequest(name=room, metadata=config))
        await caller.join(url, room)
        dispatch = api.CreateAgentDispatchRequest(agent_name="support", room=room, metadata=metadata)
        await server.agent_dispatch.create_dispatch(dispatch)
        try:
            yield caller, server
        finally:
            await caller.room.disconnect()
            await server.room.delete_room(api.DeleteRoomRequest(room=room))
