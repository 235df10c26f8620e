"""A pytest plugin: the checks as tests of somebody's own suite, and a running service as a fixture.

    pytest --session-endpoint-url=https://agents.example.com/sessions --session-client-id=acme

Decided here: how a check's outcome is told in pytest's words, and that all checks are made in one run, by the first of
their tests. pytest loads this module in every run of an environment that has the package (entry point pytest11), so
nothing of the service is imported until an option or the fixture asks for it. docs/check.md tells users the same.
"""

import os
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from session_service.app.in_thread import RunningService
    from session_service.check.plan import Plan
    from session_service.check.reports.view import CheckView
    from session_service.check.target import Target

_EXTRA = "The checks need the extra `service`: pip install 'cekura-customer-kit[service]'"


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of the checks; without the first one nothing happens."""
    group = parser.getgroup("session endpoint", "session endpoint (session-service check)")
    group.addoption("--session-endpoint-url", metavar="URL", help="make the checks of this session endpoint, as tests")
    group.addoption("--session-client-id", metavar="ID", help="the client id that the platform is configured with")
    group.addoption("--session-method", metavar="METHOD", default="POST", choices=("POST", "GET"))
    group.addoption("--session-secret-header", metavar="NAME", help="the header that carries the secret")
    group.addoption("--session-join-uid", metavar="UID", type=int, default=1, help="the uid that the tester has (1)")
    group.addoption(
        "--session-secret-env",
        metavar="VARIABLE",
        default="SESSION_SECRET",
        help="the environment variable that holds the secret (SESSION_SECRET); the secret itself is no option's value",
    )
    group.addoption("--session-profile", metavar="PROFILE", default="standard", help="quick, standard or full")
    group.addoption("--session-strict", action="store_true", help="warnings fail, and so does what cannot be told")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put the checks behind the other tests, before -k and -m choose among all of them."""
    url = config.getoption("session_endpoint_url")
    if url is None:
        return
    target, plan = _asked(config, url)
    endpoint = Endpoint.from_parent(session, name="session-endpoint", nodeid="session-endpoint")
    endpoint.target = target
    items += [CheckItem.from_parent(endpoint, name=check.id, title=check.title) for check in plan.checks]


def _asked(config: pytest.Config, url: str) -> "tuple[Target, Plan]":
    """What the options ask for; pytest.UsageError where that cannot be done."""
    try:
        from session_service.check import plan, target
        from session_service.errors import InvalidValue
    except ImportError as error:
        raise pytest.UsageError(f"{_EXTRA} ({error})") from None
    client_id, variable = config.getoption("session_client_id"), config.getoption("session_secret_env")
    secret = _from_environment(variable)
    if not client_id:
        raise pytest.UsageError("--session-endpoint-url needs --session-client-id: who is to call?")
    if not secret:
        raise pytest.UsageError(
            f"The environment variable {variable} holds no secret. Set it, or --session-secret-env."
        )
    try:
        found = target.Target(
            target.endpoint(url),
            client_id,
            secret.encode(),
            method=config.getoption("session_method"),
            header=config.getoption("session_secret_header") or target.DEFAULT_HEADER,
            certificate=_from_environment("AGORA_APP_CERTIFICATE"),
            join_uid=config.getoption("session_join_uid"),
            secret_variable=variable,
        )
        return found, plan.plan(config.getoption("session_profile"))
    except InvalidValue as error:
        raise pytest.UsageError(str(error)) from None


def _from_environment(name: str) -> str | None:
    """The value of NAME, or of the file that NAME_FILE names."""
    from session_service.settings import Layer, Sources

    sources = Sources(Layer("environment", os.environ))
    found = sources.find(name)
    if sources.problems:
        raise pytest.UsageError("\n".join(map(str, sources.problems)))
    return found.text if found else None


class Endpoint(pytest.Collector):
    """What the checks of one endpoint have in common: one run, made when the first of them is asked for."""

    target: "Target"

    def collect(self) -> list[pytest.Item]:
        """Nothing: its items are made with it."""
        return []

    @cached_property
    def results(self) -> "Mapping[str, CheckView]":
        """What became of each check that was not deselected, by its id."""
        import asyncio
        import time

        from session_service.check.context import World
        from session_service.check.plan import plan
        from session_service.check.redaction import Known
        from session_service.check.reports.view import view
        from session_service.check.runner import Listener, Run

        chosen = plan(only=[item.name for item in self.session.items if isinstance(item, CheckItem)])
        known = Known(self.target)
        world = World(time.time, time.perf_counter, os.urandom)
        run = Run(self.target, chosen, world, listener=Listener(heard=known.learn))
        asyncio.run(run.make())
        found = view(run.report(), known, strict=self.config.getoption("session_strict"))
        return {check.id: check for check in found.checks}


class CheckItem(pytest.Item):
    """One check as a test: it passes unless the check fails or, with --session-strict, warns or cannot tell."""

    def __init__(self, *, title: str, **keywords: Any) -> None:
        super().__init__(**keywords)
        self._title = title

    def runtest(self) -> None:
        """Tell the outcome in pytest's words."""
        assert isinstance(self.parent, Endpoint)  # noqa: S101 - made so above
        check = self.parent.results[self.name]
        outcome = check.outcome.value
        self.user_properties.append(("outcome", outcome))
        if check.bad:
            raise CheckFailed(_told(check))
        if outcome == "inconclusive":
            pytest.skip(f"inconclusive: {check.reason}")
        if outcome == "skip":
            pytest.skip(check.reason)
        if check.findings:
            self.add_report_section("call", outcome, _told(check))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The check's own words instead of a stack."""
        if isinstance(excinfo.value, CheckFailed):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, None, str]:
        """What stands above a failure."""
        return self.path, None, f"{self.name} {self._title}"


class CheckFailed(Exception):
    """A check failed; the text says what was seen, why it matters and how to mend it."""


def _told(check: "CheckView") -> str:
    from session_service.check.reports import terminal

    return terminal.findings(check) or check.reason


@pytest.fixture(scope="session")
def session_endpoint_settings() -> Mapping[str, str]:
    """Settings of the service below, as environment variables name them; override it in a conftest.py.

    What is not set is made up: a project that opens no channel, a secret, no agent, a store in memory.
    """
    return {}


@pytest.fixture(scope="session")
def session_endpoint(session_endpoint_settings: Mapping[str, str]) -> "Iterator[RunningService]":
    """A running session service, on a port of its own, until the tests are over."""
    import time

    from session_service.app import World
    from session_service.app.in_thread import running

    world = World(time.time, time.monotonic, os.urandom, os.environ)
    with running(session_endpoint_settings, world) as service:
        yield service
