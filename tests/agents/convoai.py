"""Agora's API as a stand-in on a loopback port, and launchers that use it."""

from collections.abc import Mapping

import orjson

from session_service.agents.convoai import ConvoAiLauncher
from session_service.agents.convoai_api import ConvoAiApi
from session_service.agents.convoai_auth import Authorization, agora_token, basic
from session_service.agents.convoai_body import read_template
from session_service.agents.convoai_http import Http
from tests.agents.specs import PROJECT, counted_entropy
from tests.standins.convoai import ROOT, ConvoAi
from tests.standins.convoai_rules import Account
from tests.standins.serving import Served

VENDOR_KEY = "sk-sentinel-vendor-8Kq2"
CUSTOMER = ("customer-5c1f", "sentinel-customer-secret-77Xw")
TEMPLATE: Mapping[str, object] = {
    "properties": {
        "asr": {"language": "en-US"},
        "llm": {"url": "https://llm.example/v1", "api_key": VENDOR_KEY, "max_history": 10},
        "tts": {
            "vendor": "elevenlabs",
            "params": {
                "key": VENDOR_KEY,
                "base_url": "wss://tts.example/v1",
                "model_id": "eleven_flash_v2_5",
                "voice_id": "voice-1",
            },
        },
        "labels": {"team": "support"},
    }
}
IDLE = 60


class Hosted(Served):
    """The stand-in `api` under `url`; a context."""

    def __init__(self, *, customer: tuple[str, str] | None = None) -> None:
        self.api = ConvoAi(Account(PROJECT, customer))
        self._customer = customer
        super().__init__(self.api.app(), ROOT)

    def launcher(
        self, template: Mapping[str, object] = TEMPLATE, *, patience: float = 5.0, url: str | None = None
    ) -> ConvoAiLauncher:
        """A launcher for this API; one more stands for the same service after a restart."""
        return ConvoAiLauncher(
            ConvoAiApi(Http(url or self.url), PROJECT.app_id, self._authorization()),
            read_template(orjson.dumps(template)),
            channel_prefix="cekura-",
            idle_timeout=IDLE,
            clock=lambda: self.api.now,
            patience=patience,
        )

    def _authorization(self) -> Authorization:
        if self._customer is not None:
            return basic(*self._customer)
        return agora_token(PROJECT, lambda: self.api.now, counted_entropy())
