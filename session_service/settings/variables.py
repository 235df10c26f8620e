"""Every variable that this project reads: name, meaning, example, default. The only place that lists them.

Read by `load` (what there is), by `session-service config` (how to show it), by the process launcher's environment
(what a child may not see) and by the documentation's tests.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Variable:
    """One setting. `per_client` ones may also stand in a `[clients.NAME]` table of the TOML file.

    The value of one with `several` is several words, which that file may give as a list.
    """

    name: str
    meaning: str
    example: str
    default: str | None = None
    secret: bool = False
    per_client: bool = False
    several: bool = False


STORE_FILE = "session-service.db"
"""The store's file where nobody names one, in STATE_DIRECTORY or in the current folder."""
_EXAMPLE_ID = "0123456789abcdef0123456789abcdef"

VARIABLES = (
    Variable("AGORA_APP_ID", "App ID of the Agora project", _EXAMPLE_ID, per_client=True),
    Variable(
        "AGORA_APP_CERTIFICATE",
        "its primary or secondary certificate",
        "fedcba9876543210fedcba9876543210",
        secret=True,
        per_client=True,
    ),
    Variable("SESSION_CLIENT_ID", "the Client ID of the platform's form", "acme-voice", per_client=True),
    Variable(
        "SESSION_SECRET",
        "the Secret of the platform's form, taken verbatim",
        "$(session-service secret)",
        secret=True,
        per_client=True,
    ),
    Variable(
        "SESSION_SECRETS",
        "several secrets during a rotation: label=value, separated by commas or white space",
        "blue=SECRET1 green=SECRET2",
        secret=True,
        per_client=True,
        several=True,
    ),
    Variable("SESSION_HOST", "address to listen on", "0.0.0.0", "127.0.0.1"),  # noqa: S104 - an example, not a default
    Variable("SESSION_PORT", "port to listen on; beats PORT", "8080", "8080"),
    Variable("PORT", "port as container platforms set it", "8080"),
    Variable("SESSION_PATH", "path of the session endpoint", "/cekura/v1/sessions", "/cekura/v1/sessions"),
    Variable("SESSION_METHODS", "request methods that are served", "POST", "POST,GET", several=True),
    Variable("SESSION_SECRET_HEADER", "header that carries the secret", "X-Cekura-Secret", "X-Cekura-Secret"),
    Variable("SESSION_CALLER_NETWORKS", "networks that may call; empty for all", "203.0.113.7/32", "", several=True),
    Variable("SESSION_TRUSTED_PROXIES", "proxies whose X-Forwarded-For is believed", "10.0.0.0/8", "", several=True),
    Variable("SESSION_AUTH_FAILURES", "wrong secrets per minute and address before 429", "120", "120"),
    Variable("SESSION_CONFIG", "TOML file with [clients.NAME] tables, for several agents", "clients.toml"),
    Variable(
        "SESSION_STORE",
        "where sessions are kept: sqlite:PATH, or memory, which forgets them at each restart",
        "sqlite:/var/lib/session-service/session-service.db",
        f"sqlite:{STORE_FILE}",
    ),
    Variable(
        "STATE_DIRECTORY",
        "folder of that file unless SESSION_STORE is set; systemd and the image set it",
        "/var/lib/session-service",
    ),
    Variable(
        "SESSION_LAUNCHER",
        "what starts the agent: none, process, python, convoai, http, ten",
        "process",
        per_client=True,
    ),
    Variable(
        "SESSION_PROCESS_COMMAND",
        "the agent's command; split like a shell does, never run by one",
        "python -m my_agent",
        per_client=True,
        several=True,
    ),
    Variable(
        "SESSION_PROCESS_READY",
        "when a started process counts: spawn, or line (it printed a line that begins with ready)",
        "line",
        "spawn",
        per_client=True,
    ),
    Variable(
        "SESSION_PROCESS_KEEP",
        "names of ours that the agent's environment keeps all the same",
        "PORT",
        "",
        per_client=True,
        several=True,
    ),
    Variable("SESSION_PYTHON_CALLABLE", "module:function, an async callable", "my_agent.session:run", per_client=True),
    Variable(
        "SESSION_CONVOAI_TEMPLATE",
        "JSON file with your part of the join body: asr, llm, tts or pipeline_id, ...",
        "convoai.json",
        per_client=True,
    ),
    Variable(
        "SESSION_CONVOAI_AREA",
        "where Agora's API is called: global, or a region",
        "eu-west-1",
        "global",
        per_client=True,
    ),
    Variable(
        "SESSION_CONVOAI_CUSTOMER_ID",
        "customer id of Agora's console, for Basic authentication",
        "4f2b9c",
        per_client=True,
    ),
    Variable(
        "SESSION_CONVOAI_CUSTOMER_SECRET",
        "its customer secret; without the two, a token of the project authenticates each call",
        "SECRET_OF_AGORAS_CONSOLE",
        secret=True,
        per_client=True,
    ),
    Variable(
        "SESSION_CONVOAI_IDLE_TIMEOUT",
        "seconds after the tester has left until Agora itself ends the agent",
        "60",
        "60",
        per_client=True,
    ),
    Variable(
        "SESSION_CONVOAI_URL",
        "base URL in place of the area's, for a proxy or a test",
        "https://proxy.example/api/conversational-ai-agent",
        per_client=True,
    ),
    Variable(
        "SESSION_HTTP_URL",
        "base URL of your own agent server",
        "https://agents.example/v1/agents",
        per_client=True,
    ),
    Variable(
        "SESSION_HTTP_SECRETS",
        "signing secrets for it, whsec_ and base64; several while they are changed",
        "whsec_$(openssl rand -base64 32)",
        secret=True,
        per_client=True,
        several=True,
    ),
    Variable("SESSION_TEN_URL", "base URL of a TEN agents server", "http://127.0.0.1:8080", per_client=True),
    Variable(
        "SESSION_TEN_TEMPLATE",
        "JSON file with graph_name and, where wanted, properties and timeout",
        "ten.json",
        per_client=True,
    ),
    Variable(
        "SESSION_FORMER_URLS",
        "base URLs that the same server had before, while sessions of that time last",
        "https://old-name.example/v1/agents",
        "",
        per_client=True,
        several=True,
    ),
    Variable("SESSION_TOKEN_VERSION", "token version: 007, or 006 for old SDKs", "007", "007", per_client=True),
    Variable(
        "SESSION_TOKEN_LIFETIME",
        "seconds a token is valid; default: the longest call plus 300",
        "3900",
        per_client=True,
    ),
    Variable("SESSION_JOIN_UID", "uid of the tester", "1", "1", per_client=True),
    Variable("SESSION_AGENT_UID", "uid of the agent; default: random per session", "1001", per_client=True),
    Variable("SESSION_CHANNEL_PREFIX", "readable beginning of each channel name", "acme-", "cekura-", per_client=True),
    Variable("SESSION_ENCRYPTION_MODE", "off, or one of Agora's eight modes", "aes_256_gcm2", "off", per_client=True),
    Variable(
        "SESSION_ENCRYPTION_SOURCE",
        "random per session, or derived from the master key and the channel",
        "derived",
        "random",
        per_client=True,
    ),
    Variable(
        "SESSION_ENCRYPTION_MASTER_KEY",
        "32 bytes as base64 or 64 hexadecimal characters, for derived keys",
        "$(openssl rand -base64 32)",
        secret=True,
        per_client=True,
    ),
    Variable("SESSION_MAX_SESSIONS", "sessions at once", "50", "50", per_client=True),
    Variable("SESSION_MAX_STARTS", "agents being started at once", "10", "10", per_client=True),
    Variable("SESSION_ANSWER_BUDGET", "seconds within which a call is answered", "7", "7", per_client=True),
    Variable("SESSION_MAX_DURATION", "seconds after which a session is ended", "3600", "3600", per_client=True),
    Variable(
        "SESSION_JOIN_DEADLINE",
        "seconds the tester has to join, where notifications would tell of it",
        "60",
        "60",
        per_client=True,
    ),
    Variable(
        "SESSION_IDLE_TIMEOUT",
        "seconds a tester whose connection was lost has to come back",
        "60",
        "60",
        per_client=True,
    ),
    Variable(
        "SESSION_RTC_WEBHOOK_SECRET",
        "secret of Agora's RTC notifications; several while it is changed",
        "SECRET_OF_AGORAS_CONSOLE",
        secret=True,
        per_client=True,
        several=True,
    ),
    Variable(
        "SESSION_CONVOAI_WEBHOOK_SECRET",
        "secret of Agora's Conversational AI notifications; several while it is changed",
        "SECRET_OF_AGORAS_CONSOLE",
        secret=True,
        per_client=True,
        several=True,
    ),
    Variable(
        "SESSION_PUBLIC_URL",
        "what agents elsewhere reach this service by, for their reports",
        "https://sessions.example",
    ),
    Variable("SESSION_FIRST_BYTE_TIMEOUT", "seconds from a new connection to its first byte", "5", "5"),
    Variable("SESSION_RECEIPT_TIMEOUT", "seconds from a message's first byte to its last", "10", "10"),
    Variable(
        "SESSION_AT_SHUTDOWN",
        "what becomes of agents that run elsewhere when the service ends: leave or stop",
        "stop",
        "leave",
        per_client=True,
    ),
    Variable("SESSION_DRAIN_DELAY", "seconds that the port stays open once the service is told to end", "5", "0"),
    Variable("SESSION_OPS_HOST", "address of the operator's port", "127.0.0.1", "127.0.0.1"),
    Variable("SESSION_OPS_PORT", "port for the operator: metrics, sessions, events; or off", "9090", "9090"),
    Variable(
        "SESSION_OPS_TOKEN",
        "what the operator's port asks for; needed where others reach it",
        "$(session-service secret)",
        secret=True,
    ),
    Variable("SESSION_LOG_FORMAT", "json or text", "json", "json"),
)

BY_NAME = {variable.name: variable for variable in VARIABLES}

RESERVED = frozenset(
    {
        "CEKURA_WEBHOOK_SECRET",
        "CEKURA_API_KEY",
        "CEKURA_AGENT_ID",
        "LIVEKIT_URL",
        "LIVEKIT_API_KEY",
        "LIVEKIT_API_SECRET",
    }
)
"""Names that a later version reads. Setting one is a warning, and a child process does not see it either."""

NAMES = frozenset(BY_NAME) | RESERVED
