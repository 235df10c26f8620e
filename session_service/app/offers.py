"""All that a client may have: its transport, its launcher, its limits and clocks, made from its settings.

Decided here: which launcher a setting names, and what each is built from. A launcher's module is imported only where it
is used. Called by `build`.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from session_service.agents.contract import Launcher, OnExit
from session_service.agora import conversational_ai, encryption, identifiers
from session_service.agora.transport import AgoraTransport
from session_service.http import reports
from session_service.sessions.lifecycle import Sessions
from session_service.sessions.model import Clock, Clocks, Entropy, Limits, Offer
from session_service.sessions.store.contract import Store
from session_service.settings import NAMES, AgentServer, Client, ConvoAi, Settings, Ten

TEN_SLACK = 60
"""Seconds between the longest session and the end that a TEN server itself puts to an agent."""


@dataclass(frozen=True, slots=True)
class World:
    """What a service takes from outside: Unix time, a monotonic clock, random bytes, its children's environment."""

    time: Clock
    monotonic: Clock
    entropy: Entropy
    environment: Mapping[str, str]


def offer(settings: Settings, client: Client, sessions: Sessions, store: Store, world: World) -> Offer:
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
        stop_at_shutdown=not _may_stay(client, launcher, store),
        starts_at_once=client.launch.launcher == "python",
        former_servers=_former_servers(client),
        report_url=reports.url(base) if base else None,
    )


def _former_servers(client: Client) -> frozenset[str]:
    if not client.launch.former_urls:
        return frozenset()
    from session_service.agents.outgoing import server_name

    return frozenset(map(server_name, client.launch.former_urls))


def _may_stay(client: Client, launcher: Launcher | None, store: Store) -> bool:
    """Whether this client's sessions go on when the service ends: the next one has to find them again."""
    found_again = store.survives_restart and (launcher is None or launcher.survives_restart)
    return found_again and client.at_shutdown == "leave"


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
        ConvoAiApi(Http(settings.url or conversational_ai.base_url(settings.area)), client.app_id, authorize),
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
