"""The checks on endpoints that others could have written: the two of examples/minimal_endpoint, as processes."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agora.tools import tool
from tests.check.correct import CLIENT, PROJECT, SECRET, checked, outcomes

pytestmark = pytest.mark.real

ENDPOINTS = Path(__file__).parents[2] / "examples" / "minimal_endpoint"
ENVIRONMENT = {
    "AGORA_APP_ID": PROJECT.app_id,
    "AGORA_APP_CERTIFICATE": PROJECT.certificate,
    "SESSION_CLIENT_ID": CLIENT,
    "SESSION_SECRET": SECRET,
}


@pytest.fixture(params=["endpoint.py", "endpoint.mjs"])
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    """The endpoint's URL, as it prints it."""
    program = sys.executable if request.param.endswith(".py") else tool("node", "install Node.js 20 or newer")
    command = [program, str(ENDPOINTS / request.param), "0"]
    with subprocess.Popen(command, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        yield process.stdout.readline().strip()
        process.terminate()


def test_a_minimal_endpoint_passes_every_check(url: str) -> None:
    """Of the full profile, in Python and in Node, without a word."""
    report = checked(url, "full")
    assert report.passed(strict=True)
    assert set(outcomes(report).values()) <= {"pass", "skip"}, outcomes(report)
