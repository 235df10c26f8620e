"""A whole service in a thread of this process, for tests of somebody's own: the real server, on a port of its own.

Decided here: what is made up where a test does not say, and how long start and end may take. Called by `pytest_plugin`;
whoever uses no pytest can call it too.
"""

import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from session_service.app import RULES, World, build
from session_service.http import server
from session_service.sessions.model import Entropy
from session_service.settings import Layer, Ops, Settings, Sources, load

PATIENCE = 30.0
"""Seconds until the service must answer, and again until it must have ended."""


@dataclass(frozen=True, slots=True)
class RunningService:
    """Where the service is, and what a caller needs to be let in. `ops_url` is None without an operator's port."""

    url: str
    client_id: str
    secret: str = field(repr=False)
    header: str
    app_id: str
    ops_url: str | None
    certificate: str = field(repr=False)


def made_up(entropy: Entropy) -> dict[str, str]:
    """Settings of a service that opens no real channel, starts no agent and keeps nothing."""
    return {
        "AGORA_APP_ID": entropy(16).hex(),
        "AGORA_APP_CERTIFICATE": entropy(16).hex(),
        "SESSION_CLIENT_ID": "test",
        "SESSION_SECRET": entropy(24).hex(),
        "SESSION_LAUNCHER": "none",
        "SESSION_STORE": "memory",
        "SESSION_OPS_PORT": "off",
    }


@contextmanager
def running(values: Mapping[str, str], world: World) -> Iterator[RunningService]:
    """A service with these settings, over those that are made up, until the block ends. Its ports are always free ones.

    Raises `settings.Refused`, with every problem, for settings that `serve` would refuse; RuntimeError where the
    service does not begin or end in time.
    """
    settings = load(Sources(Layer("test", {**made_up(world.entropy), **values})), RULES).settings
    listening = threading.Event()
    with server.bind("127.0.0.1", 0) as bound, server.bind("127.0.0.1", 0) as beside:
        settings = replace(settings, port=bound.getsockname()[1], ops=_ops(settings, beside))
        service = build(settings, world)
        ops = server.beside(service.ops, service.request_ids, settings.times, beside) if service.ops else None
        budget = max(client.answer_budget for client in settings.clients)
        serving = server.build(service, settings.times, budget, listening.set, ops)
        thread = threading.Thread(target=serving.run, args=([bound],), name="session-service", daemon=True)
        thread.start()
        try:
            if not listening.wait(PATIENCE):
                raise RuntimeError("The service did not begin to answer in time; its log says why.")
            yield _described(settings)
        finally:
            serving.should_exit = True
            thread.join(PATIENCE)
            if thread.is_alive():
                raise RuntimeError("The service did not end in time: an agent of it does not stop.")


def _ops(settings: Settings, bound: socket.socket) -> Ops:
    return settings.ops if settings.ops.port is None else replace(settings.ops, port=bound.getsockname()[1])


def _described(settings: Settings) -> RunningService:
    client = settings.clients[0]
    return RunningService(
        url=f"http://127.0.0.1:{settings.port}{settings.path}",
        client_id=client.client_id,
        secret=client.secrets[0].value.decode("ascii"),
        header=settings.secret_header,
        app_id=client.app_id,
        ops_url=f"http://127.0.0.1:{settings.ops.port}" if settings.ops.port else None,
        certificate=client.certificate,
    )
