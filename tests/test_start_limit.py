"""The limit on starts in flight, of the real service, over all of its clients."""

import json
from pathlib import Path

import httpx2
import pytest

from tests.test_restart import NEVER_READY, calling, serving, until_read

pytestmark = pytest.mark.real

OTHER = "secret-of-another-client-Zk3-Q9w2"


def test_one_clients_start_takes_the_deployments_only_place(tmp_path: Path) -> None:
    """Another one, which has started nothing, is told to come back."""
    (tmp_path / "clients.toml").write_text(f'[clients.other]\nsecret = "{OTHER}"\n')
    limits = {"SESSION_MAX_SESSIONS": "9", "SESSION_MAX_STARTS": "1", "SESSION_CONFIG": str(tmp_path / "clients.toml")}
    with serving(tmp_path, NEVER_READY, **limits) as served, calling(served), httpx2.Client(trust_env=False) as client:
        until_read(served)
        answer = client.post(served.url, headers={"X-Cekura-Secret": OTHER}, json={"client_id": "other"})
        assert (answer.status_code, json.loads(answer.content)["error"]["code"]) == (429, "start_limit")
