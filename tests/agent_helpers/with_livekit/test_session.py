"""What a test changes about a session: text mode, and the ids on its span."""

import asyncio
import json
from typing import Any

from livekit.agents import AgentSession
from livekit.agents.voice.room_io import RoomOptions, TextInputOptions
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from agent_helpers import TestContext, label_session, read_test_context, room_options_for
from livekit_agent.agent import ReadsBack, Support
from tests.agent_helpers.jobs import claim
from tests.agent_helpers.with_livekit.hand_made import real_job

VOICE, TEXT = json.dumps(claim()), json.dumps(claim(text_mode=True))


def context(metadata: str) -> TestContext[Any] | None:
    with real_job(metadata) as ctx:
        return read_test_context(ctx, on_error="raise")


def test_text_mode_is_a_session_without_audio() -> None:
    """And with text both ways, as always."""
    options = room_options_for(context(TEXT))
    assert (options.get_audio_input_options(), options.get_audio_output_options()) == (None, None)
    assert options.get_text_input_options() is not None
    assert options.get_text_output_options() is not None


def test_otherwise_a_session_starts_as_without_us() -> None:
    """LiveKit's defaults, or the very options that were given."""
    given = RoomOptions(delete_room_on_close=True)
    for found in (None, context(""), context(VOICE)):
        assert room_options_for(found) == RoomOptions()
        assert room_options_for(found, given) is given


def test_text_mode_keeps_the_agents_own_options_and_does_not_change_them() -> None:
    """The same object may serve another call."""
    given = RoomOptions(text_input=TextInputOptions(), delete_room_on_close=True)
    options = room_options_for(context(TEXT), given)
    assert (options.text_input, options.delete_room_on_close) == (given.text_input, True)
    assert given.audio_input is not False


def test_the_ids_are_on_the_sessions_span() -> None:
    """After session.start the current span is the session's; LiveKit's own attributes stay."""
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))

    async def session(found: TestContext[Any] | None) -> None:
        it = AgentSession[None](llm=ReadsBack("Hello."), vad=None)
        await it.start(Support())
        label_session(found)
        await it.aclose()

    set_livekit_provider(provider)
    asyncio.run(session(context(VOICE)))
    asyncio.run(session(context("")))
    labelled, ordinary = [span for span in exporter.get_finished_spans() if span.name == "agent_session"]
    assert labelled.attributes is not None
    assert ordinary.attributes is not None
    assert (labelled.attributes["cekura.scenario_id"], labelled.attributes["cekura.run_id"]) == (123, 456)
    assert not [key for key in ordinary.attributes if key.startswith("cekura.")]


def test_no_tracer_provider_is_installed() -> None:
    """Where nobody traces, nothing is labelled, and the global provider stays what it was."""
    before = trace.get_tracer_provider()
    label_session(context(VOICE))
    assert trace.get_tracer_provider() is before


def set_livekit_provider(provider: TracerProvider) -> None:
    """LiveKit's own way to trace, so that OpenTelemetry's global one is left alone."""
    from livekit.agents.telemetry import set_tracer_provider

    set_tracer_provider(provider)
