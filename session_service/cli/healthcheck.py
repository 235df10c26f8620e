"""`session-service healthcheck`: one request to the service on this machine, for a container's HEALTHCHECK."""

import http.client
import sys

import click

from session_service.cli import running
from session_service.settings import Layer, Refused, Sources, address

TIMEOUT = 2.0
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - looked up, not bound


@click.command("healthcheck")
def command() -> None:
    """Exit with 0 when the service on this machine lives, with 1 when it does not."""
    try:
        host, port = address(Sources(Layer("environment", running.environment())))
        status = _ask(_EVERYWHERE.get(host, host), port)
    except (Refused, OSError, http.client.HTTPException) as error:
        print(f"not alive: {error}", file=sys.stderr)
        sys.exit(1)
    sys.exit(0 if status == 200 else 1)


def _ask(host: str, port: int) -> int:
    connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT)
    try:
        connection.request("GET", "/livez")
        return connection.getresponse().status
    finally:
        connection.close()
