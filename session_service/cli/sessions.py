"""`session-service sessions`: what runs, what became of a session, and its end, by way of the operator's port.

Decided here: how it is shown to a person, and the exit codes: 0 done, 1 the service says no (there is no such session,
the token is wrong), 2 nobody could be asked.
"""

import json
import sys
from typing import Any
from urllib.parse import quote

import click
import httpx2

from session_service.cli import running
from session_service.settings import Layer, Refused, Sources, ops

TIMEOUT = 15.0
"""Seconds: stopping waits for the agent's end."""
_COLUMNS = ("session_id", "client", "launcher", "state", "reason", "created_at", "ended_at", "channel")
_NO = 1

as_json = click.option("--json", "as_json", is_flag=True, help="Print the service's answer as it is.")


@click.group("sessions")
def command() -> None:
    """Show and end the sessions of the service that runs on this machine.

    SESSION_OPS_HOST, SESSION_OPS_PORT and SESSION_OPS_TOKEN say where it is and what it asks for.
    """


@command.command("list")
@as_json
def list_sessions(as_json: bool) -> None:
    """Show every session that lives, and the last hundred that have ended."""
    answer = _ask("GET", "/sessions")
    if as_json:
        print(answer.text)
        return
    sessions = answer.json()["sessions"]
    rows = [[_cell(one[name]) for name in _COLUMNS] for one in sessions]
    if rows:
        _print_table([list(_COLUMNS), *rows])
    else:
        print("There is no session.", file=sys.stderr)
    for one in sessions:
        if one["stranded"]:
            print(f"{one['session_id']} is stranded. {one['stranded']}", file=sys.stderr)


@command.command("show")
@click.argument("session_id")
@as_json
def show(session_id: str, as_json: bool) -> None:
    """Show a session and what is remembered of it."""
    answer = _ask("GET", _path(session_id))
    if as_json:
        print(answer.text)
        return
    found = answer.json()
    timeline, complete = found.pop("timeline"), found.pop("complete")
    _print_table([[name, _cell(value)] for name, value in found.items()])
    print()
    for event in timeline:
        values = "  ".join(f"{name}={_cell(value)}" for name, value in event["values"].items())
        print(f"{_cell(event['time'])}  {event['event']}  {values}".rstrip())
    if not complete:
        print("What happened before is not remembered any more; the log has it.")


@command.command("stop")
@click.argument("session_id")
@click.option(
    "--agent-is-gone",
    is_flag=True,
    help="You have ended the agent yourself. Counts where the service cannot: a stranded session, an end that fails.",
)
def stop(session_id: str, agent_is_gone: bool) -> None:
    """End a session, with reason operator, and wait for its agent's end."""
    answer = _ask("DELETE", _path(session_id) + ("?agent=gone" if agent_is_gone else ""))
    print("It has ended." if answer.status_code == 204 else "It is being ended: its agent takes its time.")


def _path(session_id: str) -> str:
    return "/sessions/" + quote(session_id, safe="")


def _ask(method: str, path: str) -> httpx2.Response:
    """The service's answer; a refusal or silence ends the process with a sentence."""
    base, token = operators_port()
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        with httpx2.Client(base_url=base, headers=headers, timeout=TIMEOUT, trust_env=False) as client:
            answer = client.request(method, path)
    except httpx2.HTTPError as error:
        running.give_up(
            f"Nothing answers at {base} ({type(error).__name__}). Start the service, or set SESSION_OPS_HOST and "
            "SESSION_OPS_PORT to where its operator's port is."
        )
    if answer.is_error:
        print(_words(answer), file=sys.stderr)
        sys.exit(_NO)
    return answer


def operators_port() -> tuple[str, str | None]:
    """Where the operator's port of the service on this machine is, and its token if it has one; or the process's end.

    Called by `check --follow` as well.
    """
    try:
        found = ops(Sources(Layer("environment", running.environment())))
    except Refused as error:
        running.give_up(str(error))
    if not found.port:
        running.give_up("SESSION_OPS_PORT names no port. Set it to the one that the service listens on.")
    return running.base_url(found.host, found.port), found.token.decode() if found.token else None


def _words(answer: httpx2.Response) -> str:
    try:
        return str(answer.json()["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return f"What answers there is not this service's operator's port (HTTP {answer.status_code})."


def _cell(value: Any) -> str:
    """A value in a line: no line end and no control character, whatever an agent said."""
    text = "-" if value is None else value if isinstance(value, str) else json.dumps(value)
    return text if text.isprintable() else text.encode("unicode_escape").decode("ascii")


def _print_table(rows: list[list[str]]) -> None:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
