"""A real livekit-server on loopback, with free ports and no other machine in its configuration.

The binary comes from LIVEKIT_SERVER_BIN, from PATH (`livekit-server`), or is built once into .cache/bin: by the first
test that needs it, or, run as a program, by this module.
"""

import asyncio
import os
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import aiohttp
import pytest

from tests.agent_helpers.with_livekit.wire import DEADLINE, KEY, ROOT, SECRET

MODULE = "github.com/livekit/livekit-server/cmd/server@v1.13.5"
BUILT = ROOT / ".cache" / "bin" / "livekit-server"
BUILD_SECONDS = 900
HOW_TO_GET_IT = (
    "There is no livekit-server. Install it (brew install livekit, or an archive of its releases), name it in "
    "LIVEKIT_SERVER_BIN, or install Go 1.26, and this builds it once in about two minutes."
)


def binary() -> str:
    """The server's path; built if need be, skipping the test where that is impossible."""
    found = os.environ.get("LIVEKIT_SERVER_BIN") or shutil.which("livekit-server")
    if found is None and not BUILT.exists():
        _build()
    return found or str(BUILT)


def _build() -> None:
    go = shutil.which("go")
    if go is None:
        pytest.skip(HOW_TO_GET_IT)
    BUILT.parent.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "GOBIN": str(BUILT.parent)}
    command = [go, "install", "-trimpath", "-ldflags=-s -w", MODULE]
    subprocess.run(command, env=environment, check=True, timeout=BUILD_SECONDS)
    BUILT.with_name("server").rename(BUILT)


@asynccontextmanager
async def livekit_server(folder: Path) -> AsyncIterator[str]:
    """A running server; yields its ws:// address. Ended by its own pid."""
    port = _free_port(socket.SOCK_STREAM)
    config = folder / "livekit.yaml"
    udp, closed = _free_port(socket.SOCK_DGRAM), _free_port(socket.SOCK_DGRAM)
    config.write_text(CONFIG.format(port=port, udp=udp, closed=closed))
    with (folder / "livekit.log").open("wb") as log:
        command = [binary(), "--config", str(config)]
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


def _free_port(kind: socket.SocketKind) -> int:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


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
    binary()
