"""The command line: one file a command, imported when called. The only room that prints or reads the environment."""

from importlib import import_module

import click

_COMMANDS = {
    "check": "prove a session endpoint before a paid run, or explain what a check finds",
    "config": "show the effective settings, secrets masked",
    "dev": "run on this machine, with everything that is not configured made up",
    "encryption": "show what each SDK is given to encrypt with, and what does not match between two sides",
    "healthcheck": "ask the service on this machine whether it lives",
    "secret": "make a strong secret",
    "serve": "run in production",
    "sessions": "show the sessions of the service on this machine, or end one",
    "token": "look into an Agora token, or mint one, to find out why a join fails",
}


class Commands(click.Group):
    """Each command is a module of its name with a function `command`; help needs none of them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every command's name."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, imported now."""
        if cmd_name not in _COMMANDS:
            return None
        found: click.Command = import_module(f"session_service.cli.{cmd_name}").command
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list in `--help`, from the table above."""
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


commands = Commands(
    "session-service", help="The session endpoint for voice agents in Agora channels that Cekura tests."
)
