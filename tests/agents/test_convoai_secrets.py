"""No secret of a session, a customer or their vendors reaches a log line or an error of the convoai launcher."""

import traceback
from base64 import b64encode

import pytest

from session_service.agents.contract import AgentRef
from session_service.agents.convoai import ConvoAiLauncher
from session_service.errors import ServiceError
from tests.agents.conftest import Events, Run
from tests.agents.convoai import CUSTOMER, VENDOR_KEY, Hosted
from tests.agents.specs import PREFIX, PROJECT, agent_spec
from tests.agents.starts import started
from tests.standins.faults import Fault, malformed, redirects, refuses, resets

pytestmark = pytest.mark.real

QUOTES = " ".join([VENDOR_KEY, CUSTOMER[1], PROJECT.certificate, *agent_spec().secrets()])
FAULTS: list[Fault] = [
    refuses(400, "InvalidFieldValue", detail=QUOTES),
    refuses(401, QUOTES),
    refuses(503, "ServiceUnavailable", detail=QUOTES, retry_after="900"),
    redirects("http://127.0.0.1:9/elsewhere"),
    malformed,
    resets,
]


async def live_through(hosted: Hosted, launcher: ConvoAiLauncher) -> str:
    """A session for each fault and one without; what its errors say, with their tracebacks."""
    told = ""
    for number, fault in enumerate(FAULTS):
        hosted.api.plays("join", fault)
        try:
            await started(launcher, f"{PREFIX}{number}")
        except ServiceError as error:
            told += "".join(traceback.format_exception(error))
        await launcher.stop(AgentRef("convoai", f"{PREFIX}{number}"))
    await launcher.stop(await started(launcher, f"{PREFIX}6"))
    await launcher.aclose()
    return told


def secrets(hosted: Hosted) -> set[str]:
    """Everything secret that was sent, and what it was made from."""
    bodies = [task.body["properties"] for task in hosted.api.tasks.values()]
    found = {VENDOR_KEY, CUSTOMER[1], b64encode(":".join(CUSTOMER).encode()).decode(), PROJECT.certificate}
    found |= {properties["token"] for properties in bodies}
    found |= {properties["rtc"]["encryption_key"] for properties in bodies}
    return found | {"agora token=", "encryption_salt"}


@pytest.mark.parametrize("customer", [None, CUSTOMER], ids=["token", "basic"])
def test_no_secret_is_seen_whatever_agora_answers(
    everything: Events, run: Run, customer: tuple[str, str] | None
) -> None:
    """Neither in a record of anybody's, nor in an error and its traceback, nor in a repr."""
    with Hosted(customer=customer) as hosted:
        launcher = hosted.launcher()
        told = run(live_through(hosted, launcher)) + repr(vars(launcher))
    assert len(hosted.api.tasks) == 3
    assert hosted.api.alive == []
    assert not [secret for secret in secrets(hosted) if secret in told + everything.all_text()]
