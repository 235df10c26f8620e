"""Which sessions of an earlier start can go on under today's settings."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from session_service.sessions.model import Clocks, Limits, Offer
from session_service.sessions.store.contract import Row
from session_service.sessions.stranding import offer_for, why_stranded
from tests.agents.fakes import MemoryLauncher
from tests.sessions.conftest import TRANSPORT

ROW = Row(
    "0a1b2c3d-1", "acme", "agora", "cekura-1", "memory", 1, 100.0, 200.0, project="one", server="https://a.example"
)


def offers(server: str = "https://a.example", former: str = "", project: str = "") -> Mapping[str, Offer]:
    """What one client may have, whose launcher's agents are there."""
    launcher = MemoryLauncher()
    launcher.server, launcher.project = server, project
    made = Offer("acme", "acme-id", TRANSPORT, launcher, Limits(9, 9), 7.0, Clocks(3600.0))
    return {"acme": replace(made, former_servers=frozenset(former.split()))}


@pytest.mark.parametrize(
    ("row", "today"),
    [
        (ROW, offers()),
        (ROW, offers("https://b.example", former="https://z.example https://a.example")),
        (ROW, offers(project="one")),
        (replace(ROW, server=None), offers("https://b.example")),
        (replace(ROW, project=None), offers(project="two")),
        (replace(ROW, project="two"), offers()),
        (replace(ROW, launcher="none", client="gone", server=None), offers()),
    ],
    ids=["same", "renamed", "same-project", "older-row", "older-project", "project-does-not-matter", "no-agent"],
)
def test_a_session_goes_on_whose_agent_would_be_found(row: Row, today: Mapping[str, Offer]) -> None:
    """An older version wrote neither server nor project down: what is configured is taken for the same."""
    assert offer_for(row, today) is not None


@pytest.mark.parametrize(
    ("row", "today", "named"),
    [
        (ROW, offers("https://b.example"), ("https://a.example", "https://b.example", "SESSION_FORMER_URLS")),
        (ROW, offers("https://b.example", former="https://z.example"), ("https://a.example",)),
        (ROW, offers(""), ("https://a.example",)),
        (ROW, offers(project="two"), ("one", "AGORA_APP_ID")),
        (replace(ROW, launcher="ten"), offers(), ("SESSION_LAUNCHER=ten",)),
        (replace(ROW, client="gone"), offers(), ("gone",)),
    ],
    ids=["server", "other-former-name", "no-server", "project", "launcher", "client"],
)
def test_a_session_is_stranded_whose_agent_would_not_be_found(
    row: Row, today: Mapping[str, Offer], named: tuple[str, ...]
) -> None:
    """Whoever is called at night is told what was changed, and both ways out."""
    assert offer_for(row, today) is None
    why = why_stranded(row, today)
    assert [
        word for word in (*named, "Configure that again", "sessions stop 0a1b2c3d-1 --agent-is-gone") if word not in why
    ] == []
