"""The platform's call to a service that runs as a command."""

import json
from collections.abc import Mapping
from typing import Any

import httpx2

from tests.commands import Command
from tests.settings.given import RIGHT, SECRET

PATIENCE = 60.0


def listening(serve: Command) -> Mapping[str, Any]:
    """Where it listens, which may have been read on the way to something else."""
    said = [line for line in serve.said.splitlines() if "service.listening" in line]
    told: Mapping[str, Any] = json.loads(said[0] if said else serve.until("service.listening"))
    return told


def call(serve: Command) -> Mapping[str, str]:
    """What the platform is answered by a service with the settings RIGHT."""
    answer = httpx2.post(
        f"http://127.0.0.1:{listening(serve)['port']}/cekura/v1/sessions",
        headers={"X-Cekura-Secret": SECRET},
        json={"client_id": RIGHT["SESSION_CLIENT_ID"]},
        timeout=PATIENCE,
        trust_env=False,
    )
    details: Mapping[str, str] = answer.json()
    return details
