"""From sources to a running server, for `dev` and `serve`; and what is printed when it cannot be.

Decided here: the exit code of a start that fails (2), and where a process gets its clock and randomness.
"""

import logging
import os
import socket
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import NoReturn

from session_service import logs
from session_service.cli import collector
from session_service.errors import SettingsError
from session_service.settings import Loaded, Refused, Settings, Sources, load

FAILED = 2
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - looked up, not bound


def environment() -> Mapping[str, str]:
    """This process's environment, once."""
    return dict(os.environ)


def loaded(sources: Sources) -> Loaded:
    """The settings, or the end of the process with every problem on standard error."""
    from session_service.app import RULES

    sys.path.insert(0, os.getcwd())  # a callable of the customer's is found like `python -m` finds a module
    try:
        return load(sources, RULES)
    except Refused as error:
        problems = "\n".join(f"  {problem}" for problem in error.problems)
        give_up(f"The service cannot start with these settings:\n{problems}")


def give_up(text: str) -> NoReturn:
    """Print why, and exit with 2."""
    print(text, file=sys.stderr)
    sys.exit(FAILED)


def base_url(host: str, port: int) -> str:
    """Where this machine reaches what listens there."""
    host = _EVERYWHERE.get(host, host)
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def run(found: Loaded, children: Mapping[str, str], started: Callable[[Settings], None]) -> None:
    """Serve until told to stop. `started` is called once calls are answered, with the ports that were really taken."""
    from session_service.app import World, build
    from session_service.http import server

    logs.configure(found.settings.log_format, found.settings.secret_texts())
    try:
        bound = server.bind(found.settings.host, found.settings.port)
        beside = _ops_socket(found)
        settings = _with_ports(found.settings, bound, beside)
        service = build(settings, World(time.time, time.monotonic, os.urandom, children))
    except SettingsError as error:
        give_up(str(error))
    for warning in found.warnings:
        _warn(warning)

    def listening() -> None:
        collector.settle(guests=any(client.launch.launcher == "python" for client in settings.clients))
        started(settings)

    budget = max(client.answer_budget for client in settings.clients)
    ops = server.beside(service.ops, service.request_ids, settings.times, beside) if beside else None
    server.build(service, settings.times, budget, listening, ops).run([bound])


def _ops_socket(found: Loaded) -> socket.socket | None:
    """The operator's port, if there is to be one; SettingsError where somebody asked for it and it cannot be had.

    Nobody asked for the default: two services of one machine both start, and the second says that it goes without.
    """
    from session_service.http import server

    ops = found.settings.ops
    if ops.port is None:
        return None
    try:
        return server.bind(ops.host, ops.port, "SESSION_OPS")
    except SettingsError as error:
        if any(row.name == "SESSION_OPS_PORT" and row.origin != "default" for row in found.effective):
            raise
        _warn(f"Going on without the operator's port. {error}")
        return None


def _warn(what: str) -> None:
    logging.getLogger("session_service").warning("settings", extra={"event": "service.warning", "what": what})


def _with_ports(settings: Settings, bound: socket.socket, beside: socket.socket | None) -> Settings:
    """The settings with the ports that were taken: agents and people are told the real ones."""
    ops = replace(settings.ops, port=beside.getsockname()[1] if beside else None)
    return replace(settings, port=bound.getsockname()[1], ops=ops)
