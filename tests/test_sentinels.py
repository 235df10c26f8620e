"""No secret of a full run is seen anywhere that people or programs look: logs, errors, reprs, processes."""

import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest

from session_service.agora.identifiers import Project
from session_service.sessions.model import Session
from tests.agents.programs import PROC
from tests.agents.specs import agent_spec, entropy
from tests.commands import Command, command
from tests.settings.given import CERTIFICATE, MASTER_KEY, RIGHT, SECRET, loaded
from tests.transports import usual
from tests.virtual_time import NOW

KEEPS = """
import os, pathlib, signal, sys
data = sys.stdin.read()
pathlib.Path(sys.argv[1], str(os.getpid())).write_text(data)
print(data, flush=True)
"""
STAYS = KEEPS + "print('ready', data.upper(), flush=True); signal.pause()"
FAILS = KEEPS + "sys.exit(data)"
AGENTS = {"stays": STAYS, "fails": FAILS}
CALLABLE = "async def run(spec):\n    raise RuntimeError([spec, spec.agora.token, spec.encryption.key])\n"
OPS_TOKEN = "sentinel-ops-token-Qw4-7zRk_mB1"
ALONE: dict[str, Any] = {"timeout": 60, "trust_env": False}
"""How every call is made: patiently, and by no proxy of the machine's."""
CLIENTS = ("stays", "fails", "raises", "missing", "random")
ENVIRONMENT = {
    "AGORA_APP_ID": RIGHT["AGORA_APP_ID"],
    "AGORA_APP_CERTIFICATE": CERTIFICATE,
    "SESSION_ENCRYPTION_MODE": "aes_256_gcm2",
    "SESSION_ENCRYPTION_SOURCE": "derived",
    "SESSION_ENCRYPTION_MASTER_KEY": MASTER_KEY,
    "SESSION_OPS_TOKEN": OPS_TOKEN,
    "SESSION_STORE": "sqlite:sessions.db",
}


def toml(folder: Path) -> str:
    """A client for each fate of an agent; those that run say all that they know."""
    commands = {name: json.dumps([sys.executable, "-c", code, str(folder)]) for name, code in AGENTS.items()}
    tables = {
        "stays": f'launcher = "process"\nprocess_ready = "line"\nprocess_command = {commands["stays"]}',
        "fails": f'launcher = "process"\nprocess_ready = "line"\nprocess_command = {commands["fails"]}',
        "raises": 'launcher = "python"\npython_callable = "raises:run"',
        "missing": f'launcher = "process"\nprocess_command = ["./no-such-program-{MASTER_KEY[:4]}"]',
        "random": 'launcher = "none"\nencryption_source = "random"',
    }
    return "".join(
        f"[clients.{name}]\nsecret = {json.dumps(secret(name))}\n{table}\n" for name, table in tables.items()
    )


def secret(name: str) -> str:
    """A client's own secret, with characters that JSON escapes."""
    return f'{SECRET}-{name}/="\\'


@dataclass
class Seen:
    """What must not be seen, and where was looked."""

    sentinels: set[str] = field(default_factory=set)
    refusals: list[str] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)
    processes: list[str] = field(default_factory=list)
    kept: str = ""


def ask(base: str, name: str, sent: str, **more: object) -> httpx2.Response:
    """One call for a client with a secret."""
    body: Any = more or {"json": {"client_id": name}}
    return httpx2.post(base, headers={"X-Cekura-Secret": sent}, **ALONE, **body)


def good_calls(base: str, seen: Seen) -> None:
    """Every client, by its own secret."""
    for name in CLIENTS:
        answer = ask(base, name, secret(name))
        if answer.status_code == 200:
            details = answer.json()
            seen.sentinels |= {details["agora_token"], details["encryption_key"], details["encryption_salt"]}
        else:
            seen.refusals.append(answer.text + str(answer.headers))


def bad_calls(base: str, seen: Seen) -> None:
    """A secret in every place that is not its own."""
    right = secret("random")
    calls = [
        ask(base, "random", right + "x"),
        ask(base, right, right),
        ask(base, "random", right, json=[right]),
        ask(base, "random", right, content=b"{" + right.encode()),
        ask(base, "random", "", json={"client_id": "random", "secret": right}),
        httpx2.get(base, params={"client_id": right, "secret": right}, **ALONE),
        httpx2.put(base + "/" + right, headers={"X-Cekura-Secret": right}, content=CERTIFICATE, **ALONE),
        httpx2.get(base.rpartition("/")[0] + "/" + right.replace("/", "-"), **ALONE),
    ]
    assert {answer.status_code // 100 for answer in calls} == {4}
    seen.refusals += [answer.text + str(answer.headers) for answer in calls]


def operators_calls(port: int, seen: Seen) -> None:
    """All that the operator's port has to say, and what it says to others."""
    headers = {"Authorization": f"Bearer {OPS_TOKEN}"}
    with httpx2.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, **ALONE) as client:
        found = client.get("/sessions")
        ids = [session["session_id"] for session in found.json()["sessions"]]
        answers = [found, client.get("/metrics"), *(client.get(f"/sessions/{one}") for one in ids)]
        assert {answer.status_code for answer in answers} == {200}
        answers.append(client.get("/sessions", headers={"Authorization": f"Bearer {OPS_TOKEN}x"}))
        seen.shown += [answer.text + str(answer.headers) for answer in answers]
        with client.stream("GET", "/events") as events:
            for line in events.iter_lines():
                seen.shown.append(line)
                if '"not_the_operator"' in line:
                    break


