"""The tokens of Agora's own test suites, and the values that the tests of this room share."""

import json
from pathlib import Path
from typing import Any

from session_service.agora.identifiers import Project
from session_service.agora.token_services import KINDS, Service

_FILE = Path(__file__).parent.parent / "vectors" / "agora_tokens.json"
_VECTORS: dict[str, Any] = json.loads(_FILE.read_text())

V007: list[dict[str, Any]] = _VECTORS["v007"]
V006: list[dict[str, Any]] = _VECTORS["v006"]
PROJECT = Project(_VECTORS["dummy_app_id"], _VECTORS["dummy_app_certificate"])
OTHER_CERTIFICATE = "0123456789abcdef0123456789ABCDEF"


def service(written: dict[str, Any]) -> Service:
    """Turn a vector's service into ours."""
    fields = {name: value for name, value in written.items() if name not in ("type", "privileges")}
    privileges = {int(number): seconds for number, seconds in written["privileges"].items()}
    return Service(KINDS[written["type"]], privileges, fields)
