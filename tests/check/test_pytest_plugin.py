"""The pytest plugin, in runs of pytest of their own, as somebody's suite has it."""

import json
import re
from pathlib import Path

import pytest

from session_service import pytest_plugin
from tests.check.correct import CLIENT, PROJECT, SECRET, Correct, serving
from tests.check.mutants.authentication import WithoutSecret
from tests.check.mutants.response import Stored

pytest_plugins = ["pytester"]
pytestmark = pytest.mark.real

ROOT = Path(__file__).parents[2]
PLUGIN = ("-p", "session_service.pytest_plugin", "-p", "no:randomly")


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A suite with one test of its own, and the secret in the environment."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("SESSION_SECRET", SECRET)
    monkeypatch.setenv("AGORA_APP_CERTIFICATE", PROJECT.certificate)
    pytester.makepyfile("def test_of_their_own(): pass")
    return pytester


def run(suite: pytest.Pytester, *options: str) -> pytest.RunResult:
    """pytest in a process of its own."""
    return suite.runpytest_subprocess(*PLUGIN, *options)


def endpoint(url: str, *options: str) -> tuple[str, ...]:
    """The options that name the endpoint."""
    return (f"--session-endpoint-url={url}", f"--session-client-id={CLIENT}", *options)


def test_a_correct_endpoint_passes_behind_the_suites_own_tests(suite: pytest.Pytester) -> None:
    """Each check is a test with its id."""
    with serving(Correct) as url:
        done = run(suite, "-v", *endpoint(url))
    assert done.parseoutcomes().keys() <= {"passed", "skipped"}
    done.stdout.fnmatch_lines(["*test_of_their_own PASSED*", "session-endpoint::R01 PASSED*"])


def test_a_broken_rule_fails_as_its_check_and_shows_no_secret(suite: pytest.Pytester) -> None:
    """With the check's words instead of a stack."""
    with serving(WithoutSecret) as url:
        done = run(suite, *endpoint(url))
    assert done.parseoutcomes()["failed"] == 1
    done.stdout.fnmatch_lines(["*A01 a call without the secret header is refused*", "*instead of being refused*"])
    assert SECRET not in done.stdout.str() + done.stderr.str()


def test_checks_are_chosen_like_tests(suite: pytest.Pytester) -> None:
    """By -k; what is not chosen is made all the same where a chosen one rests on it, and told by nobody."""
    with serving(Correct) as url:
        done = run(suite, "-k", "A01", *endpoint(url, "--session-profile=quick"))
    assert done.parseoutcomes()["passed"] == 1


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--session-endpoint-url=http://127.0.0.1:9/x",), "*needs --session-client-id*"),
        (endpoint("http://127.0.0.1:9/x", "--session-secret-env=NOT_SET"), "*NOT_SET holds no secret*"),
        (endpoint("ftp://127.0.0.1/x"), "*not that of a session endpoint*"),
        (endpoint("http://127.0.0.1:9/x", "--session-profile=big"), "*A profile is one of*"),
    ],
)
def test_options_that_cannot_be_used_are_a_usage_error(
    suite: pytest.Pytester, options: tuple[str, ...], said: str
) -> None:
    """One sentence that says what to do, and pytest's exit code for it."""
    done = run(suite, *options)
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    done.stderr.fnmatch_lines([said])


def test_a_run_without_the_options_imports_nothing_of_the_service(suite: pytest.Pytester) -> None:
    """Beyond the plugin itself."""
    suite.makeconftest(
        "import json, sys\n"
        "def pytest_unconfigure(config):\n"
        "    json.dump([name for name in sys.modules if name.startswith('session_service')], open('seen.json', 'w'))\n"
    )
    run(suite).assert_outcomes(passed=1)
    assert json.loads((suite.path / "seen.json").read_text()) == ["session_service", "session_service.pytest_plugin"]


def test_the_fixture_is_a_service_that_passes_the_checks(suite: pytest.Pytester) -> None:
    """With the settings that the suite overrides."""
    suite.makeconftest(
        "import pytest\n"
        "@pytest.fixture(scope='session')\n"
        "def session_endpoint_settings(): return {'SESSION_ENCRYPTION_MODE': 'aes_256_gcm2'}\n"
    )
    suite.makepyfile(
        "import json, urllib.request\n"
        "def test_theirs(session_endpoint):\n"
        "    body = json.dumps({'client_id': session_endpoint.client_id}).encode()\n"
        "    headers = {session_endpoint.header: session_endpoint.secret, 'Content-Type': 'application/json'}\n"
        "    found = json.load(urllib.request.urlopen(urllib.request.Request(session_endpoint.url, body, headers)))\n"
        "    assert found['encryption_mode'] == 'aes_256_gcm2'\n"
        "    assert session_endpoint.secret not in repr(session_endpoint)\n"
    )
    run(suite).assert_outcomes(passed=1)


def test_a_warning_passes_and_fails_with_strict(suite: pytest.Pytester) -> None:
    """As for the command line."""
    with serving(Stored) as url:
        assert run(suite, "-k", "S04", *endpoint(url)).parseoutcomes()["passed"] == 1
        assert run(suite, "-k", "S04", *endpoint(url, "--session-strict")).parseoutcomes()["failed"] == 1


def test_every_option_is_told_and_no_other() -> None:
    """In docs/check.md."""
    told = re.findall(r"^\| `(--session-[a-z-]+)` \|", (ROOT / "docs" / "check.md").read_text(), re.MULTILINE)
    given = re.findall(r'addoption\(\s*"(--[a-z-]+)"', Path(pytest_plugin.__file__).read_text())
    assert told
    assert sorted(told) == sorted(given)
