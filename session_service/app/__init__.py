"""Settings → a running service. The only room that names launchers and stores, and puts the rooms together.

Called by `cli` and by tests; `rules` is what settings must hold to, `offers` what a client may have. Nothing here reads
the environment, the clock or the machine's randomness by itself: they are arguments.
"""

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette

from session_service import logs
from session_service.agents.contract import Connected
from session_service.agora import notifications
from session_service.agora.notifications import Product
from session_service.app.offers import World as World
from session_service.app.offers import offer
from session_service.app.rules import RULES as RULES
from session_service.errors import TooManyReports
from session_service.http import probes, reports
from session_service.http.auth import Auth, Callers, Failures, Key, Scope, Throttle, key
from session_service.http.gate import Gate
from session_service.http.hooks import Hook
from session_service.http.reports import Reports
from session_service.http.routes import Receive, RequestIds, Send, SessionEndpoint
from session_service.sessions.admission import Admission
from session_service.sessions.lifecycle import Sessions
from session_service.sessions.model import Limits, Offer, Opened, Reason
from session_service.sessions.news import News
from session_service.sessions.recovery import recovered
from session_service.sessions.store.contract import Store
from session_service.sessions.store.memory import MemoryStore
from session_service.settings import Client, Settings

if TYPE_CHECKING:
    from session_service.http.ops import OpsPort
    from session_service.metrics import Metrics


RETRY_JITTER = 5
"""Seconds over which refused callers are spread."""
LETTING_GO = 2.0
"""Seconds that the end of the process waits for the store and the connections to close, after the sessions."""

_log = logging.getLogger("session_service.app")


class Service:
    """The whole service as one ASGI application: the session endpoint at its path, everything else behind it."""

    def __init__(
        self,
        endpoint: SessionEndpoint,
        path: str,
        rest: Starlette,
        request_ids: RequestIds,
        sessions: Sessions,
        *,
        ops: Gate | None = None,
    ) -> None:
        self._endpoint = endpoint
        self._paths = {path, path + "/"}
        self._rest = rest
        self.request_ids = request_ids
        self.drain = sessions.drain
        """Take no new session from now on."""
        self.hurry = sessions.hurry
        """Wait no longer for the ends of agents, where the service ends and waits for them."""
        self.ops = ops
        """What the operator's port answers, where there is to be one."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The endpoint's path has its own door, since every call that counts goes through it."""
        if scope["type"] == "http" and scope["path"] in self._paths:
            await self._endpoint(scope, receive, send)
        else:
            await self._rest(scope, receive, send)  # type: ignore[arg-type]  # Starlette's maps are mutable, ours plain


def build(settings: Settings, world: World) -> Service:
    """Put a service together. Starts nothing: that is the server's lifespan."""
    request_ids = RequestIds(world.entropy(6).hex())
    jitter = random.Random(world.entropy(16))  # noqa: S311 - spreads retries, protects nothing
    deployment = Limits(settings.max_sessions, settings.max_starts)
    metrics = _metrics(settings)
    store = _store(settings.store, world, metrics)
    admission = Admission(store, deployment, lambda: jitter.randint(0, RETRY_JITTER))
    sessions = Sessions(store, admission, world.time, world.entropy)
    offers = {client.name: offer(settings, client, sessions, store, world) for client in settings.clients}
    throttle = Throttle(settings.failures_per_minute, world.monotonic)
    auth = Auth(
        settings.secret_header,
        [entry for client in settings.clients for entry in _keys(client, offers[client.name])],
        Callers(settings.caller_networks, settings.trusted_proxies),
        throttle,
    )
    endpoint = SessionEndpoint(auth, sessions, settings.methods, request_ids)
    failures = Failures(Callers((), settings.trusted_proxies), throttle)
    heard: list[Hook | Reports] = [
        *_hooks(settings, News(sessions, world.time), failures, request_ids),
        _reports(sessions, failures, world, request_ids),
    ]
    ops = _ops(settings, sessions, store, world, request_ids, metrics=metrics, heard=heard) if metrics else None
    routes = [one.route() for one in heard]
    rest = probes.build(sessions, request_ids, lambda: _life(sessions, store, offers, ops), routes)
    return Service(endpoint, settings.path, rest, request_ids, sessions, ops=ops.app if ops else None)


