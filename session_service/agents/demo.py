"""The agent that `make dev` starts: it checks what it was handed, says `ready`, and stays until it is stopped.

Decided here: what a usable seat is. It joins no channel; it shows that a session reaches an agent whole, and is the
smallest example of one. Run as `python -m session_service.agents.demo` by the process launcher, with ready=line.
"""

import select
import signal
import sys
import time
from types import FrameType

from session_service.agents import handover
from session_service.agents.contract import AgentSpec
from session_service.agora import tokens
from session_service.agora.token_services import RTC, Service
from session_service.agora.tokens import Token
from session_service.errors import InvalidValue, ServiceError

_JOIN = 1
_STANDARD_OUTPUT = 1


def examine(spec: AgentSpec, now: float) -> str:
    """Return the line that says ready. InvalidValue names the first thing that would keep an agent from joining.

    `now` is Unix time in seconds.
    """
    token = tokens.read(spec.agora.token)
    service = _rtc(token)
    _demand(token.app_id == spec.agora.app_id, "The token is for another App ID than the session's.")
    _demand(service.fields["channel"] == spec.agora.channel, "The token is for another channel than the session's.")
    _demand(service.fields["uid"] == str(spec.agora.uid), "The token is for another uid than the agent's.")
    _demand(spec.agora.uid != spec.agora.tester_uid, "Agent and tester have the same uid.")
    left = round(token.issued_at + min(token.lifetime, service.privileges.get(_JOIN, 0)) - now)
    _demand(left > 0, "The token has expired, or does not let anybody join.")
    encryption = spec.encryption.mode if spec.encryption else "none"
    return f"ready: demo agent, uid {spec.agora.uid}, token good for {left} s, encryption {encryption}"


def _rtc(token: Token) -> Service:
    for service in token.services:
        if service.kind == RTC:
            return service
    raise InvalidValue("The token opens no RTC channel.")


def _demand(fulfilled: bool, sentence: str) -> None:
    if not fulfilled:
        raise InvalidValue(sentence)


def _stay() -> None:
    """Wait until whoever reads our output is gone, if nobody stops us before."""
    reader = select.poll()
    reader.register(_STANDARD_OUTPUT, 0)  # errors alone, and those are always reported
    reader.poll()


def _leave(number: int, frame: FrameType | None) -> None:
    raise SystemExit(0)


def main() -> int:
    """Read one session from standard input and serve it. Return 1, after one sentence, if it cannot be served."""
    signal.signal(signal.SIGTERM, _leave)
    signal.signal(signal.SIGINT, _leave)
    try:
        sys.stdout.write(examine(handover.read(sys.stdin.buffer.read()), time.time()) + "\n")
    except ServiceError as error:
        sys.stdout.write(f"demo agent: {error}\n")
        return 1
    sys.stdout.flush()
    _stay()
    return 0


if __name__ == "__main__":
    sys.exit(main())
