"""`session-service token`: look into a token, or mint one, to find out why a join fails."""

import click

from session_service.cli import token_decode, token_mint


@click.group("token")
def command() -> None:
    """Look into an Agora token, or mint one for debugging."""


command.add_command(token_decode.command)
command.add_command(token_mint.command)