@asynccontextmanager
async def _life(
    sessions: Sessions, store: Store, offers: Mapping[str, Offer], ops: "OpsPort | None"
) -> AsyncIterator[None]:
    """From before the first call to after the last: what an earlier start left, and what this one has to leave."""
    with ops.listening() if ops else nullcontext():
        async with recovered(sessions, store, offers):
            yield
        await sessions.close()
        launchers: list[object] = [offer.launcher for offer in offers.values()]
        connections = [launcher.aclose for launcher in launchers if isinstance(launcher, Connected)]
        await let_go([store.close, *connections])


async def let_go(closings: Sequence[Callable[[], Coroutine[Any, Any, None]]]) -> None:
    """Close what is still open; the process ends all the same, whatever does not close in time or fails to."""
    tasks = [asyncio.create_task(close()) for close in closings]
    _, open_still = await asyncio.wait(tasks, timeout=LETTING_GO)
    failed = [task for task in tasks if task not in open_still and task.exception()]
    if open_still or failed:
        values = {"event": "service.not_closed", "count": len(open_still) + len(failed), "of": len(tasks)}
        _log.warning("the store or connections of launchers were not closed", extra=values)
    for task in open_still:
        task.cancel()


def _metrics(settings: Settings) -> "Metrics | None":
    """What is counted, unless the operator's port is off: nobody could ask then."""
    if settings.ops.port is None:
        return None
    from session_service.metrics import Metrics

    return Metrics(settings.max_sessions, Reason)


def _ops(
    settings: Settings,
    sessions: Sessions,
    store: Store,
    world: World,
    request_ids: RequestIds,
    *,
    metrics: "Metrics",
    heard: Sequence[Hook | Reports],
) -> "OpsPort":
    """What the operator's port serves."""
    from session_service.http.ops import OpsPort
    from session_service.journal import SIZE, Journal

    first = int(world.time() * 1_000_000)  # over every number of an earlier process, and exact in JavaScript
    journal = Journal(SIZE, first, logs.masking(settings.secret_texts()))
    return OpsPort(
        settings.ops, sessions, store, journal=journal, metrics=metrics, heard=heard, request_ids=request_ids
    )


def _hooks(settings: Settings, news: News, failures: Failures, request_ids: RequestIds) -> list[Hook]:
    """A path for each product that anybody has configured a secret for."""
    secrets: dict[Product, dict[bytes, set[str]]] = {notifications.RTC: {}, notifications.CONVOAI: {}}
    for client in settings.clients:
        live = client.webhook_secrets
        for product, values in ((notifications.RTC, live.rtc), (notifications.CONVOAI, live.convoai)):
            for value in values:
                secrets[product].setdefault(value, set()).add(client.name)
    return [Hook(product, found, news, failures, request_ids) for product, found in secrets.items() if found]


def _reports(sessions: Sessions, failures: Failures, world: World, request_ids: RequestIds) -> Reports:
    throttle = Throttle(reports.PER_MINUTE, world.monotonic, TooManyReports)
    return Reports(sessions, failures, throttle, world.time, request_ids)


def _keys(client: Client, offer: Offer) -> list[Key]:
    return [key(secret.value, Opened(offer, secret.label)) for secret in client.secrets]


def _store(store: str, world: World, metrics: "Metrics | None") -> Store:
    """The store that SESSION_STORE names, timed where somebody counts; SettingsError when it cannot be used."""
    found = _untimed(store, world)
    if metrics is None:
        return found
    from session_service.sessions.store.timed import TimedStore

    return TimedStore(found, world.monotonic, metrics.stored)


def _untimed(store: str, world: World) -> Store:
    kind, _, path = store.partition(":")
    deployment = world.entropy(4).hex()
    if kind == "sqlite":
        from session_service.sessions.store.sqlite import open_store

        return open_store(Path(path), deployment)
    return MemoryStore(deployment)
