"""What the operator's port is tested with: log lines as the command line has them."""

import logging

import pytest


@pytest.fixture(autouse=True)
def lines(caplog: pytest.LogCaptureFixture) -> None:
    """Lines from INFO on reach the journal, as `logs.configure` sees to."""
    caplog.set_level(logging.INFO)
