"""The settings that the contract's tests start from, and the one right call."""

import json
import secrets
import time
from collections.abc import Callable, Mapping

from session_service.app import RULES, Service, World, build
from session_service.settings import Layer, Settings, Sources, load
from tests.virtual_time import NOW

APP_ID = "970CA35de60c44645bbae8a215061b33"
CERTIFICATE = "5CFd2fd1755d40ecb72977518be15d3b"
CLIENT_ID = "acme-voice"
SECRET = "sentinel-secret-Zk3-Q9w2_p7Xv"
PATH = "/cekura/v1/sessions"
HEADER = b"x-cekura-secret"
RIGHT = ((HEADER, SECRET.encode()),)
BODY = json.dumps({"client_id": CLIENT_ID}).encode()
QUERY = b"client_id=" + CLIENT_ID.encode()

PLENTY: Mapping[str, str] = {
    "AGORA_APP_ID": APP_ID,
    "AGORA_APP_CERTIFICATE": CERTIFICATE,
    "SESSION_CLIENT_ID": CLIENT_ID,
    "SESSION_SECRET": SECRET,
    "SESSION_LAUNCHER": "none",
    "SESSION_STORE": "memory",
    "SESSION_MAX_SESSIONS": "10000000",
    "SESSION_MAX_STARTS": "10000000",
    "SESSION_AUTH_FAILURES": "1000000",
}
"""A service that mints only, and whose limits no test meets by accident."""


_MARK = secrets.token_bytes(3)
"""Of every session id here, and of this test process alone: agents of a session are found on the whole machine."""


class CountedEntropy:
    """Different bytes each time, the same for each service of this test process."""

    def __init__(self) -> None:
        self._drawn = 0

    def __call__(self, size: int) -> bytes:
        self._drawn += 1
        return ((_MARK + self._drawn.to_bytes(3, "big")) * size)[:size]


def settings(changes: Mapping[str, str]) -> Settings:
    """PLENTY with changes; an empty value takes a setting away."""
    return load(Sources(Layer("test", {**PLENTY, **changes})), RULES).settings


def service(changes: Mapping[str, str], monotonic: Callable[[], float] = time.monotonic) -> Service:
    """A service in a world that the machine has no part in but its clock."""
    return build(settings(changes), World(lambda: NOW, monotonic, CountedEntropy(), {}))
