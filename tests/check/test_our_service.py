"""Our own service, as a process, passes every check of ours, strictly."""

import json
from pathlib import Path

import pytest

from tests.check.correct import PROJECT
from tests.check.services import serving

pytestmark = pytest.mark.real

DEMO_AGENT: dict[str, str] = {}
"""What `dev` starts where nothing else is set: the process launcher with the demo agent."""
ENCRYPTED = {"SESSION_ENCRYPTION_MODE": "aes_256_gcm2", "SESSION_ENCRYPTION_SOURCE": "random"}


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"SESSION_LAUNCHER": "none"}, ""),
        (DEMO_AGENT, ""),
        (DEMO_AGENT | ENCRYPTED, "--expect-encryption aes_256_gcm2"),
        ({"SESSION_LAUNCHER": "none", "SESSION_METHODS": "GET"}, "--method GET"),
        (DEMO_AGENT, "--follow --follow-seconds 1"),
    ],
    ids=["none", "demo agent", "encrypted", "GET", "followed"],
)
def test_our_service_passes_the_full_profile_strictly(settings: dict[str, str], words: str, tmp_path: Path) -> None:
    """With exit code 0; what is skipped is what a plain server on this machine has not got."""
    project = {"AGORA_APP_ID": PROJECT.app_id, "AGORA_APP_CERTIFICATE": PROJECT.certificate}
    with serving(tmp_path, settings | project) as service:
        where = f"--ops {service.ops}" if "--follow" in words else ""
        done = service.check(f"--profile full --strict --json - {words} {where}", **project)
    found = json.loads(done.stdout)["checks"]
    assert done.returncode == 0, [one for one in found if one["outcome"] not in ("pass", "skip")]
    told = {one["id"]: one["outcome"] for one in found if one["outcome"] not in ("pass", "skip")}
    assert told == ({"G02": "info"} if "--follow" in words else {})
    assert not [one["id"] for one in found if "did not pass" in one["reason"]]
