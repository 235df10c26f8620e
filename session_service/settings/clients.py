"""Who may ask for sessions: the client of the environment, and those of the TOML file.

Decided here: which variables make up a client, what depends on what, and that nobody's identity holds for somebody
else. Called by `load` with the rules that Agora's room and the launchers' room own; nothing here knows them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Literal, cast

from session_service.settings import parse
from session_service.settings.model import (
    AgentServer,
    AtShutdown,
    ChannelEncryptionSettings,
    Client,
    ConvoAi,
    Launch,
    LauncherName,
    Ready,
    Secret,
    Ten,
    Tokens,
    WebhookSecrets,
)
from session_service.settings.reader import Reader
from session_service.settings.sources import ConfigFile, Layer, Sources

TOKEN_SLACK = 300
"""Seconds between the longest call and the end of its token: nobody can renew the tester's token."""
_IDENTITY = ("SESSION_CLIENT_ID", "SESSION_SECRET", "SESSION_SECRETS")
_DEFAULT = "default"
"""The name of the one client that stands in no table."""


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
    convoai_template: Callable[[str], object]
    convoai_area: Callable[[str], object]
    base_url: Callable[[str], object]
    signing_secret: Callable[[str], str]
    ten_template: Callable[[str], object]
    store_place: Callable[[str], str]
    longest_convoai_idle: int
    longest_lifetime: int


def read_clients(reader: Reader, file: ConfigFile | None, rules: Rules) -> tuple[Client, ...]:
    """Every client: one for each table of the file, and the one that stands in no table where anybody set one up."""
    tables = file.clients if file else {}
    clients = [_table_client(reader, name, table, rules) for name, table in tables.items()]
    unreadable = file is None and reader.given("SESSION_CONFIG")
    if any(reader.given(name) for name in _IDENTITY) or not (tables or unreadable):
        clients.append(_client(_DEFAULT, reader, rules))
    _check_distinct(reader, clients)
    return tuple(clients)


def _check_distinct(reader: Reader, clients: list[Client]) -> None:
    if len({client.name for client in clients}) != len(clients):
        reader.problem("SESSION_CONFIG", f"[clients.{_DEFAULT}] is the name of the client outside the file. Rename it.")
    if len({client.client_id for client in clients}) != len(clients):
        reader.problem("SESSION_CLIENT_ID", "Two clients have the same one. Each needs its own.")


def _table_client(reader: Reader, name: str, table: Layer, rules: Rules) -> Client:
    """A client of the TOML file: its table, and below it what holds for all, but nobody else's identity."""
    named = replace(table, values={"SESSION_CLIENT_ID": name})
    shared = [replace(layer, values=_without_identity(layer.values)) for layer in reader.sources.layers]
    sources = Sources(table, named, *shared, weakest=reader.sources.weakest, problems=reader.sources.problems)
    return _client(name, Reader(sources, table.scope, reader.effective), rules)


def _without_identity(values: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in values.items() if key.removesuffix("_FILE") not in _IDENTITY}


def _client(name: str, reader: Reader, rules: Rules) -> Client:
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
        join_deadline=read("SESSION_JOIN_DEADLINE", parse.seconds(1, rules.longest_lifetime), 1.0),
        idle_timeout=read("SESSION_IDLE_TIMEOUT", parse.seconds(1, rules.longest_lifetime), 1.0),
        at_shutdown=cast(AtShutdown, read("SESSION_AT_SHUTDOWN", parse.choice("leave", "stop"), "leave")),
        webhook_secrets=WebhookSecrets(
            rtc=read("SESSION_RTC_WEBHOOK_SECRET", parse.webhook_secrets, ()),
            convoai=read("SESSION_CONVOAI_WEBHOOK_SECRET", parse.webhook_secrets, ()),
        ),
    )


def _secrets(reader: Reader) -> tuple[Secret, ...]:
    one: tuple[Secret, ...] = reader.read("SESSION_SECRET", parse.secret, ())
    several = reader.read("SESSION_SECRETS", parse.secrets, ())
    if not reader.given("SESSION_SECRET") and not reader.given("SESSION_SECRETS"):
        reader.problem("SESSION_SECRET", "It is missing.")
    if one and any(secret.label == one[0].label for secret in several):
        reader.problem("SESSION_SECRETS", "The label default is that of SESSION_SECRET. Choose another.")
    return one + several


