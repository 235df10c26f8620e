"""The frozen settings of a running service. Made by `load` only; read by `app` and whoever it hands a part to."""

from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network
from typing import Literal

Network = IPv4Network | IPv6Network
AtShutdown = Literal["leave", "stop"]
LauncherName = Literal["none", "process", "python", "convoai", "http", "ten"]
Ready = Literal["spawn", "line"]
Evidence = Literal["notifications", "reports", "nobody"]
LogFormat = Literal["json", "text"]


_ON_THIS_MACHINE: frozenset[LauncherName] = frozenset({"process", "python"})
_TOLD_WHERE_TO_REPORT = _ON_THIS_MACHINE | {"http"}
"""Launchers that hand their agents an object of ours. Agora and a TEN server take no word of it."""
_EVERY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared, not bound


@dataclass(frozen=True, slots=True)
class Secret:
    """One live secret of a client. The label is logged with each call that it opens, the value never."""

    label: str
    value: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class ConvoAi:
    """How Agora is asked to run the agent. Without customer id and secret, tokens of the project authenticate.

    `template` is a path; `url` is empty where the area says whom to call; `idle_timeout` is in seconds.
    """

    template: str
    area: str
    url: str
    customer_id: str
    customer_secret: str = field(repr=False)
    idle_timeout: int


@dataclass(frozen=True, slots=True)
class AgentServer:
    """Where the customer's own agent server is, and the secrets that each request to it is signed with."""

    url: str
    secrets: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Ten:
    """Where a TEN agents server is, and the path of the template of each start."""

    url: str
    template: str


@dataclass(frozen=True, slots=True)
class Launch:
    """Which launcher starts this client's agent, and what that launcher needs to know.

    `former_urls` are base URLs that its server had before.
    """

    launcher: LauncherName
    command: tuple[str, ...] = ()
    ready: Ready = "spawn"
    keep: frozenset[str] = frozenset()
    callable: str = ""
    convoai: ConvoAi | None = None
    http: AgentServer | None = None
    ten: Ten | None = None
    former_urls: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Tokens:
    """How join details are minted; `lifetime` in seconds, `agent_uid` None for a random one per session."""

    version: Literal["007", "006"]
    lifetime: int
    join_uid: int
    agent_uid: int | None
    channel_prefix: str


@dataclass(frozen=True, slots=True)
class ChannelEncryptionSettings:
    """`mode` None is an unencrypted channel. `master_key` is set when keys are derived, not random."""

    mode: str | None
    master_key: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class WebhookSecrets:
    """The live secrets of Agora's notifications, by product. Without one, nothing of that product is taken."""

    rtc: tuple[bytes, ...] = field(repr=False)
    convoai: tuple[bytes, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Client:
    """Who may ask for sessions, and everything that a session of theirs is made from.

    Durations are seconds. `name` is ours (the TOML table, or `default`), `client_id` is what the platform sends.
    """

    name: str
    client_id: str
    secrets: tuple[Secret, ...]
    app_id: str
    certificate: str = field(repr=False)
    launch: Launch
    tokens: Tokens
    encryption: ChannelEncryptionSettings
    max_sessions: int
    max_starts: int
    answer_budget: float
    max_duration: float
    join_deadline: float
    idle_timeout: float
    at_shutdown: AtShutdown
    webhook_secrets: WebhookSecrets


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds that the server waits: for a new connection's first byte, for the rest of a message once it has begun,
    and for callers to go elsewhere once it is told to end.
    """

    first_byte: float
    receipt: float
    drain: float


@dataclass(frozen=True, slots=True)
class Ops:
    """The operator's port. `port` None is none at all; without a token, whoever reaches it is let in."""

    host: str
    port: int | None
    token: bytes | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Settings:
    """The whole service. `max_sessions` and `max_starts` hold over all clients together."""

    host: str
    port: int
    public_url: str
    path: str
    methods: tuple[str, ...]
    secret_header: str
    caller_networks: tuple[Network, ...]
    trusted_proxies: tuple[Network, ...]
    failures_per_minute: int
    max_sessions: int
    max_starts: int
    store: str
    clients: tuple[Client, ...]
    times: Times
    ops: Ops
    log_format: LogFormat

    def report_base(self, client: Client) -> str | None:
        """The URL that this client's agents reach us by; None for agents that are not told one."""
        if client.launch.launcher not in _TOLD_WHERE_TO_REPORT:
            return None
        if self.public_url or client.launch.launcher not in _ON_THIS_MACHINE:
            return self.public_url or None
        host = _EVERY_ADDRESS.get(self.host, self.host)
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    def evidence(self, client: Client) -> Evidence:
        """Who would tell that this client's testers come and go."""
        if client.webhook_secrets.rtc:
            return "notifications"
        return "reports" if self.report_base(client) else "nobody"

    def secret_texts(self) -> tuple[str, ...]:
        """Every configured secret: what no log line may hold."""
        found = [self.ops.token.decode()] if self.ops.token else []
        for client in self.clients:
            found += [secret.value.decode() for secret in client.secrets]
            found += [client.certificate, client.encryption.master_key or ""]
            found += [secret.decode() for secret in (*client.webhook_secrets.rtc, *client.webhook_secrets.convoai)]
            found += [client.launch.convoai.customer_secret] if client.launch.convoai else []
            found += client.launch.http.secrets if client.launch.http else ()
        return tuple(text for text in found if text)
