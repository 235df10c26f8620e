"""What --follow and --join make of the options and the environment."""

from collections.abc import Mapping
from typing import Any

import pytest

from session_service.check.plan import plan
from session_service.check.watching.join import JoinWatch
from session_service.cli import check_watch
from session_service.errors import InvalidValue
from tests.check.test_join import STAND_IN

OPTIONS: Mapping[str, Any] = {
    "follow": False,
    "ops": None,
    "follow_seconds": 90,
    "join": False,
    "join_uid": 1,
    "secret_env": "MINE",
}
SECRETS = ("MINE", "MINE_FILE", "SESSION_SECRET", "SESSION_OPS_TOKEN", "AGORA_APP_CERTIFICATE", "CEKURA_API_KEY")


def silent(_: str) -> None:
    """Nobody is told."""


def test_nobody_looks_unless_asked() -> None:
    """Nothing is started and nothing is asked."""
    assert check_watch.watch(OPTIONS, silent) is None


def test_where_to_ask_without_asking_is_refused() -> None:
    """It would be a check that somebody believes was made."""
    with pytest.raises(InvalidValue, match="Give --follow as well"):
        check_watch.watch({**OPTIONS, "ops": "http://127.0.0.1:9090"}, silent)


@pytest.mark.real
def test_the_sdks_process_gets_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the service's settings nor the variable that the secret was taken from; everything else is passed."""
    for name in SECRETS:
        monkeypatch.setenv(name, "sentinel")
    monkeypatch.setenv("PYTHONPATH", str(STAND_IN))
    found = check_watch.watch({**OPTIONS, "join": True}, silent)
    assert found is not None
    (joining,) = found.watches
    assert isinstance(joining, JoinWatch)
    assert "sentinel" not in joining.environment.values()
    assert joining.environment["PYTHONPATH"] == str(STAND_IN)


def test_following_joins_whatever_else_was_chosen() -> None:
    """Be it a profile or single checks: nobody asks for it to have it left out."""
    for chosen in (plan("quick", more=["G02"]), plan(only=["A01"], more=["G02"])):
        assert "G02" in [check.id for check in chosen.checks]
    assert "G02" not in [check.id for check in plan(only=["A01"]).checks]