def _launch(reader: Reader, rules: Rules) -> Launch:
    read = reader.read
    launchers = parse.choice("none", "process", "python", "convoai", "http", "ten")
    launcher = read("SESSION_LAUNCHER", launchers, "none", required=True)
    if launcher == "process":
        return Launch(
            launcher="process",
            command=read("SESSION_PROCESS_COMMAND", parse.command, (), required=True),
            ready=cast(Ready, read("SESSION_PROCESS_READY", parse.choice("spawn", "line"), "spawn")),
            keep=frozenset(read("SESSION_PROCESS_KEEP", parse.words, ())),
        )
    if launcher == "python":
        return Launch(
            "python", callable=read("SESSION_PYTHON_CALLABLE", _obeying(rules.agent_callable), "", required=True)
        )
    if launcher == "convoai":
        return Launch("convoai", convoai=_convoai(reader, rules), former_urls=_former_urls(reader, rules))
    if launcher == "http":
        return Launch("http", http=_agent_server(reader, rules), former_urls=_former_urls(reader, rules))
    if launcher == "ten":
        return Launch("ten", ten=_ten(reader, rules), former_urls=_former_urls(reader, rules))
    return Launch(cast(LauncherName, launcher))


def _former_urls(reader: Reader, rules: Rules) -> tuple[str, ...]:
    def urls(text: str) -> tuple[str, ...]:
        for url in parse.words(text):
            rules.base_url(url)
        return parse.words(text)

    return reader.read("SESSION_FORMER_URLS", urls, ())


def _obeying(rule: Callable[[str], object]) -> Callable[[str], str]:
    """The text itself, if the rule has nothing against it."""

    def parse(text: str) -> str:
        rule(text)
        return text

    return parse


def _convoai(reader: Reader, rules: Rules) -> ConvoAi:
    read = reader.read
    customer = ("SESSION_CONVOAI_CUSTOMER_ID", "SESSION_CONVOAI_CUSTOMER_SECRET")
    for name, other in (customer, customer[::-1]):
        if reader.given(other) and not reader.given(name):
            reader.problem(name, f"It is missing: {other} is set, and neither is anything without the other.")
    return ConvoAi(
        template=read("SESSION_CONVOAI_TEMPLATE", _obeying(rules.convoai_template), "", required=True),
        area=read("SESSION_CONVOAI_AREA", _obeying(rules.convoai_area), ""),
        url=read("SESSION_CONVOAI_URL", _obeying(rules.base_url), ""),
        customer_id=read(customer[0], parse.credential, ""),
        customer_secret=read(customer[1], parse.credential, ""),
        idle_timeout=read("SESSION_CONVOAI_IDLE_TIMEOUT", parse.integer(1, rules.longest_convoai_idle), 1),
    )


def _agent_server(reader: Reader, rules: Rules) -> AgentServer:
    def secrets(text: str) -> tuple[str, ...]:
        return tuple(map(rules.signing_secret, parse.words(text)))

    return AgentServer(
        url=reader.read("SESSION_HTTP_URL", _obeying(rules.base_url), "", required=True),
        secrets=reader.read("SESSION_HTTP_SECRETS", secrets, (), required=True),
    )


def _ten(reader: Reader, rules: Rules) -> Ten:
    return Ten(
        url=reader.read("SESSION_TEN_URL", _obeying(rules.base_url), "", required=True),
        template=reader.read("SESSION_TEN_TEMPLATE", _obeying(rules.ten_template), "", required=True),
    )


def _tokens(reader: Reader, rules: Rules, max_duration: float) -> Tokens:
    def uid(text: str) -> int:
        return rules.uid(parse.digits(text) or 0)  # 0 is nobody's uid, so what is no number breaks the same rule

    read = reader.read
    join_uid = read("SESSION_JOIN_UID", uid, 0)
    agent_uid: int | None = read("SESSION_AGENT_UID", uid, None)
    if agent_uid == join_uid:
        reader.problem("SESSION_AGENT_UID", "It is the tester's uid: the second to join would remove the first.")
    return Tokens(
        version=cast(Literal["007", "006"], read("SESSION_TOKEN_VERSION", parse.choice("007", "006"), "007")),
        lifetime=_lifetime(reader, rules, max_duration),
        join_uid=join_uid,
        agent_uid=agent_uid,
        channel_prefix=read("SESSION_CHANNEL_PREFIX", rules.channel_prefix, ""),
    )


def _lifetime(reader: Reader, rules: Rules, max_duration: float) -> int:
    name = "SESSION_TOKEN_LIFETIME"
    found: int | None = reader.read(name, parse.integer(1, rules.longest_lifetime), None)
    if found is not None:
        return found
    return reader.derived(name, int(max_duration) + TOKEN_SLACK, f"SESSION_MAX_DURATION and {TOKEN_SLACK}")


def _encryption(reader: Reader, rules: Rules) -> ChannelEncryptionSettings:
    def mode(text: str) -> str | None:
        if text == "off":
            return None
        rules.encryption_mode(text)
        return text

    chosen = reader.read("SESSION_ENCRYPTION_MODE", mode, None)
    source = reader.read("SESSION_ENCRYPTION_SOURCE", parse.choice("random", "derived"), "random")
    if chosen is None or source == "random":
        return ChannelEncryptionSettings(chosen, None)
    key = reader.read("SESSION_ENCRYPTION_MASTER_KEY", _obeying(rules.master_key), None, required=True)
    return ChannelEncryptionSettings(chosen, key)
