"""The commands that debug, called within this process with one Agora project in the environment."""

from click.testing import CliRunner, Result

from session_service.cli import commands
from session_service.settings import NAMES
from tests.agora.vectors import PROJECT

SIGNED = {"AGORA_APP_ID": PROJECT.app_id, "AGORA_APP_CERTIFICATE": PROJECT.certificate}


def run(*words: str, given: str | bytes = "", **variables: str) -> Result:
    """What `session-service` prints for these words, with `given` on its standard input."""
    nothing: dict[str, str | None] = dict.fromkeys([*NAMES, *(f"{name}_FILE" for name in NAMES)])
    return CliRunner().invoke(commands, words, input=given, env={**nothing, **variables})


def decode(token: str, *words: str, **variables: str) -> Result:
    """What `token decode -` says of a token."""
    return run("token", "decode", "-", *words, given=token + "\n", **variables)
