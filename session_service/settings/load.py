"""Sources → frozen Settings, or every problem at once.

Decided here: what holds for the whole service, what a start is refused for, and what is only worth a warning. `cli`
calls `load`, with the rules of other rooms that `app` has put together.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from session_service.errors import InvalidValue, SettingsError
from session_service.settings import parse
from session_service.settings.clients import Rules, read_clients
from session_service.settings.model import LogFormat, Ops, Settings, Times
from session_service.settings.reader import Effective, Reader
from session_service.settings.sources import ConfigFile, Problem, Sources, read_config
from session_service.settings.variables import NAMES, RESERVED, STORE_FILE

_WHICH_STORE = "Set it to sqlite: and a file that can be written, or to memory, which forgets sessions at each restart."
_NOT_OURS = frozenset({"SESSION_MANAGER"})
"""Names that begin like ours and are others': a Linux desktop sets this one for everybody (XSMP)."""


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


def load(sources: Sources, rules: Rules) -> Loaded:
    """Read everything, or raise Refused with every problem that there is."""
    sources, file = _with_file(sources)
    reader = Reader(sources)
    settings = _settings(reader, file, rules)
    _refuse(sources)
    return Loaded(settings, tuple(dict.fromkeys(reader.effective)), _warnings(sources, settings, file))


def address(sources: Sources) -> tuple[str, int]:
    """Host and port that the service listens on, whatever the other settings are; or Refused."""
    reader = Reader(_with_file(sources)[0])
    found = reader.read("SESSION_HOST", parse.host, ""), _port(reader)
    _refuse(reader.sources)
    return found


def ops(sources: Sources) -> Ops:
    """Where the operator's port is and what it asks for, whatever the other settings are; or Refused."""
    reader = Reader(_with_file(sources)[0])
    found = _ops(reader)
    _refuse(reader.sources)
    return found


def _refuse(sources: Sources) -> None:
    if sources.problems:
        raise Refused(tuple(sources.problems))


def _with_file(sources: Sources) -> tuple[Sources, ConfigFile | None]:
    found = sources.find("SESSION_CONFIG")
    file = read_config(found.text, sources) if found and found.text else None
    return (sources.above(file.common) if file else sources), file


def _settings(reader: Reader, file: ConfigFile | None, rules: Rules) -> Settings:
    read = reader.read
    return Settings(
        host=read("SESSION_HOST", parse.host, ""),
        port=_port(reader),
        public_url=read("SESSION_PUBLIC_URL", _base_url(rules), ""),
        path=read("SESSION_PATH", parse.path, ""),
        methods=read("SESSION_METHODS", parse.methods, ()),
        secret_header=read("SESSION_SECRET_HEADER", parse.header_name, ""),
        caller_networks=read("SESSION_CALLER_NETWORKS", parse.networks, ()),
        trusted_proxies=read("SESSION_TRUSTED_PROXIES", parse.networks, ()),
        failures_per_minute=read("SESSION_AUTH_FAILURES", parse.integer(1, 1_000_000), 1),
        max_sessions=read("SESSION_MAX_SESSIONS", parse.integer(1, 10_000_000), 1),
        max_starts=read("SESSION_MAX_STARTS", parse.integer(1, 10_000_000), 1),
        store=_store(reader, rules),
        clients=read_clients(reader, file, rules),
        times=Times(
            first_byte=read("SESSION_FIRST_BYTE_TIMEOUT", parse.seconds(0.1, 300), 1.0),
            receipt=read("SESSION_RECEIPT_TIMEOUT", parse.seconds(0.1, 300), 1.0),
            drain=read("SESSION_DRAIN_DELAY", parse.seconds(0, 300), 0.0),
        ),
        ops=_ops(reader),
        log_format=cast(LogFormat, read("SESSION_LOG_FORMAT", parse.choice("json", "text"), "json")),
    )


def _base_url(rules: Rules) -> Callable[[str], str]:
    def parse(text: str) -> str:
        rules.base_url(text)
        return text.rstrip("/")

    return parse


def _store(reader: Reader, rules: Rules) -> str:
    """memory, or sqlite: and the absolute path of a file that can be kept there: nothing else takes its place."""
    name = "SESSION_STORE"
    folder = None if reader.given(name) else reader.read("STATE_DIRECTORY", parse.state_folder, None)
    if folder is None:
        store = reader.read(name, parse.store, "memory")
    else:
        store = reader.derived(name, f"sqlite:{folder}/{STORE_FILE}", "STATE_DIRECTORY")
    if store == "memory":
        return store
    try:
        return f"sqlite:{rules.store_place(store.partition(':')[2])}"
    except InvalidValue as error:
        where = "the current folder" if folder is None else "STATE_DIRECTORY"
        unset = "No file" if reader.given(name) else f"It is not set, and no file in {where}"
        reader.problem(name, f"{unset} can be it: {error}. {_WHICH_STORE}")
        return "memory"


def _port(reader: Reader) -> int:
    name = "SESSION_PORT" if reader.given("SESSION_PORT") or not reader.given("PORT") else "PORT"
    return reader.read(name, parse.integer(0, 65535), 0)


def _ops(reader: Reader) -> Ops:
    host = reader.read("SESSION_OPS_HOST", parse.host, "127.0.0.1")
    port = reader.read("SESSION_OPS_PORT", parse.port_or_off, None)
    token = reader.read("SESSION_OPS_TOKEN", parse.secret_value, None)
    if port is not None and not parse.loopback(host) and not reader.given("SESSION_OPS_TOKEN"):
        reader.problem("SESSION_OPS_TOKEN", "It is missing: others than this machine reach SESSION_OPS_HOST.")
    return Ops(host, port, token)


def _warnings(sources: Sources, settings: Settings, file: ConfigFile | None) -> tuple[str, ...]:
    names = {key.removesuffix("_FILE") for layer in sources.layers for key in layer.values} - _NOT_OURS
    ours = sorted(name for name in names if name.startswith("SESSION_") or name in RESERVED)
    found = [f"{name} is not known, and was not read." for name in ours if name not in NAMES]
    found += [f"{name} belongs to a later version, and was not read." for name in ours if name in RESERVED]
    found += [f"{key} is not known there, and was not read." for key in (file.unknown if file else ())]
    for client in settings.clients:
        if client.tokens.lifetime < client.max_duration:
            found.append(
                f"SESSION_TOKEN_LIFETIME of client {client.name} is shorter than SESSION_MAX_DURATION: "
                "Agora removes the tester from a longer call."
            )
    return tuple(found)
