"""What a test changes about an AgentSession: text instead of audio, the platform's tracer, ids on its span.

The entrypoint calls each of these once, in this order, around `session.start`. None of them changes an ordinary call.
LiveKit is imported when they run, and OpenTelemetry only where it is installed.
"""

import dataclasses
from typing import TYPE_CHECKING, Any, Protocol

from agent_helpers.context import TestContext
from agent_helpers.job import JobContext, is_livekit_simulation, read_test_context

if TYPE_CHECKING:
    from livekit.agents.voice.room_io import RoomOptions


class Tracer(Protocol):
    """The method of `cekura.livekit.LiveKitTracer` that may run in a test only."""

    async def track_session(self, ctx: Any, session: Any, agent: Any = None) -> Any: ...


async def track_if_test(tracer: Tracer, ctx: JobContext, session: object, agent: object = None) -> bool:
    """`tracer.track_session(ctx, session, agent)` in a test of the platform; True if it was called.

    On its own that method replaces the agent's tools by the platform's mocks in every job (cekura 1.6.7). Here it is
    not called for an ordinary call, under LiveKit's own simulations, or, with a warning, for broken metadata. Call it
    before `session.start`. What the tracer raises is raised.
    """
    if is_livekit_simulation(ctx) or read_test_context(ctx) is None:
        return False
    await tracer.track_session(ctx, session, agent)
    return True


def room_options_for(context: TestContext[Any] | None, options: "RoomOptions | None" = None) -> "RoomOptions":
    """What to pass to `session.start(room_options=...)`: `options`, in text mode a copy of them without audio.

    The agent's own code stays as it is. Without audio its text to speech is not called and its speech to text hears
    nothing; answers leave as text on the topic lk.transcription, and callers write on lk.chat.
    """
    from livekit.agents.voice.room_io import RoomOptions

    chosen = RoomOptions() if options is None else options
    if context is None or not context.text_mode:
        return chosen
    return dataclasses.replace(chosen, audio_input=False, audio_output=False)


def label_session(context: TestContext[Any] | None) -> None:
    """Puts cekura.scenario_id and cekura.run_id on the current OpenTelemetry span.

    Called after `session.start` in the same task, that is LiveKit's span agent_session. No provider is installed.
    """
    if context is None:
        return
    try:
        from opentelemetry import trace
    except ImportError:
        return
    ids = {"cekura.scenario_id": context.scenario_id, "cekura.run_id": context.run_id}
    trace.get_current_span().set_attributes(ids)
