"""The agent that `make dev` starts: it checks what it was handed, says `ready`, and stays until it is stopped.

Decided here: what a usable seat is. It joins no channel; it shows that a session reaches an agent whole, and is the
smallest example of one. Run as `python -m session_service.agents.demo` by the process launcher, with ready=line.
"""

import os
import select
import signal
import sys
import time
from types import FrameType

from session_service.agents import handover
from session_service.agents.contract import AgentSpec
from session_service.agora import legacy_tokens, tokens
from session_service.agora.token_services import RTC
from session_service.agora.transport import Seat
from session_service.errors import InvalidValue, ServiceError

_JOIN = 1
_STANDARD_OUTPUT = 1


def examine(spec: AgentSpec, now: float) -> str:
    """Return the line that says ready. InvalidValue names the first thing that would keep the agent from joining.

    `now` is Unix time in seconds.
    """
    seat = spec.agora
    _demand(seat.uid != seat.tester_uid, "Agent and tester have the same uid.")
    end = _legacy_end(seat) if seat.token.startswith(legacy_tokens.VERSION) else _end(seat)
    left = round(end - now)
    _demand(left > 0, "The token has expired, or does not let anybody join.")
    encryption = spec.encryption.mode if spec.encryption else "none"
    return f"ready: demo agent, uid {seat.uid}, token good for {left} s, encryption {encryption}"


def _end(seat: Seat) -> int:
    """Until when the token lets its holder join, in Unix seconds; 0 if never. InvalidValue if it is another seat's."""
    token = tokens.read(seat.token)
    _demand(token.app_id == seat.app_id, "The token is for another App ID than the session's.")
    service = next((service for service in token.services if service.kind == RTC), None)
    if service is None:
        raise InvalidValue("The token opens no RTC channel.")
    _demand(service.fields["channel"] == seat.channel, "The token is for another channel than the session's.")
    _demand(service.fields["uid"] == str(seat.uid), "The token is for another uid than the agent's.")
    if _JOIN not in service.privileges:
        return 0
    return token.issued_at + min(token.lifetime, service.privileges[_JOIN] or token.lifetime)


def _legacy_end(seat: Seat) -> int:
    """The same for version 006, which confirms channel and uid together."""
    token = legacy_tokens.read(seat.token)
    _demand(token.app_id == seat.app_id, "The token is for another App ID than the session's.")
    _demand(token.names(seat.channel, str(seat.uid)), "The token is for another channel or uid than the agent's.")
    return min(token.expires_at, token.privileges.get(_JOIN, 0))


def _demand(fulfilled: bool, sentence: str) -> None:
    if not fulfilled:
        raise InvalidValue(sentence)


def _stay() -> None:
    """Wait until whoever reads our output is gone, if nobody stops us before.

    A signal's handler is not run if it comes in the moment before a wait, so it ends the wait as well.
    """
    heard, told = os.pipe()
    os.set_blocking(told, False)
    signal.set_wakeup_fd(told)
    waiting = select.poll()
    waiting.register(_STANDARD_OUTPUT, 0)  # errors alone, and those are always reported
    waiting.register(heard, select.POLLIN)
    waiting.poll()


def _leave(number: int, frame: FrameType | None) -> None:
    raise SystemExit(0)


def main() -> int:
    """Read one session from standard input and serve it. Return 1, after one sentence, if it cannot be served."""
    signal.signal(signal.SIGTERM, _leave)
    signal.signal(signal.SIGINT, _leave)
    try:
        line = examine(handover.read(sys.stdin.buffer.read()), time.time())
    except ServiceError as error:
        sys.stdout.write(f"demo agent: {error}\n")
        return 1
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
    _stay()
    return 0


if __name__ == "__main__":
    sys.exit(main())
