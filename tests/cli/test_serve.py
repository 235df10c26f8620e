"""`session-service serve` as a process."""

import json
from pathlib import Path

import pytest

from tests.commands import command, run
from tests.settings.given import RIGHT

pytestmark = pytest.mark.real


def test_serve_writes_json_lines_to_standard_error_only(tmp_path: Path) -> None:
    """Its start, its warnings and its end: whatever collects the log can parse each line."""
    with command(tmp_path, "serve > out", {**RIGHT, "SESSION_SECRTE": "x"}) as serve:
        line = json.loads(serve.until("service.listening"))
        assert serve.terminate() == 0
    assert (line["event"], line["launchers"], line["clients"]) == ("service.listening", ["none"], ["default"])
    assert {json.loads(line)["event"] for line in serve.said.splitlines()} >= {"service.listening", "service.warning"}
    assert (tmp_path / "out").read_text() == ""


def test_sigterm_ends_serve_with_0(tmp_path: Path) -> None:
    """What an orchestrator sends is a wish, and not a failure."""
    with command(tmp_path, "serve", RIGHT) as serve:
        serve.until("service.listening")
        assert serve.terminate() == 0
    assert "Traceback" not in serve.said


def test_serve_can_write_text(tmp_path: Path) -> None:
    """For a person; also where the TOML file says so."""
    (tmp_path / "clients.toml").write_text('log_format = "text"\n')
    with command(tmp_path, "serve", {**RIGHT, "SESSION_CONFIG": "clients.toml"}) as serve:
        assert not serve.until("listening").startswith("{")


def test_serve_ends_with_2_where_nothing_can_be_listened_on(tmp_path: Path) -> None:
    """An address that is not this machine's (RFC 5737)."""
    done = run(tmp_path, "serve", {**RIGHT, "SESSION_HOST": "192.0.2.1"})
    assert done.returncode == 2
    assert done.stderr.startswith("Cannot listen on 192.0.2.1:8080")
    assert done.stderr.count("\n") == 1
