"""Settings that are right, and the ways in which tests change and read them."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from session_service.app import RULES
from session_service.settings import Client, Layer, Loaded, Refused, Sources, load

SECRET = "sentinel-secret-Zk3-Q9w2_p7Xv"
OTHER = "another-secret-Vb8-R4t6_m1Yz"
CERTIFICATE = "5CFd2fd1755d40ecb72977518be15d3b"
MASTER_KEY = bytes(range(32)).hex()

RIGHT: Mapping[str, str] = {
    "AGORA_APP_ID": "970CA35de60c44645bbae8a215061b33",
    "AGORA_APP_CERTIFICATE": CERTIFICATE,
    "SESSION_CLIENT_ID": "acme-voice",
    "SESSION_SECRET": SECRET,
    "SESSION_LAUNCHER": "none",
}
TEMPLATE = str(Path(__file__).parent / "template.json")
CONVOAI = {"SESSION_LAUNCHER": "convoai", "SESSION_CONVOAI_TEMPLATE": TEMPLATE}
SIGNING_SECRET = "whsec_" + "c2VudGluZWw" * 4
HTTP = {
    "SESSION_LAUNCHER": "http",
    "SESSION_HTTP_URL": "https://agents.example/v1/agents",
    "SESSION_HTTP_SECRETS": SIGNING_SECRET,
}
TEN_TEMPLATE = str(Path(__file__).parent / "ten.json")
TEN = {
    "SESSION_LAUNCHER": "ten",
    "SESSION_TEN_URL": "http://127.0.0.1:8080",
    "SESSION_TEN_TEMPLATE": TEN_TEMPLATE,
}
IDENTITY = frozenset({"SESSION_CLIENT_ID", "SESSION_SECRET"})
SHARED = {name: value for name, value in RIGHT.items() if name not in IDENTITY}
"""What may hold for every client of a file."""


def loaded(changes: Mapping[str, str]) -> Loaded:
    """RIGHT with changes, from the environment; an empty value takes a setting away."""
    return load(Sources(Layer("environment", {**RIGHT, **changes})), RULES)


def client(changes: Mapping[str, str]) -> Client:
    """The only client of these settings."""
    (found,) = loaded(changes).settings.clients
    return found


def refusal(changes: Mapping[str, str]) -> Refused:
    """Why RIGHT with these changes is refused."""
    with pytest.raises(Refused) as caught:
        loaded(changes)
    return caught.value


def problems(changes: Mapping[str, str]) -> list[str]:
    """The names under which problems are told, in order."""
    return [problem.name for problem in refusal(changes).problems]


def only_problem(changes: Mapping[str, str]) -> str:
    """The rule of the one problem that there is."""
    (problem,) = refusal(changes).problems
    return problem.what


def from_file(folder: Path, toml: str, environment: Mapping[str, str] = SHARED) -> Loaded:
    """Settings from this file and environment."""
    path = folder / "clients.toml"
    path.write_text(toml, encoding="utf-8")
    return load(Sources(Layer("environment", {**environment, "SESSION_CONFIG": str(path)})), RULES)


def file_refusal(folder: Path, toml: str, environment: Mapping[str, str] = SHARED) -> Refused:
    """Why this file is refused."""
    with pytest.raises(Refused) as caught:
        from_file(folder, toml, environment)
    return caught.value
