"""Who looks after the agent of one session in `check`: --follow and --join.

Decided here: where the operator's port is found, that whoever cannot look is noticed before anything is sent, and that
the SDK's process gets none of our secrets. The operator's token is no option's value, as no secret is.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from session_service.agents.process import child_environment
from session_service.check.watching.follow import OpsWatch
from session_service.check.watching.join import JoinWatch
from session_service.check.watching.watches import InTurn, Watch
from session_service.cli import credentials, running, sessions
from session_service.errors import InvalidValue
from session_service.settings import NAMES

LONGEST = 240
"""Seconds that a session may be followed for: a whole run has 300."""


def watch(options: Mapping[str, Any], tell: Callable[[str], None]) -> InTurn | None:
    """What the options ask for, or None; InvalidValue where that would see nothing."""
    if options["ops"] and not options["follow"]:
        raise InvalidValue("--ops says where --follow asks. Give --follow as well.")
    chosen: list[Watch] = []
    if options["join"]:
        hidden = NAMES | {options["secret_env"]}
        environment = child_environment(running.environment(), hidden, frozenset())
        chosen.append(JoinWatch(options["join_uid"], environment, tell=tell))
    if options["follow"]:
        chosen.append(_followed(options, tell))
    if not chosen:
        return None
    found = InTurn(tuple(chosen))
    asyncio.run(found.ready())
    return found


def _followed(options: Mapping[str, Any], tell: Callable[[str], None]) -> OpsWatch:
    if options["ops"]:
        url, token = options["ops"], credentials.optional("SESSION_OPS_TOKEN", str)
    else:
        url, token = sessions.operators_port()
    return OpsWatch(url, token, options["follow_seconds"], joined=options["join"], tell=tell)
