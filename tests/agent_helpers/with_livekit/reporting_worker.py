"""A worker whose jobs report what they read, and from where; run by test_worker.py in a process of its own."""

import os

import aiohttp
from livekit.agents import AgentServer, JobContext

from agent_helpers import MetadataError, read_test_context
from agent_helpers.job import is_livekit_simulation

server = AgentServer(host="127.0.0.1")


@server.rtc_session(agent_name="reporting")
async def entrypoint(ctx: JobContext) -> None:
    """One job: reads, reports, ends."""
    found, error = read_test_context(), ""
    try:
        read_test_context(ctx, on_error="raise")
    except MetadataError as broken:
        error = str(broken)
    facts = {
        "pid": os.getpid(),
        "error": error,
        "simulation": is_livekit_simulation(ctx),
        "log_fields": dict(ctx.log_context_fields),
        "found": found and [found.scenario_id, found.run_id, found.profile, found.text_mode, found.config],
    }
    async with aiohttp.ClientSession() as client:
        await client.post(os.environ["REPORT_URL"], json=facts)
    ctx.shutdown()
