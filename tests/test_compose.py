"""deploy/compose.yaml: valid for any compose, closed by default, and naming only settings that the service reads."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any, cast

import pytest
from ruamel.yaml import YAML

from session_service.settings import NAMES

COMPOSE = Path(__file__).parent.parent / "deploy" / "compose.yaml"
NEEDED = ("AGORA_APP_ID", "AGORA_APP_CERTIFICATE", "SESSION_CLIENT_ID", "SESSION_SECRET")


@pytest.fixture(scope="module")
def service() -> dict[str, Any]:
    return cast(dict[str, Any], YAML(typ="safe").load(COMPOSE)["services"]["session-service"])


def test_the_compose_file_follows_the_specification() -> None:
    """An unknown key would be ignored by some versions and refused by others."""
    check = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(COMPOSE)]
    done = subprocess.run(check, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_environment_names_only_known_settings(service: dict[str, Any]) -> None:
    """A misspelt name would start a service without that setting."""
    assert set(service["environment"]) <= NAMES


@pytest.mark.parametrize("name", NEEDED)
def test_a_needed_variable_that_is_missing_stops_compose_with_a_sentence(service: dict[str, Any], name: str) -> None:
    """${NAME:?sentence}: refused before anything starts, when unset and when empty."""
    assert re.fullmatch(rf"\${{{name}:\?Set {name} to .+}}", service["environment"][name])


def test_everything_but_the_needed_four_has_a_default(service: dict[str, Any]) -> None:
    """Four variables are a working deployment."""
    others = {name: value for name, value in service["environment"].items() if name not in NEEDED}
    assert all(re.fullmatch(rf"\${{{name}:-.+}}", value) for name, value in others.items())


def test_no_value_of_a_secret_stands_in_the_file(service: dict[str, Any]) -> None:
    """A secret in a file that git keeps is no secret; here is only where it comes from."""
    assert all(value.startswith("${") for value in service["environment"].values())


def test_the_port_is_published_on_this_machine_only(service: dict[str, Any]) -> None:
    """Docker's own firewall rules go past the host's: a bare 8080:8080 is open to the world."""
    assert service["ports"] == ["127.0.0.1:8080:8080"]


def test_sessions_outlive_the_container(service: dict[str, Any]) -> None:
    """A volume with a name, where the image keeps them."""
    assert service["volumes"] == ["state:/var/lib/session-service"]
    assert "\nVOLUME /var/lib/session-service\n" in (COMPOSE.parent.parent / "Dockerfile").read_text()


def test_the_container_can_write_and_gain_nothing(service: dict[str, Any]) -> None:
    """Read-only but for /tmp, no capability, and no way back to one."""
    assert service["read_only"] is True
    assert [mount.partition(":")[0] for mount in service["tmpfs"]] == ["/tmp"]  # noqa: S108 - inside the container
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
