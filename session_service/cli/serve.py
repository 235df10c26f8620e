"""`session-service serve`: production. Nothing is made up, and nothing is read but the environment and its files."""

import logging

import click

from session_service.cli import running
from session_service.settings import Layer, Settings, Sources


@click.command("serve")
def command() -> None:
    """Run in production, with settings from the environment.

    Every NAME can be NAME_FILE. Refuses to start, with every problem at once, when a setting is missing or weak.
    """
    environment = running.environment()
    running.run(running.loaded(Sources(Layer("environment", environment))), environment, _announce)


def _announce(settings: Settings, port: int) -> None:
    logging.getLogger("session_service").info(
        "listening",
        extra={
            "event": "service.listening",
            "host": settings.host,
            "port": port,
            "path": settings.path,
            "clients": [client.name for client in settings.clients],
            "launchers": sorted({client.launch.launcher for client in settings.clients}),
        },
    )
