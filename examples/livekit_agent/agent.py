"""A LiveKit agent that knows when it is being tested. README.md says how to run it.

What the test is goes into the session's userdata once; the rest of the agent reads it there and stays as it was.
"""

import os
from dataclasses import dataclass
from typing import Any

from livekit.agents import Agent, AgentServer, AgentSession, JobContext, RunContext, cli, function_tool, llm
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS, APIConnectOptions
from livekit.agents.voice.room_io import RoomOptions

from agent_helpers import TestContext, label_session, read_test_context, room_options_for, track_if_test


@dataclass(frozen=True)
class Profile:
    """What our test profiles may hold: the platform's variables for the agent, by name and type."""

    user_name: str
    account_id: str | None = None


@dataclass(frozen=True)
class CallData:
    """What the tools of this agent know about the call."""

    test: TestContext[Profile] | None

    @property
    def user_name(self) -> str:
        """Who calls: in a test the profile's caller, otherwise somebody whom we do not know yet."""
        return self.test.profile.user_name if self.test and self.test.profile else "there"


class Support(Agent):
    """The agent under test; nothing in it knows about tests."""

    def __init__(self) -> None:
        super().__init__(instructions="You help callers of a telephone company.")

    @function_tool
    async def balance(self, context: RunContext[CallData]) -> str:
        """Looks up the caller's balance."""
        return f"The balance of {context.userdata.user_name} is 12 euros."


class ReadsBack(llm.LLM[Any]):
    """Stands in for a language model, so that the example needs no key: answers every turn with one sentence."""

    def __init__(self, sentence: str) -> None:
        super().__init__()
        self.sentence = sentence

    def chat(
        self,
        *,
        chat_ctx: llm.ChatContext,
        tools: list[Any] | None = None,
        conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS,
        **_: Any,
    ) -> llm.LLMStream:
        return _Sentence(self, chat_ctx, tools or [], conn_options)


class _Sentence(llm.LLMStream):
    def __init__(self, model: ReadsBack, chat_ctx: llm.ChatContext, tools: list[Any], conn: APIConnectOptions) -> None:
        self._sentence = model.sentence
        super().__init__(model, chat_ctx=chat_ctx, tools=tools, conn_options=conn)

    async def _run(self) -> None:
        delta = llm.ChoiceDelta(role="assistant", content=self._sentence)
        self._event_ch.send_nowait(llm.ChatChunk(id="1", delta=delta))


def what_was_read(test: TestContext[Profile] | None) -> str:
    """One line about the test, for whoever watches this example."""
    if test is None:
        return "An ordinary call."
    return f"Scenario {test.scenario_id}, run {test.run_id}, {test.profile}, {test.config}."


server = AgentServer(host="127.0.0.1")


@server.rtc_session(agent_name="support")
async def entrypoint(ctx: JobContext) -> None:
    """One call, from the dispatch on."""
    test = read_test_context(ctx, profile=Profile)
    data = CallData(test)
    model = ReadsBack(f"Hello {data.user_name}. {what_was_read(test)}")
    session = AgentSession[CallData](userdata=data, llm=model, vad=None)
    agent = Support()

    if "CEKURA_API_KEY" in os.environ:
        from cekura.livekit import LiveKitTracer

        tracer = LiveKitTracer(os.environ["CEKURA_API_KEY"], int(os.environ["CEKURA_AGENT_ID"]))
        await track_if_test(tracer, ctx, session, agent)

    await ctx.connect()
    if not ctx.is_fake_job():  # the console has its caller from the start
        await ctx.wait_for_participant()  # LiveKit drops what an agent says before its caller is there
    # This example has no voice: without models for speech it writes its answers in ordinary calls, too.
    options = room_options_for(test, RoomOptions(audio_output=False))
    await session.start(agent, room=ctx.room, room_options=options)
    label_session(test)
    session.generate_reply(instructions="Greet the caller.")


if __name__ == "__main__":
    cli.run_app(server)
