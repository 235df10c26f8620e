"""A network that fails on command: a real toxiproxy between a launcher and a stand-in, driven over its HTTP API.

A toxic of the stream `upstream` is about what is sent, one of `downstream` about what is answered (toxiproxy's README,
"Toxics").
"""

import itertools
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Literal

import httpx2

from tests.go_programs import GoProgram
from tests.ports import free_port

START_SECONDS = 60
PROGRAM = GoProgram(
    name="toxiproxy-server",
    variable="TOXIPROXY_BIN",
    module="github.com/Shopify/toxiproxy/v2/cmd/server@v2.12.0",
    formula="toxiproxy",
    go="Go",
    takes="about a minute",
)


@dataclass(frozen=True, slots=True)
class Toxic:
    """One way in which a connection suffers."""

    kind: str
    stream: Literal["upstream", "downstream"]
    attributes: Mapping[str, int]


_NUMBERS = itertools.count()


class Network:
    """The way to one stand-in: `url` leads there, in the state that the test puts it into."""

    def __init__(self, control: httpx2.Client, upstream: str) -> None:
        target = httpx2.URL(upstream)
        self._control = control
        self._name = f"way-{next(_NUMBERS)}"  # ports are used again, by the stand-in of a later test
        made = self._post("/proxies", {"name": self._name, "listen": "127.0.0.1:0", "upstream": target.netloc.decode()})
        self.url = str(target.copy_with(netloc=made["listen"].encode()))

    def suffers(self, *toxics: Toxic) -> None:
        """Every connection, also one that is open, has these from now on."""
        for toxic in toxics:
            body = {"type": toxic.kind, "stream": toxic.stream, "attributes": dict(toxic.attributes)}
            self._post(f"/proxies/{self._name}/toxics", body)

    def goes_down(self) -> None:
        """Nobody listens any more, and open connections end."""
        self._post(f"/proxies/{self._name}", {"enabled": False})

    def is_back(self) -> None:
        """No toxics, and somebody listens."""
        self._post("/reset", None)

    def _post(self, path: str, body: object) -> Any:
        answer = self._control.post(path, json=body)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None


@contextmanager
def toxiproxy() -> Iterator[httpx2.Client]:
    """A running toxiproxy's API. Ended by its own pid."""
    port = free_port()
    command = [PROGRAM.path(), "-host", "127.0.0.1", "-port", str(port)]
    with (
        subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process,
        httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=START_SECONDS, trust_env=False) as control,
    ):
        try:
            _ready(control, process)
            yield control
        finally:
            process.kill()  # it holds nothing


def _ready(control: httpx2.Client, process: "subprocess.Popen[bytes]") -> None:
    """Asks until the server answers; a refused connection costs a millisecond."""
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        with suppress(httpx2.ConnectError):
            control.get("/version")
            return
    raise AssertionError("toxiproxy does not start")
