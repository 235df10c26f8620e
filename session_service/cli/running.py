"""From sources to a running server, for `dev` and `serve`; and what is printed when it cannot be.

Decided here: the exit code of a start that fails (2), and where a process gets its clock and randomness.
"""

import logging
import os
import sys
import time
from collections.abc import Callable, Mapping
from typing import NoReturn

from session_service import logs
from session_service.errors import SettingsError
from session_service.settings import Loaded, Refused, Settings, Sources, load

FAILED = 2


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


def run(found: Loaded, children: Mapping[str, str], started: Callable[[Settings, int], None]) -> None:
    """Serve until told to stop. `started` is called with the real port once calls are answered."""
    from session_service.app import World, build
    from session_service.http import server

    settings = found.settings
    logs.configure(settings.log_format, settings.secret_texts())
    try:
        service = build(settings, World(time.time, time.monotonic, os.urandom, children))
        bound = server.bind(settings.host, settings.port)
    except SettingsError as error:
        give_up(str(error))
    for warning in found.warnings:
        logging.getLogger("session_service").warning("settings", extra={"event": "service.warning", "what": warning})
    port = bound.getsockname()[1]
    budget = max(client.answer_budget for client in settings.clients)
    server.build(service, settings.times, budget, lambda: started(settings, port)).run([bound])
