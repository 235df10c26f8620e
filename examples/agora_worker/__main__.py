"""`python -m agora_worker`: one session from standard input, one call, one exit code.

Decided here: what is configured by arguments, and how an end is told: 0 after the tester has left or after SIGTERM;
1 after one sentence on standard output, which the service logs under the session's id; 2 for wrong arguments.
"""

import argparse
import asyncio
import logging
import os
import signal
import sys

from agora_worker import session
from agora_worker.agent import new_agent
from agora_worker.channel import Channel
from agora_worker.errors import CannotServe
from agora_worker.presence import Limits
from agora_worker.service import Service
from agora_worker.session import Session
from agora_worker.worker import Worker

CHORUS = 7
HEARD = 1.0
"""Seconds that the last report has to be heard, before the process ends all the same."""

logger = logging.getLogger("agora_worker")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="agora_worker", description="An agent for one session in an Agora channel.")
    limits = Limits()
    _add_seconds(parser, "--join", limits.join, "how long to wait for the join")
    _add_seconds(parser, "--tester", limits.tester, "how long to wait for the tester")
    _add_seconds(parser, "--back", limits.back, "how long to wait for a lost connection, the tester's or ours")
    parser.add_argument(
        "--audio-scenario",
        type=int,
        default=CHORUS,
        metavar="NUMBER",
        help="the SDK's AudioScenarioType (default: %(default)d, CHORUS)",
    )
    return parser.parse_args()


def _add_seconds(parser: argparse.ArgumentParser, name: str, default: float, meaning: str) -> None:
    parser.add_argument(name, type=float, default=default, metavar="SECONDS", help=f"{meaning} (default: {default:g})")


def _channel(given: Session, audio_scenario: int) -> Channel:
    try:
        from agora_worker.sdk import AgoraChannel
    except (ImportError, OSError, SystemExit):
        # The SDK ends the process, or cannot load or download its library.
        raise CannotServe(
            "Agora's SDK cannot be imported: pip install -r requirements.txt, on Linux with glibc, x86_64 or aarch64."
        ) from None
    return AgoraChannel(given, audio_scenario)


def _say_ready() -> None:
    sys.stdout.write("ready: the agent is in the channel\n")
    sys.stdout.flush()


async def _serve(given: Session, arguments: argparse.Namespace, service: Service) -> None:
    channel = _channel(given, arguments.audio_scenario)
    limits = Limits(arguments.join, arguments.tester, arguments.back)
    call = asyncio.create_task(Worker(given, channel, new_agent(given), limits, _say_ready, service=service).serve())
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, call.cancel)
    await call


def main() -> int:
    """Serve the session on standard input; return the exit code."""
    arguments = _arguments()
    # Above debug: there the SDK logs the token.
    logging.basicConfig(stream=sys.stdout, level=logging.INFO, format="%(name)s: %(message)s")
    try:
        given = session.read(sys.stdin.buffer.read())
    except CannotServe as error:
        logger.error("%s", error)
        return 1
    service = Service(given.report)
    code = _run(given, arguments, service)
    if code != 0:
        service.failed()
    service.close(HEARD)
    return code


def _run(given: Session, arguments: argparse.Namespace, service: Service) -> int:
    try:
        asyncio.run(_serve(given, arguments, service))
    except asyncio.CancelledError:
        logger.info("The agent was stopped.")
    except CannotServe as error:
        logger.error("%s", error)
        return 1
    except Exception:
        logger.exception("The agent failed.")
        return 1
    return 0


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    # Without the interpreter's own end: threads of the native library may still call into it.
    os._exit(code)
