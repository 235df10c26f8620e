"""A real livekit-server on loopback, with free ports and no other machine in its configuration.

Where there is none on this machine, it is built once: by the first test that needs it, or, run as a program, by this
module.
"""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import aiohttp

from tests.agent_helpers.with_livekit.wire import DEADLINE, KEY, SECRET
from tests.go_programs import GoProgram
from tests.ports import free_port

PROGRAM = GoProgram(
    name="livekit-server",
    variable="LIVEKIT_SERVER_BIN",
    module="github.com/livekit/livekit-server/cmd/server@v1.13.5",
    formula="livekit",
    go="Go 1.26",
    takes="about two minutes",
)


@asynccontextmanager
async def livekit_server(folder: Path) -> AsyncIterator[str]:
    """A running server; yields its ws:// address. Ended by its own pid."""
    port = free_port()
    config = folder / "livekit.yaml"
    udp, closed = free_port(socket.SOCK_DGRAM), free_port(socket.SOCK_DGRAM)
    config.write_text(CONFIG.format(port=port, udp=udp, closed=closed))
    with (folder / "livekit.log").open("wb") as log:
        command = [PROGRAM.path(), "--config", str(config)]
        process = await asyncio.create_subprocess_exec(*command, stdout=log, stderr=log)
        try:
            await _ready(f"http://127.0.0.1:{port}/", process)
            yield f"ws://127.0.0.1:{port}"
        finally:
            process.kill()  # it holds nothing, and may lose an interrupt that comes too early
            await process.wait()


async def _ready(url: str, process: asyncio.subprocess.Process) -> None:
    """Asks until the server answers; a refused connection costs a millisecond."""
    async with asyncio.timeout(DEADLINE), aiohttp.ClientSession() as client:
        while process.returncode is None:
            with suppress(aiohttp.ClientConnectionError):
                async with client.get(url):
                    return
    raise AssertionError("livekit-server ended before it was ready")


CONFIG = f"""
port: {{port}}
bind_addresses: ["127.0.0.1"]
keys: {{{{ {KEY}: "{SECRET}" }}}}
rtc:
  node_ip: 127.0.0.1
  udp_port: {{udp}}
  tcp_port: 0
  use_external_ip: false
  enable_loopback_candidate: true
  ips: {{{{ includes: ["127.0.0.1/32"] }}}}
  stun_servers: ["127.0.0.1:{{closed}}"]
"""

if __name__ == "__main__":
    PROGRAM.path()
