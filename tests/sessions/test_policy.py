"""What may be given: pure decisions."""

import pytest

from session_service.errors import ClientNotAllowed
from session_service.sessions.model import Opened, SessionRequest
from session_service.sessions.policy import decide
from tests.sessions.conftest import House


def test_the_opened_client_that_is_asked_for_is_granted(house: House) -> None:
    """With the label of the secret that opened it."""
    opened = Opened(house.grant(None).offer, "green")
    grant = decide(SessionRequest("acme-id"), [opened])
    assert (grant.offer, grant.label) == (opened.offer, "green")


@pytest.mark.parametrize("asked", ["other", "ACME-ID", "acme-id ", ""])
def test_every_other_client_id_is_refused_alike(house: House, asked: str) -> None:
    """Another client's id, an unknown one and a near miss are one refusal."""
    with pytest.raises(ClientNotAllowed):
        decide(SessionRequest(asked), [Opened(house.grant(None).offer, "green")])


def test_one_secret_may_open_several_clients(house: House) -> None:
    """The client id chooses among them."""
    first = Opened(house.grant(None).offer, "one")
    second = Opened(house.grant(None, client="b", client_id="b-id").offer, "two")
    assert decide(SessionRequest("b-id"), [first, second]).offer is second.offer
