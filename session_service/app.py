"""Settings → a running service. The only place that names launchers and puts the rooms together.

Called by `cli` and by tests. Nothing here reads the environment, the clock or the machine's randomness by itself: they
are arguments.
"""

import math
import random
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.applications import Starlette

from session_service import logs
from session_service.agents.contract import Connected, Launcher, OnExit
from session_service.agora import areas, encryption, identifiers, notifications
from session_service.agora.notifications import Product
from session_service.agora.transport import AgoraTransport
from session_service.errors import TooManyReports
from session_service.http import probes, reports
from session_service.http.auth import Auth, Callers, Failures, Key, Scope, Throttle, key
from session_service.http.gate import Gate
from session_service.http.hooks import Hook
from session_service.http.reports import Reports
from session_service.http.routes import Receive, RequestIds, Send, SessionEndpoint
from session_service.sessions.admission import Admission
from session_service.sessions.lifecycle import Clock, Entropy, Sessions
from session_service.sessions.model import Clocks, Limits, Offer, Opened
from session_service.sessions.news import News
from session_service.sessions.recovery import recover
from session_service.sessions.store.contract import Store
from session_service.sessions.store.memory import MemoryStore
from session_service.settings import NAMES, AgentServer, Client, ConvoAi, Rules, Settings, Ten

if TYPE_CHECKING:
    from session_service.http.ops import OpsPort


def _loadable(text: str) -> object:
    """Import the callable now: a name that leads nowhere is a problem of the settings, not of the first call."""
    from session_service.agents.python import load_callable

    return load_callable(text)


def _readable_template(path: str) -> object:
    from session_service.agents.convoai_body import load_template

    return load_template(path)


def _readable_ten_template(path: str) -> object:
    from session_service.agents.ten_body import load_template

    return load_template(path)


def _callable_url(text: str) -> object:
    from session_service.agents.outgoing import checked_url

    return checked_url(text)


def _signing_secret(text: str) -> str:
    from session_service.agents.signing import checked_secret

    return checked_secret(text)


RULES = Rules(
    app_id=identifiers.app_id,
    certificate=identifiers.app_certificate,
    uid=identifiers.uid,
    channel_prefix=identifiers.channel_prefix,
    encryption_mode=encryption.mode,
    master_key=encryption.master_key,
    agent_callable=_loadable,
    convoai_template=_readable_template,
    convoai_area=areas.base_url,
    base_url=_callable_url,
    signing_secret=_signing_secret,
    ten_template=_readable_ten_template,
    longest_convoai_idle=areas.LONGEST_IDLE,
    longest_lifetime=identifiers.MAX_LIFETIME,
)
"""What settings must hold to, from the rooms that know."""

RETRY_JITTER = 5
"""Seconds over which refused callers are spread."""
TEN_SLACK = 60
"""Seconds between the longest session and the end that a TEN server itself puts to an agent."""


@dataclass(frozen=True, slots=True)
class World:
    """What a service takes from outside: Unix time, a monotonic clock, random bytes, its children's environment."""

    time: Clock
    monotonic: Clock
    entropy: Entropy
    environment: Mapping[str, str]


class Service:
    """The whole service as one ASGI application: the session endpoint at its path, everything else behind it."""

    def __init__(
        self,
        endpoint: SessionEndpoint,
        path: str,
        rest: Starlette,
        request_ids: RequestIds,
        drain: Callable[[], None],
        *,
        ops: Gate | None = None,
    ) -> None:
        self._endpoint = endpoint
        self._paths = {path, path + "/"}
        self._rest = rest
        self.request_ids = request_ids
        self.drain = drain
        """Take no new session from now on."""
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
    store = _store(settings.store, world)
    admission = Admission(store, deployment, lambda: jitter.randint(0, RETRY_JITTER))
    sessions = Sessions(store, admission, world.time, world.entropy)
    offers = {client.name: _offer(settings, client, sessions, store, world) for client in settings.clients}
    throttle = Throttle(settings.failures_per_minute, world.monotonic)
    auth = Auth(
        settings.secret_header,
        [entry for client in settings.clients for entry in _keys(client, offers[client.name])],
        Callers(settings.caller_networks, settings.trusted_proxies),
        throttle,
    )
    endpoint = SessionEndpoint(auth, sessions, settings.methods, request_ids)
    ops = _ops(settings, sessions, store, world, request_ids)
    failures = Failures(Callers((), settings.trusted_proxies), throttle)
    rest = probes.build(
        sessions,
        request_ids,
        lambda: _life(sessions, store, offers, ops),
        [
            *(hook.route() for hook in _hooks(settings, News(sessions, world.time), failures, request_ids)),
            _reports(sessions, failures, world, request_ids).route(),
        ],
    )
    return Service(endpoint, settings.path, rest, request_ids, sessions.drain, ops=ops.app if ops else None)


