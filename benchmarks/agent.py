"""An agent that does nothing, for the launcher `python`: what is measured is the service."""

from session_service.agents.contract import AgentSpec


async def run(spec: AgentSpec) -> None:
    """End at once, so that every call has a session's whole life in it: admitted, started, ended, recorded."""
