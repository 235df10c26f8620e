"""Runs the AgentServer of a module until SIGTERM, as `dev` does, and then closes it with its job processes.

A process of its own, started by the tests: `python -m tests.agent_helpers.with_livekit.run_worker MODULE`.
"""

import asyncio
import importlib
import logging
import os
import signal
import sys
from contextlib import suppress
from typing import Any


async def _serve(server: Any) -> None:
    server.load_fnc = lambda: 0.0  # a busy machine would otherwise have its only worker refused
    running = asyncio.create_task(server.run(devmode=True))
    server.on("worker_registered", lambda *_: os.write(sys.stdout.fileno(), b"registered\n"))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, running.cancel)
    with suppress(asyncio.CancelledError):
        await running
    await server.aclose()


def main() -> None:
    logging.basicConfig(level=logging.INFO)
    asyncio.run(_serve(importlib.import_module(sys.argv[1]).server))


if __name__ == "__main__":
    main()
