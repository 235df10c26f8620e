"""Sources → frozen Settings, or every problem at once.

Decided here: which variables make up a client, what depends on what, and what is a problem. `app` calls `load` with
the rules that Agora's room and the launchers' room own; nothing here knows them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar, cast

from session_service.errors import InvalidValue, SettingsError
from session_service.settings import parse
from session_service.settings.model import (
    ChannelEncryptionSettings,
    Client,
    Launch,
    LauncherName,
    Ready,
    Secret,
    Settings,
    Tokens,
)
from session_service.settings.sources import ConfigFile, Layer, Problem, Sources, read_config
from session_service.settings.variables import BY_NAME, NAMES, RESERVED

T = TypeVar("T")
TOKEN_SLACK = 300
"""Seconds between the longest call and the end of its token: nobody can renew the tester's token (agora.md, 1.2)."""
_IDENTITY = ("SESSION_CLIENT_ID", "SESSION_SECRET", "SESSION_SECRETS")


@dataclass(frozen=True, slots=True)
class Rules:
    """What other rooms say about a text: each returns it, or raises InvalidValue with the rule."""

    app_id: Callable[[str], str]
    certificate: Callable[[str], str]
    uid: Callable[[int], int]
    channel_prefix: Callable[[str], str]
    encryption_mode: Callable[[str], object]
    master_key: Callable[[str], object]
    agent_callable: Callable[[str], object]
    longest_lifetime: int


@dataclass(frozen=True, slots=True)
class Effective:
    """A setting as it took effect, fit to be shown: secrets masked, and where it came from."""

    name: str
    shown: str
    origin: str


@dataclass(frozen=True, slots=True)
class Loaded:
    """Settings, what `session-service config` shows of them, and what the operator should know."""

    settings: Settings
    effective: tuple[Effective, ...]
    warnings: tuple[str, ...]


class Refused(SettingsError):
    """The settings have problems; `problems` holds each one."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


@dataclass(slots=True)
class _Reader:
    """Reads one variable after another and notes every problem on the way."""

    sources: Sources
    scope: str = ""
    effective: list[Effective] = field(default_factory=list)

    def read(self, name: str, rule: Callable[[str], T], fallback: Any, *, required: bool = False) -> T:
        """The value, or `fallback` where nothing stands there or a problem was noted."""
        found = self.sources.find(name)
        if found is None or not found.text:
            if required:
                self.problem(name, "is missing.")
            return cast(T, fallback)
        shown = "********" if BY_NAME[name].secret else found.text
        self.effective.append(Effective(self.scope + name, shown, found.origin))
        try:
            return rule(found.text)
        except InvalidValue as error:
            self.problem(name, str(error))
            return cast(T, fallback)

    def given(self, name: str) -> bool:
        found = self.sources.find(name)
        return found is not None and found.origin != "default"

    def problem(self, name: str, what: str) -> None:
        self.sources.problem(self.scope + name, what, f"{name}={BY_NAME[name].example}")


def load(sources: Sources, rules: Rules) -> Loaded:
    """Read everything, or raise Refused with every problem that there is."""
    file = _config(sources)
    if file is not None:
        sources = Sources(*sources.layers, file.common, problems=sources.problems)
    reader = _Reader(sources)
    settings = _settings(reader, file, rules)
    if sources.problems:
        raise Refused(tuple(sources.problems))
    return Loaded(settings, tuple(dict.fromkeys(reader.effective)), _warnings(sources, settings, file))


def _config(sources: Sources) -> ConfigFile | None:
    found = sources.find("SESSION_CONFIG")
    return read_config(found.text, sources) if found else None


def _settings(reader: _Reader, file: ConfigFile | None, rules: Rules) -> Settings:
    read = reader.read
    settings = Settings(
        host=read("SESSION_HOST", str, ""),
        port=_port(reader),
        path=read("SESSION_PATH", parse.path, ""),
        methods=read("SESSION_METHODS", parse.methods, ()),
        secret_header=read("SESSION_SECRET_HEADER", parse.header_name, ""),
        caller_networks=read("SESSION_CALLER_NETWORKS", parse.networks, ()),
        trusted_proxies=read("SESSION_TRUSTED_PROXIES", parse.networks, ()),
        failures_per_minute=read("SESSION_AUTH_FAILURES", parse.integer(1, 1_000_000), 1),
        max_sessions=read("SESSION_MAX_SESSIONS", parse.integer(1, 10_000_000), 1),
        max_starts=read("SESSION_MAX_STARTS", parse.integer(1, 10_000_000), 1),
        clients=_clients(reader, file, rules),
    )
    read("SESSION_LOG_FORMAT", parse.choice("json", "text"), "json")
    return settings


def _port(reader: _Reader) -> int:
    name = "SESSION_PORT" if reader.given("SESSION_PORT") or not reader.given("PORT") else "PORT"
    return reader.read(name, parse.integer(0, 65535), 0)


def _clients(reader: _Reader, file: ConfigFile | None, rules: Rules) -> tuple[Client, ...]:
    tables = dict(file.clients) if file else {}
    clients = [_table_client(reader, name, table, rules) for name, table in tables.items()]
    if not tables or any(reader.given(name) for name in _IDENTITY):
        clients.append(_client("default", reader, rules))
    if len({client.client_id for client in clients}) != len(clients):
        reader.problem("SESSION_CLIENT_ID", "is the same for two clients.")
    return tuple(clients)


def _table_client(reader: _Reader, name: str, table: Layer, rules: Rules) -> Client:
    """A client of the TOML file: its table, and below it what holds for all, but nobody else's identity."""
    values = {"SESSION_CLIENT_ID": name, **table.values}
    shared = [Layer(layer.label, _without_identity(layer.values)) for layer in reader.sources.layers]
    sources = Sources(Layer(table.label, values), *shared, problems=reader.sources.problems)
    return _client(name, _Reader(sources, f"[clients.{name}] ", reader.effective), rules)


