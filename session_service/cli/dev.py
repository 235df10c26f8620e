"""`session-service dev`: the service on this machine, without any configuration.

Decided here: what is taken when nothing is set, and what a person is told: what to paste into the platform's form, a
call that works, and how to make the port reachable.
"""

import json
import shlex
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

import click

from session_service.check.target import DEFAULT_HEADER
from session_service.cli import made_up, running
from session_service.settings import Client, Layer, Settings, Sources

DEMO_AGENT = (sys.executable, "-m", "session_service.agents.demo")
_TUNNELS = {
    "cloudflared": "cloudflared tunnel --url http://127.0.0.1:{port}",
    "ngrok": "ngrok http {port}",
    "tailscale": "tailscale funnel {port}",
}


@click.command("dev")
def command() -> None:
    """Run on this machine. What is not configured is made up, and kept for the next start.

    Settings come from the environment, then from .env in the current folder. Press Ctrl-C to stop the service and
    every agent that it started.
    """
    environment, env_file, kept = _places(Path())
    given = made_up.given(environment, env_file)
    sources = Sources(
        Layer("environment", environment), Layer(".env", env_file), Layer(made_up.FILE, kept), weakest=_defaults(given)
    )

    def announce(settings: Settings) -> None:
        print(banner(settings, made_up_project="AGORA_APP_ID" in kept), flush=True)

    running.run(running.loaded(sources), {**env_file, **environment}, announce)


def _places(folder: Path) -> tuple[Mapping[str, str], Mapping[str, str], Mapping[str, str]]:
    """The environment, .env, and what was made up for this folder; or the end of the process with the reason."""
    environment = running.environment()
    try:
        env_file = made_up.read_env_file(folder / ".env")
        return environment, env_file, made_up.kept(folder, made_up.given(environment, env_file))
    except OSError as error:
        running.give_up(f"{error.filename}: {error.strerror}. Run dev in a folder of your own that can be written to.")
    except UnicodeDecodeError:
        running.give_up(f".env or {made_up.FILE}: not UTF-8 text. Save it as UTF-8.")


def _defaults(given: frozenset[str]) -> Layer:
    """What holds where nothing else does. A configuration file brings its own agents."""
    values = {"SESSION_LOG_FORMAT": "text", "SESSION_STORE": "memory"}
    if "SESSION_CONFIG" not in given:
        values["SESSION_LAUNCHER"] = "process"
        if "SESSION_PROCESS_COMMAND" not in given:
            values |= {"SESSION_PROCESS_COMMAND": shlex.join(DEMO_AGENT), "SESSION_PROCESS_READY": "line"}
    return Layer("dev", values)


def banner(settings: Settings, *, made_up_project: bool) -> str:
    """Everything that a person needs to make the first call."""
    base = running.base_url(settings.host, settings.port)
    blocks = [f"Session service for development, on {base}"]
    blocks += [_form(settings, client, base + settings.path) for client in settings.clients]
    blocks.append(_tunnel(settings.port, settings.path))
    if settings.ops.port is not None:
        ops = running.base_url(settings.ops.host, settings.ops.port)
        blocks.append(f"For yourself alone: {ops}/sessions, {ops}/events and {ops}/metrics")
    if made_up_project:
        blocks.append(
            "App ID and certificate are made up: tokens made from them open no real channel.\n"
            "For real ones set AGORA_APP_ID and AGORA_APP_CERTIFICATE in the environment or in .env."
        )
    blocks.append("Each call shows one line below. Press Ctrl-C to stop.\n")
    return "\n\n".join(blocks)


def _form(settings: Settings, client: Client, url: str) -> str:
    secret = client.secrets[0].value.decode("ascii")
    header = f"{settings.secret_header}: {secret}"
    return "\n".join(
        [
            "Paste into the platform's form:",
            f"  Session Endpoint URL  {url}",
            f"  Client ID             {client.client_id}",
            f"  Secret                {secret}",
            f"  Request Method        {settings.methods[0]}",
            f"  Secret Header Name    {settings.secret_header}",
            "",
            "Try it:",
            f"  {_curl(settings.methods[0], url, header, client.client_id)}",
            "",
            "Check it, in another terminal:",
            f"  {_check(settings, client, url, secret)}",
        ]
    )


def _check(settings: Settings, client: Client, url: str, secret: str) -> str:
    """The line that checks this endpoint. It is in the same environment as this process, be that on PATH or not."""
    words = [*_program(), "check", url, "--client-id", client.client_id, "--profile", "quick"]
    if settings.methods[0] != "POST":
        words += ["--method", settings.methods[0]]
    if settings.secret_header != DEFAULT_HEADER:
        words += ["--header", settings.secret_header]
    if client.tokens.join_uid != 1:
        words += ["--join-uid", str(client.tokens.join_uid)]
    return f"SESSION_SECRET={shlex.quote(secret)} {shlex.join(words)}"


def _program() -> tuple[str, ...]:
    """How this very program was started: by its name, or as a module."""
    name = sys.argv[0]
    return (name,) if Path(name).name == "session-service" else (sys.executable, "-m", "session_service")


def _curl(method: str, url: str, header: str, client_id: str) -> str:
    if method == "GET":
        words = ["curl", "-sS", "-G", url, "-H", header, "--data-urlencode", f"client_id={client_id}"]
    else:
        body = json.dumps({"client_id": client_id})
        words = ["curl", "-sS", url, "-H", header, "-H", "Content-Type: application/json", "-d", body]
    return shlex.join(words)


def _tunnel(port: int, path: str) -> str:
    found = [line.format(port=port) for name, line in _TUNNELS.items() if shutil.which(name)]
    reach = "The platform cannot reach a loopback address."
    if not found:
        return f"{reach} Install a tunnel program ({', '.join(_TUNNELS)}) to expose the port."
    lines = "\n".join(f"  {line}" for line in found)
    return f"{reach} Expose the port with:\n{lines}\nand paste the https URL that it prints, followed by {path}"
