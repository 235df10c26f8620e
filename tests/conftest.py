"""What every test of this repository gets, and the three rules for all of them.

The first: no property test fails for being slow, because pytest-timeout ends what hangs. The second: a test whose tool
is missing is skipped on a person's machine, and fails where the environment variable CI is set. A run without skips is
what .ci/run promises. The third: `make test` runs four at once, in as many processes. A test has its own
ports (tests/ports.py), session ids and folders, and counts nothing that others have, too; those that share what takes
long to set up stay in one process by pytest.mark.xdist_group.
"""

import os
import signal
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, settings

Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)

for _name in ("NO_PROXY", "no_proxy"):  # a proxy of the machine's leads to no server of a test's
    os.environ[_name] = ",".join(filter(None, [os.environ.get(_name), "127.0.0.1", "localhost", "::1"]))
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # As in a job that a shell has put into the background. Programs that the tests start would ignore Ctrl-C, too.
    signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile("patient", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


def _refuse_skip(report: Report) -> Report:
    """A skip under CI becomes a failure that shows the skip's reason; an expected failure stays what it is."""
    if os.environ.get("CI") and report.skipped and not hasattr(report, "wasxfail"):
        report.longrepr = f"Skipped, and CI is set: nothing may be skipped here.\n{report.longreprtext}"
        report.outcome = "failed"
    return report


def _stores() -> set[Path]:
    """Files of a store that nobody named, where a test has no business."""
    folders = (Path(__file__).parent.parent, Path.home())
    return {path for folder in folders for path in folder.glob("session-service.db*")}


@pytest.fixture(autouse=True)
def _no_store_is_left() -> Iterator[None]:
    """A service that a test starts keeps its sessions in memory, or in the test's own folder."""
    before = _stores()
    yield
    assert _stores() <= before


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    return _refuse_skip((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    return _refuse_skip((yield))
