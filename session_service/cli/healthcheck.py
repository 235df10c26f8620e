"""`session-service healthcheck`: one request to the service on this machine, for a container's HEALTHCHECK."""

import http.client
import sys

import click

from session_service.cli import running
from session_service.settings import Layer, Sources

TIMEOUT = 2.0
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - looked up, not bound


@click.command("healthcheck")
def command() -> None:
    """Exit with 0 when the service on this machine lives, with 1 when it does not."""
    sources = Sources(Layer("environment", running.environment()))
    host = _setting(sources, "SESSION_HOST")
    port = _setting(sources, "PORT") or "8080"
    own = sources.find("SESSION_PORT")
    if own is not None and own.origin != "default":
        port = own.text
    try:
        status = _ask(_EVERYWHERE.get(host, host), int(port))
    except (OSError, ValueError, http.client.HTTPException) as error:
        print(f"not alive: {error}", file=sys.stderr)
        sys.exit(1)
    sys.exit(0 if status == 200 else 1)


def _setting(sources: Sources, name: str) -> str:
    found = sources.find(name)
    return found.text if found else ""


def _ask(host: str, port: int) -> int:
    connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT)
    try:
        connection.request("GET", "/livez")
        return connection.getresponse().status
    finally:
        connection.close()