@asynccontextmanager
async def _life(
    sessions: Sessions, store: Store, offers: Mapping[str, Offer], ops: "OpsPort | None"
) -> AsyncIterator[None]:
    """From before the first call to after the last: what an earlier start left, and what this one has to leave."""
    with ops.listening() if ops else nullcontext():
        await recover(sessions, store, offers)
        yield
        await sessions.close()
        launchers: list[object] = [offer.launcher for offer in offers.values()]
        for launcher in launchers:
            if isinstance(launcher, Connected):
                await launcher.aclose()


def _ops(
    settings: Settings, sessions: Sessions, store: Store, world: World, request_ids: RequestIds
) -> "OpsPort | None":
    """What the operator's port serves, unless it is off."""
    if settings.ops.port is None:
        return None
    from session_service.http.ops import OpsPort
    from session_service.journal import SIZE, Journal
    from session_service.metrics import Metrics

    first = int(world.time() * 1_000_000)  # over every number of an earlier process, and exact in JavaScript
    journal = Journal(SIZE, first, logs.masking(settings.secret_texts()))
    return OpsPort(
        settings.ops, sessions, store, journal=journal, metrics=Metrics(settings.max_sessions), request_ids=request_ids
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


def _store(store: str, world: World) -> Store:
    """The store that SESSION_STORE names; SettingsError when its file cannot be used."""
    kind, _, path = store.partition(":")
    deployment = world.entropy(4).hex()
    if kind == "sqlite":
        from session_service.sessions.store.sqlite import open_store

        return open_store(Path(path), deployment)
    return MemoryStore(deployment)


def _offer(settings: Settings, client: Client, sessions: Sessions, store: Store, world: World) -> Offer:
    launcher = _launcher(client, sessions.agent_exited, world)
    base = settings.report_base(client)
    return Offer(
        client=client.name,
        client_id=client.client_id,
        transport=_transport(client),
        launcher=launcher,
        limits=Limits(client.max_sessions, client.max_starts),
        answer_budget=client.answer_budget,
        clocks=Clocks(
            client.max_duration,
            client.join_deadline,
            client.idle_timeout,
            evidence=settings.evidence(client) == "notifications",
        ),
        stop_at_shutdown=not (store.survives_restart and (launcher is None or launcher.survives_restart)),
        starts_at_once=client.launch.launcher == "python",
        report_url=reports.url(base) if base else None,
    )


def _transport(client: Client) -> AgoraTransport:
    tokens, settings = client.tokens, client.encryption
    return AgoraTransport(
        identifiers.Project(client.app_id, client.certificate),
        prefix=tokens.channel_prefix,
        join_uid=tokens.join_uid,
        agent_uid=tokens.agent_uid,
        lifetime=tokens.lifetime,
        token_version=tokens.version,
        encryption=encryption.mode(settings.mode) if settings.mode else None,
        master_key=encryption.master_key(settings.master_key) if settings.master_key else None,
    )


def _launcher(client: Client, on_exit: OnExit, world: World) -> Launcher | None:
    """The client's own launcher; its module is imported only where it is used."""
    launch = client.launch
    if launch.launcher == "process":
        from session_service.agents.process import ProcessLauncher

        return ProcessLauncher(
            command=launch.command,
            ready=launch.ready,
            environment=world.environment,
            hidden=NAMES,
            keep=launch.keep,
            on_exit=on_exit,
        )
    if launch.convoai is not None:
        return _convoai(client, launch.convoai, world)
    if launch.http is not None:
        return _http(launch.http, world)
    if launch.ten is not None:
        return _ten(client, launch.ten)
    if launch.launcher == "python":
        from session_service.agents.python import PythonLauncher, load_callable

        return PythonLauncher(load_callable(launch.callable), on_exit=on_exit)
    return None


def _convoai(client: Client, settings: ConvoAi, world: World) -> Launcher:
    from session_service.agents import convoai_auth
    from session_service.agents.convoai import ConvoAiLauncher
    from session_service.agents.convoai_api import ConvoAiApi
    from session_service.agents.convoai_body import load_template
    from session_service.agents.convoai_http import Http

    if settings.customer_id:
        authorize = convoai_auth.basic(settings.customer_id, settings.customer_secret)
    else:
        project = identifiers.Project(client.app_id, client.certificate)
        authorize = convoai_auth.agora_token(project, world.time, world.entropy)
    return ConvoAiLauncher(
        ConvoAiApi(Http(settings.url or areas.base_url(settings.area)), client.app_id, authorize),
        load_template(settings.template),
        channel_prefix=client.tokens.channel_prefix,
        idle_timeout=settings.idle_timeout,
        clock=world.time,
    )


def _http(settings: AgentServer, world: World) -> Launcher:
    from session_service.agents.http import HttpLauncher
    from session_service.agents.signing import Signer

    return HttpLauncher(settings.url, Signer(settings.secrets, clock=world.time, entropy=world.entropy))


def _ten(client: Client, settings: Ten) -> Launcher:
    from session_service.agents.ten import TenLauncher
    from session_service.agents.ten_api import TenApi
    from session_service.agents.ten_body import load_template

    return TenLauncher(
        TenApi(settings.url),
        load_template(settings.template),
        channel_prefix=client.tokens.channel_prefix,
        lifetime=math.ceil(client.max_duration) + TEN_SLACK,
    )
