"""The agent worker, and the checker's seat, with the Python sources of Agora's SDK and another native library."""

import hashlib
import json
import os
import subprocess
import sys
import tarfile
from base64 import b64decode, b64encode
from pathlib import Path

import pytest

from session_service.check.watching import join
from tests.agents.conftest import Events, Exits, Run, events, exits, run
from tests.agents.processes import process_launcher
from tests.agents.specs import agent_spec
from tests.agents.starts import started
from tests.interop.official import installed

__all__ = ["events", "exits", "run"]  # the fixtures of the launchers' tests

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]
HERE = Path(__file__).parent
EXAMPLES = HERE.parents[1] / "examples"
NATIVE = (sys.executable, str(HERE / "fake_native.py"))
DOWNLOAD = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:", "--require-hashes"]


def downloaded() -> Path:
    """The folder of the SDK's archive, as it is published."""
    return installed(HERE / "agora_sdk.txt", (), [*DOWNLOAD, "-r", "agora_sdk.txt"])


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The SDK, unpacked and not built: building it would download the library."""
    unpacked = tmp_path_factory.mktemp("sdk")
    with tarfile.open(next(downloaded().glob("*.tar.gz"))) as archive:
        archive.extractall(unpacked, filter="data")
    return next(unpacked.iterdir())


def environment(sources: Path) -> dict[str, str]:
    """Where these sources are the only SDK, and the stub is what mypy knows of it."""
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(EXAMPLES), str(sources)]),
        "MYPYPATH": str(EXAMPLES / "typings"),
    }


def test_the_sdks_own_code_takes_every_call_of_the_worker(
    sources: Path, events: Events, exits: Exits, run: Run
) -> None:
    """Join, key and salt in the C structure, an echo without a lost byte, the tester's leaving, exit code 0."""
    launcher = process_launcher((*NATIVE, "agora_worker"), on_exit=exits, environment=environment(sources))
    encryption = agent_spec().encryption
    assert encryption is not None
    digest = hashlib.sha256(encryption.key.encode() + b64decode(encryption.salt or "")).hexdigest()

    async def main() -> None:
        await started(launcher)
        await exits.happened.wait()

    run(main())
    assert {f"native: mode 8, key and salt {digest}", "native: echo complete"} <= set(events.lines)
    assert [code for _, code in exits.seen] == [0]


def test_the_sdks_own_code_takes_every_call_of_the_checkers_seat(sources: Path) -> None:
    """Encryption, join, somebody who comes and is heard, and leaving with exit code 0; told as events."""
    seat = {"app_id": "0" * 32, "channel": "room", "token": "007x", "uid": 2}
    encryption = {"mode_number": 8, "key": "key", "salt": b64encode(bytes(range(32))).decode()}
    command = [*NATIVE, join.MODULE]
    with subprocess.Popen(
        command, env=environment(sources), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write(json.dumps({**seat, "encryption": encryption}) + "\n")
        process.stdin.flush()
        told = [json.loads(process.stdout.readline())["event"] for _ in range(4)]
        process.stdin.close()
        assert process.wait(60) == 0
    assert told == ["ready", "joined", "came", "heard"]


def test_the_stub_says_what_the_sdk_is(sources: Path, tmp_path: Path) -> None:
    """By mypy's stubtest. The stub leaves out what the worker does not use, and nothing else."""
    command = [*NATIVE, "mypy.stubtest", "agora", "--ignore-missing-stub", "--concise"]
    done = subprocess.run(
        command, env=environment(sources), cwd=tmp_path, capture_output=True, text=True, check=False, timeout=500
    )
    told = [line for line in done.stdout.splitlines() if line.startswith("agora.")]
    assert told, done.stdout + done.stderr
    assert [line for line in told if "stub does not have parameter" not in line] == []
