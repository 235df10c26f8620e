"""The rule of conftest.py, held by a run of pytest in a run of pytest."""

from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

SKIPS = """
import pytest

def test_needs_a_tool():
    pytest.skip("no such tool: apt-get install it")
"""


@pytest.fixture
def inner(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """An empty project with our conftest.py, and no CI of the outer run."""
    monkeypatch.delenv("CI", raising=False)
    pytester.makeconftest((Path(__file__).parent / "conftest.py").read_text())
    return pytester


def test_a_missing_tool_is_a_skip_on_a_persons_machine(inner: pytest.Pytester) -> None:
    """Nobody has to install Kubernetes to mend a sentence."""
    inner.makepyfile(SKIPS)
    inner.runpytest().assert_outcomes(skipped=1)


def test_a_missing_tool_fails_in_ci_and_still_says_how_to_get_it(
    inner: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A green run that tested half of it would be a lie."""
    monkeypatch.setenv("CI", "true")
    inner.makepyfile(SKIPS)
    result = inner.runpytest()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*no such tool: apt-get install it*"])


@pytest.mark.real
def test_what_a_worker_of_make_test_skips_fails_in_ci(inner: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told to the process that sums up, which has no rule of its own."""
    monkeypatch.setenv("CI", "true")
    inner.makepyfile(SKIPS)
    result = inner.runpytest_subprocess("-n", "2", "-ra")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*no such tool: apt-get install it*"])


def test_a_module_that_skips_itself_fails_in_ci(inner: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """pytest.importorskip at a module's top is a skip like any other."""
    monkeypatch.setenv("CI", "true")
    inner.makepyfile('import pytest\npytest.importorskip("no_such_package")\n')
    inner.runpytest().assert_outcomes(errors=1)


def test_an_expected_failure_stays_one_in_ci(inner: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """pytest reports it as skipped, too, but it did run."""
    monkeypatch.setenv("CI", "true")
    inner.makepyfile("import pytest\n@pytest.mark.xfail\ndef test_known():\n    raise AssertionError\n")
    inner.runpytest().assert_outcomes(xfailed=1)