def children(pid: int) -> Iterator[Path]:
    """The folders in /proc of a process's children."""
    for listing in (PROC / str(pid)).glob("task/*/children"):
        yield from (PROC / child for child in listing.read_text().split())


def shown(process: Path) -> str:
    """What other users of a machine may see of a process, and what it hands to its own children."""
    return "".join((process / name).read_bytes().decode("latin-1") for name in ("cmdline", "environ"))


def kept(folder: Path) -> str:
    """What the store has in its files."""
    return "".join(path.read_bytes().decode("latin-1") for path in sorted(folder.glob("sessions.db*")))


@pytest.fixture(scope="module")
def full_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Command, Seen]:
    """The service over sockets, called well and badly, and ended."""
    tmp_path = tmp_path_factory.mktemp("run")
    handed = tmp_path / "handed"
    handed.mkdir()
    (tmp_path / "clients.toml").write_text(toml(handed))
    (tmp_path / "raises.py").write_text(CALLABLE)
    seen = Seen({SECRET, CERTIFICATE, MASTER_KEY, OPS_TOKEN, *map(secret, CLIENTS)})
    with command(tmp_path, "serve", {**ENVIRONMENT, "SESSION_CONFIG": "clients.toml"}) as serve:
        ports = json.loads(serve.until("service.listening"))
        base = f"http://127.0.0.1:{ports['port']}/cekura/v1/sessions"
        good_calls(base, seen)
        bad_calls(base, seen)
        operators_calls(ports["ops_port"], seen)
        seen.processes = [shown(folder) for folder in children(serve.process.pid)]
        seen.kept = kept(tmp_path)
        assert serve.terminate() == 0
        seen.kept += kept(tmp_path)
    for path in handed.iterdir():
        document = json.loads(path.read_text())
        seen.sentinels |= {document["agora"]["token"], document["encryption"]["key"], document["encryption"]["salt"]}
        seen.sentinels.add(document["report"]["token"])
    return serve, seen


def leaks(sentinels: set[str], text: str) -> list[str]:
    """The beginnings of those sentinels that stand in the text, in any case or as JSON writes them."""
    lower = text.lower()
    return [one[:6] for one in sentinels if one.lower() in lower or json.dumps(one)[1:-1].lower() in lower]


@pytest.mark.real
def test_no_sentinel_of_a_full_run_is_seen_anywhere(full_run: tuple[Command, Seen]) -> None:
    """Not in a log line, a refusal, the store, what the operator is shown, or what others see of an agent."""
    serve, seen = full_run
    assert len(seen.sentinels) >= 3 + len(CLIENTS) + 9
    assert leaks(seen.sentinels, serve.said) == []
    assert leaks(seen.sentinels, "".join(seen.refusals)) == []
    assert leaks(seen.sentinels, "".join(seen.processes)) == []
    assert leaks(seen.sentinels, "".join(seen.shown)) == []
    assert leaks(seen.sentinels, seen.kept) == []


@pytest.mark.real
def test_the_full_run_had_everything_in_it_that_could_leak(full_run: tuple[Command, Seen]) -> None:
    """Agents that talk, that fail, that raise, that do not exist; each refusal; and the places that were looked at."""
    serve, seen = full_run
    lines = [json.loads(line) for line in serve.said.splitlines()]
    assert {line["event"] for line in lines} >= {
        "agent.output",
        "agent.exited",
        "agent.not_started",
        "agent.failed",
        "call",
    }
    assert {line["outcome"] for line in lines if line["event"] == "call"} >= {"ok", "agent_refused", "unauthenticated"}
    assert "[removed]" in serve.said
    assert [word in "".join(seen.shown) for word in ("agent.output", "[removed]", "_total", "timeline")] == [True] * 4
    assert [word in seen.kept for word in ("cekura-", "shutdown", '"pid"')] == [True] * 3
    assert len(re.findall("SESSION_ID=", "".join(seen.processes))) == (1 if PROC.exists() else 0)


def test_no_repr_shows_a_secret() -> None:
    """Settings, sessions and what an agent is handed: what a traceback or a debugger would print."""
    transport = usual(Project(RIGHT["AGORA_APP_ID"], CERTIFICATE))
    details, _ = transport.join("s-1", NOW, entropy("s-1"))
    spec = agent_spec()
    text = repr([loaded(ENVIRONMENT), Session("s-1", "acme", "channel", 0, details), spec, transport])
    assert leaks({SECRET, CERTIFICATE, MASTER_KEY, OPS_TOKEN, details.agora_token, *spec.secrets()}, text) == []
