"""`session-service config`: what is in force, and where it came from."""

import click

from session_service.cli import running
from session_service.settings import Layer, Sources


@click.command("config")
def command() -> None:
    """Show the effective settings of `serve`, secrets masked, and where each came from."""
    found = running.loaded(Sources(Layer("environment", running.environment())))
    width = max(len(row.name) for row in found.effective)
    for row in found.effective:
        print(f"{row.name:<{width}}  {row.shown or '-'}  ({row.origin})")
    for warning in found.warnings:
        print(f"Warning: {warning}")
