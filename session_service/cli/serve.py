"""`session-service serve`: production. Nothing is made up, and nothing is read but the environment and its files."""

import logging

import click

from session_service.cli import first_process, running
from session_service.settings import Client, Layer, Settings, Sources

_WHY = {
    "notifications": "Agora's RTC notifications tell when a tester comes and goes",
    "reports": "a tester is known to be lost only where its agent reports it; SESSION_RTC_WEBHOOK_SECRET is not set",
    "nobody": "nobody tells when a tester comes and goes; SESSION_RTC_WEBHOOK_SECRET is not set",
}


@click.command("serve")
def command() -> None:
    """Run in production, with settings from the environment.

    Every NAME can be NAME_FILE. Refuses to start, with every problem at once, when a setting is missing or weak.
    """
    first_process.leave_it()
    environment = running.environment()
    running.run(running.loaded(Sources(Layer("environment", environment))), environment, _announce)


def _announce(settings: Settings) -> None:
    logger = logging.getLogger("session_service")
    for client in settings.clients:
        logger.info("clocks", extra=_clocks(settings, client))
    logger.info(
        "listening",
        extra={
            "event": "service.listening",
            "host": settings.host,
            "port": settings.port,
            "ops_port": settings.ops.port,
            "path": settings.path,
            "clients": [client.name for client in settings.clients],
            "launchers": sorted({client.launch.launcher for client in settings.clients}),
            "store": settings.store,
        },
    )


def _clocks(settings: Settings, client: Client) -> dict[str, object]:
    """Which clocks may end this client's sessions, in seconds; None for one that never does. And why."""
    evidence = settings.evidence(client)
    return {
        "event": "service.clocks",
        "client": client.name,
        "answer_budget": client.answer_budget,
        "max_duration": client.max_duration,
        "join_deadline": client.join_deadline if evidence == "notifications" else None,
        "idle_timeout": client.idle_timeout if evidence != "nobody" else None,
        "why": _WHY[evidence],
    }
