"""A customer's agent server and a TEN server as stand-ins on loopback ports, and launchers that use them."""

import time
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import orjson

from session_service.agents.http import HttpLauncher
from session_service.agents.signing import Signer
from session_service.agents.ten import TenLauncher
from session_service.agents.ten_api import TenApi
from session_service.agents.ten_body import read_template
from tests.agents.specs import counted_entropy, entropy
from tests.standins.agent_server import AgentServer
from tests.standins.serving import Served
from tests.standins.ten_server import TenServer


def signing_secret(name: str) -> str:
    """A secret as Standard Webhooks writes them."""
    return "whsec_" + b64encode(entropy(name)[:32]).decode()


SECRET, NEXT_SECRET = signing_secret("sentinel"), signing_secret("sentinel of tomorrow")
VENDOR_KEY = "sk-sentinel-vendor-3Tn9"
TEMPLATE: Mapping[str, object] = {
    "graph_name": "voice_assistant",
    "properties": {"tts": {"params": {"key": VENDOR_KEY}}, "agora_rtc": {"subscribe_audio": True}},
}
LIFETIME = 3900


class HostedAgents(Served):
    """The customer's agent server `api` under `url`; a context."""

    def __init__(self, *, secret: str = SECRET, lists: bool = True) -> None:
        self.api = AgentServer(secret=secret, lists=lists)
        super().__init__(self.api.app(), self.api.path)

    def launcher(
        self,
        *secrets: str,
        clock: Callable[[], float] = time.time,
        random: Callable[[int], bytes] | None = None,
        url: str | None = None,
        later_asks: Sequence[float] = (0.1,),
    ) -> HttpLauncher:
        """A launcher for this server, with the right secret unless told otherwise."""
        signer = Signer(secrets or (SECRET,), clock=clock, entropy=random or counted_entropy())
        return HttpLauncher(url or self.url, signer, patience=5.0, later_asks=later_asks)


class HostedTen(Served):
    """The TEN server `api` under `url`; a context."""

    def __init__(self) -> None:
        self.api = TenServer()
        super().__init__(self.api.app())

    def launcher(
        self,
        template: Mapping[str, object] = TEMPLATE,
        *,
        timeout: int | None = None,
        start_takes: float = 5.0,
        url: str | None = None,
    ) -> TenLauncher:
        """A launcher for this server; `timeout` may be shorter than a template's. One more stands for a restart."""
        read = read_template(orjson.dumps(template))
        return TenLauncher(
            TenApi(url or self.url),
            read if timeout is None else replace(read, timeout=timeout),
            channel_prefix="cekura-",
            lifetime=LIFETIME,
            patience=5.0,
            start_takes=start_takes,
        )

    @property
    def channels(self) -> Sequence[str]:
        """Where agents are."""
        return list(self.api.workers)
