"""An agent with a voice: its models count what they hear and say, and every answer tells the counts.

Nothing in it is made for text, but the one argument of session.start. Run by test_server.py in a process of its own.
"""

from typing import Any, NoReturn

from livekit.agents import AgentServer, AgentSession, JobContext, stt, tts

from agent_helpers import read_test_context, room_options_for
from livekit_agent.agent import ReadsBack, Support


class Ears(stt.STT[Any]):
    """Speech to text that counts frames of audio."""

    def __init__(self) -> None:
        super().__init__(capabilities=stt.STTCapabilities(streaming=True, interim_results=False))
        self.frames = 0

    async def _recognize_impl(self, *_: Any, **__: Any) -> NoReturn:
        raise NotImplementedError

    def stream(self, *, conn_options: Any = None, **_: Any) -> stt.RecognizeStream:
        return _Listening(stt=self, conn_options=conn_options)


class _Listening(stt.RecognizeStream):
    async def _run(self) -> None:
        async for _ in self._input_ch:
            assert isinstance(self._stt, Ears)
            self._stt.frames += 1


class Voice(tts.TTS[Any]):
    """Text to speech that counts sentences."""

    def __init__(self) -> None:
        super().__init__(capabilities=tts.TTSCapabilities(streaming=False), sample_rate=24_000, num_channels=1)
        self.sentences = 0

    def synthesize(self, text: str, **_: Any) -> NoReturn:
        self.sentences += 1
        raise NotImplementedError


class Counts(ReadsBack):
    """Answers with what the other two did so far."""

    def __init__(self, ears: Ears, voice: Voice) -> None:
        super().__init__("")
        self.models = ears, voice

    def chat(self, **options: Any) -> Any:
        ears, voice = self.models
        self.sentence = f"Heard {ears.frames}, said {voice.sentences}."
        return super().chat(**options)


server = AgentServer(host="127.0.0.1")


@server.rtc_session(agent_name="support")
async def entrypoint(ctx: JobContext) -> None:
    """One call; the caller begins."""
    ears, voice = Ears(), Voice()
    session = AgentSession[None](stt=ears, tts=voice, llm=Counts(ears, voice), vad=None)
    await ctx.connect()
    await ctx.wait_for_participant()
    await session.start(Support(), room=ctx.room, room_options=room_options_for(read_test_context(ctx)))
    session.generate_reply()
