"""A start that is refused says everything that is wrong, and nothing that was set."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from session_service.app import RULES
from session_service.settings import VARIABLES, Layer, Refused, Sources, load
from tests.settings.given import (
    CERTIFICATE,
    CONVOAI,
    HTTP,
    MASTER_KEY,
    OTHER,
    RIGHT,
    SECRET,
    TEN,
    loaded,
    only_problem,
    problems,
    refusal,
)

BAD: dict[str, str] = {
    "SESSION_HOST": "sentinel host/",
    "SESSION_OPS_HOST": "http://sentinel",
    "SESSION_STORE": "sentinel:/store",
    "AGORA_APP_ID": "sentinel-970CA35d",
    "AGORA_APP_CERTIFICATE": "sentinel-5CFd2fd1",
    "SESSION_CLIENT_ID": "sentinel\tid",
    "SESSION_SECRET": "sentinel-short",
    "SESSION_SECRETS": "Blue=sentinel-secret-Zk3-Q9w2",
    "SESSION_PORT": "70000",
    "SESSION_PATH": "sentinel",
    "SESSION_METHODS": "PATCH",
    "SESSION_SECRET_HEADER": "sentinel:header",
    "SESSION_CALLER_NETWORKS": "10.0.0.256",
    "SESSION_TRUSTED_PROXIES": "10.0.0.1/8",
    "SESSION_AUTH_FAILURES": "0",
    "SESSION_LAUNCHER": "sentinel",
    "SESSION_TOKEN_VERSION": "008",
    "SESSION_TOKEN_LIFETIME": "86401",
    "SESSION_JOIN_UID": "-71",
    "SESSION_AGENT_UID": "4294967296",
    "SESSION_CHANNEL_PREFIX": "sentinel/prefix",
    "SESSION_ENCRYPTION_MODE": "sentinel-gcm2",
    "SESSION_ENCRYPTION_SOURCE": "sentinel",
    "SESSION_MAX_SESSIONS": "1.5",
    "SESSION_MAX_STARTS": "ten",
    "SESSION_ANSWER_BUDGET": "nan",
    "SESSION_MAX_DURATION": "86401",
    "SESSION_FIRST_BYTE_TIMEOUT": "0",
    "SESSION_RECEIPT_TIMEOUT": "inf",
    "SESSION_AT_SHUTDOWN": "sentinel",
    "SESSION_DRAIN_DELAY": "-1",
    "SESSION_OPS_PORT": "65536",
    "SESSION_OPS_TOKEN": "sentinel-too-short",
    "SESSION_JOIN_DEADLINE": "0",
    "SESSION_IDLE_TIMEOUT": "86401",
    "SESSION_RTC_WEBHOOK_SECRET": "long-enough-1 short",
    "SESSION_CONVOAI_WEBHOOK_SECRET": "change-me-sentinel",
    "SESSION_PUBLIC_URL": "http://sentinel.example",
    "SESSION_LOG_FORMAT": "xml",
}
"""A value for each variable that no other variable is needed to refuse."""

DEPENDENT: dict[str, dict[str, str]] = {
    "STATE_DIRECTORY": {"STATE_DIRECTORY": "sentinel/state"},
    "SESSION_PROCESS_COMMAND": {"SESSION_LAUNCHER": "process", "SESSION_PROCESS_COMMAND": "sentinel 'open"},
    "SESSION_PROCESS_READY": {
        "SESSION_LAUNCHER": "process",
        "SESSION_PROCESS_COMMAND": "true",
        "SESSION_PROCESS_READY": "sentinel",
    },
    "SESSION_PYTHON_CALLABLE": {"SESSION_LAUNCHER": "python", "SESSION_PYTHON_CALLABLE": "sentinel.nowhere:run"},
    "SESSION_CONVOAI_TEMPLATE": {"SESSION_LAUNCHER": "convoai", "SESSION_CONVOAI_TEMPLATE": "sentinel.json"},
    "SESSION_CONVOAI_AREA": {**CONVOAI, "SESSION_CONVOAI_AREA": "sentinel-west-9"},
    "SESSION_CONVOAI_CUSTOMER_ID": {
        **CONVOAI,
        "SESSION_CONVOAI_CUSTOMER_ID": "sentinel:id",
        "SESSION_CONVOAI_CUSTOMER_SECRET": "right",
    },
    "SESSION_CONVOAI_CUSTOMER_SECRET": {
        **CONVOAI,
        "SESSION_CONVOAI_CUSTOMER_ID": "right",
        "SESSION_CONVOAI_CUSTOMER_SECRET": "sentinel secret",
    },
    "SESSION_CONVOAI_IDLE_TIMEOUT": {**CONVOAI, "SESSION_CONVOAI_IDLE_TIMEOUT": "0"},
    "SESSION_HTTP_URL": {**HTTP, "SESSION_HTTP_URL": "http://sentinel.example/"},
    "SESSION_HTTP_SECRETS": {**HTTP, "SESSION_HTTP_SECRETS": "whsec_sentinel"},
    "SESSION_TEN_URL": {**TEN, "SESSION_TEN_URL": "http://sentinel.example/"},
    "SESSION_FORMER_URLS": {**TEN, "SESSION_FORMER_URLS": "https://a.example http://sentinel.example/"},
    "SESSION_TEN_TEMPLATE": {**TEN, "SESSION_TEN_TEMPLATE": "sentinel.json"},
    "SESSION_CONVOAI_URL": {**CONVOAI, "SESSION_CONVOAI_URL": "http://sentinel.example/"},
    "SESSION_ENCRYPTION_MASTER_KEY": {
        "SESSION_ENCRYPTION_MODE": "aes_256_gcm2",
        "SESSION_ENCRYPTION_SOURCE": "derived",
        "SESSION_ENCRYPTION_MASTER_KEY": "sentinel-master-key",
    },
    "PORT": {"PORT": "eighty"},
    "SESSION_CONFIG": {"SESSION_CONFIG": "sentinel.toml"},
}
BAD_TEXT = st.from_regex(r"\A[g-z<]{9}[A-Z0-9 \"'=%{}-]{3,30}\Z")
"""Long enough to be no part of a sentence of ours."""
FREE = {"SESSION_PROCESS_KEEP"}
"""Any text will do."""


def test_every_problem_is_told_at_once() -> None:
    """One start, one list: nobody mends a variable to meet the next."""
    assert sorted(problems(BAD)) == sorted(BAD)


def test_every_variable_has_a_bad_value_among_these_tests() -> None:
    """A new variable comes with its refusal."""
    assert {variable.name for variable in VARIABLES} == {*BAD, *DEPENDENT, *FREE}


def test_what_is_missing_is_told_at_once_too() -> None:
    """The first thing that anybody sees of `serve`."""
    with pytest.raises(Refused) as caught:
        load(Sources(Layer("environment", {})), RULES)
    assert sorted(problem.name for problem in caught.value.problems) == sorted(RIGHT)


@pytest.mark.parametrize("name", BAD)
def test_a_problem_has_its_name_a_rule_and_an_example(name: str) -> None:
    """Name first, then what to do about it."""
    (problem,) = refusal({name: BAD[name]}).problems
    assert str(problem).startswith(f"{name}: {problem.what} Example: {name}=")
    assert problem.what.endswith(".")


@pytest.mark.parametrize("name", DEPENDENT)
def test_a_variable_that_another_one_calls_for_is_checked_too(name: str) -> None:
    """Once it is needed, it is read."""
    (problem,) = refusal(DEPENDENT[name]).problems
    assert problem.name == name


def test_no_bad_value_stands_in_its_refusal() -> None:
    """Each value, not only the secret ones: a secret may be pasted beside the wrong name."""
    for changes in [{name: value} for name, value in BAD.items()] + list(DEPENDENT.values()):
        text = str(refusal(changes)) + repr(refusal(changes))
        assert "sentinel" not in text


@settings(max_examples=60)
@given(st.dictionaries(st.sampled_from(sorted(BAD)), BAD_TEXT, min_size=1))
def test_no_generated_value_stands_in_a_refusal_or_in_a_repr(values: dict[str, str]) -> None:
    """Whatever was pasted where: not in the text, nor in what a debugger or a traceback shows."""
    layer = Layer("environment", {**RIGHT, **values})
    sources = Sources(layer)
    try:
        shown = repr(load(sources, RULES).settings.clients[0].secrets)
    except Refused as error:
        shown = f"{error}{error!r}{error.problems!r}"
    shown += repr(layer) + repr(sources) + repr(sources.find("SESSION_SECRET"))
    assert not [value for value in values.values() if value in shown]


def test_settings_that_are_right_do_not_show_their_secrets() -> None:
    """In any repr, and in what `session-service config` prints."""
    found = loaded(
        {
            "SESSION_SECRETS": f"blue={OTHER}",
            "SESSION_ENCRYPTION_MODE": "aes_256_gcm2",
            "SESSION_ENCRYPTION_SOURCE": "derived",
            "SESSION_ENCRYPTION_MASTER_KEY": MASTER_KEY,
        }
    )
    assert not [secret for secret in (SECRET, OTHER, CERTIFICATE, MASTER_KEY) if secret in repr(found)]
    assert set(found.settings.secret_texts()) == {SECRET, OTHER, CERTIFICATE, MASTER_KEY}


def test_a_uid_that_is_no_number_is_told_the_rule_of_uids() -> None:
    """Not a range that includes 0, which in a token means everybody."""
    assert "from 1 to 4294967295" in only_problem({"SESSION_JOIN_UID": "one"})
    assert "from 1 to 4294967295" in only_problem({"SESSION_JOIN_UID": "0"})