def _without_identity(values: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in values.items() if key.removesuffix("_FILE") not in _IDENTITY}


def _client(name: str, reader: _Reader, rules: Rules) -> Client:
    read = reader.read
    max_duration = read("SESSION_MAX_DURATION", parse.seconds(1, rules.longest_lifetime - TOKEN_SLACK), 1)
    return Client(
        name=name,
        client_id=read("SESSION_CLIENT_ID", parse.client_id, name, required=True),
        secrets=_secrets(reader),
        app_id=read("AGORA_APP_ID", rules.app_id, "", required=True),
        certificate=read("AGORA_APP_CERTIFICATE", rules.certificate, "", required=True),
        launch=_launch(reader, rules),
        tokens=_tokens(reader, rules, max_duration),
        encryption=_encryption(reader, rules),
        max_sessions=read("SESSION_MAX_SESSIONS", parse.integer(1, 10_000_000), 1),
        max_starts=read("SESSION_MAX_STARTS", parse.integer(1, 10_000_000), 1),
        answer_budget=read("SESSION_ANSWER_BUDGET", parse.seconds(0.1, 60), 1),
        max_duration=max_duration,
    )


def _secrets(reader: _Reader) -> tuple[Secret, ...]:
    one: tuple[Secret, ...] = reader.read("SESSION_SECRET", parse.secret, ())
    several = reader.read("SESSION_SECRETS", parse.secrets, ())
    if not reader.given("SESSION_SECRET") and not reader.given("SESSION_SECRETS"):
        reader.problem("SESSION_SECRET", "is missing.")
    if one and any(secret.label == one[0].label for secret in several):
        reader.problem("SESSION_SECRETS", "has the label default, which is that of SESSION_SECRET.")
    return one + several


def _launch(reader: _Reader, rules: Rules) -> Launch:
    def agent_callable(text: str) -> str:
        rules.agent_callable(text)
        return text

    read = reader.read
    launcher = read("SESSION_LAUNCHER", parse.choice("none", "process", "python"), "none", required=True)
    if launcher == "process":
        return Launch(
            launcher="process",
            command=read("SESSION_PROCESS_COMMAND", parse.command, (), required=True),
            ready=cast(Ready, read("SESSION_PROCESS_READY", parse.choice("spawn", "line"), "spawn")),
            keep=frozenset(read("SESSION_PROCESS_KEEP", parse.words, ())),
        )
    if launcher == "python":
        return Launch("python", callable=read("SESSION_PYTHON_CALLABLE", agent_callable, "", required=True))
    return Launch(cast(LauncherName, launcher))


def _tokens(reader: _Reader, rules: Rules, max_duration: float) -> Tokens:
    def uid(text: str) -> int:
        return rules.uid(parse.integer(0, 2**32)(text))

    read = reader.read
    join_uid = read("SESSION_JOIN_UID", uid, 1)
    agent_uid: int | None = read("SESSION_AGENT_UID", uid, None)
    if agent_uid == join_uid:
        reader.problem("SESSION_AGENT_UID", "is the tester's uid: the second to join would remove the first.")
    return Tokens(
        version=cast(
            Literal["007", "006"], read("SESSION_TOKEN_VERSION", parse.choice("007", "006"), "007", required=True)
        ),
        lifetime=read(
            "SESSION_TOKEN_LIFETIME", parse.integer(1, rules.longest_lifetime), int(max_duration) + TOKEN_SLACK
        ),
        join_uid=join_uid,
        agent_uid=agent_uid,
        channel_prefix=read("SESSION_CHANNEL_PREFIX", rules.channel_prefix, ""),
    )


def _encryption(reader: _Reader, rules: Rules) -> ChannelEncryptionSettings:
    def mode(text: str) -> str | None:
        if text == "off":
            return None
        rules.encryption_mode(text)
        return text

    def master_key(text: str) -> str:
        rules.master_key(text)
        return text

    chosen = reader.read("SESSION_ENCRYPTION_MODE", mode, None)
    source = reader.read("SESSION_ENCRYPTION_SOURCE", parse.choice("random", "derived"), "random")
    if chosen is None or source == "random":
        return ChannelEncryptionSettings(chosen, None)
    key = reader.read("SESSION_ENCRYPTION_MASTER_KEY", master_key, None, required=True)
    return ChannelEncryptionSettings(chosen, key)


def _warnings(sources: Sources, settings: Settings, file: ConfigFile | None) -> tuple[str, ...]:
    names = {key.removesuffix("_FILE") for layer in sources.layers for key in layer.values}
    ours = sorted(name for name in names if name.startswith("SESSION_") or name in RESERVED)
    found = [f"{name} is not known, and was not read." for name in ours if name not in NAMES]
    found += [f"{name} belongs to a later version, and was not read." for name in ours if name in RESERVED]
    found += [f"{key} is not known, and was not read." for key in (file.unknown if file else ())]
    for client in settings.clients:
        if client.tokens.lifetime < client.max_duration:
            found.append(
                f"SESSION_TOKEN_LIFETIME of client {client.name} is shorter than SESSION_MAX_DURATION: "
                "Agora removes the tester from a longer call."
            )
    return tuple(found)
