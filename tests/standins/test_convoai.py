"""The stand-in for Agora's API refuses what Agora documents: what it lets pass proves something."""

from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import httpx2
import pytest

from session_service.agents.convoai_auth import agora_token
from session_service.agora.identifiers import Project
from tests.agents.convoai import CUSTOMER, TEMPLATE, Hosted
from tests.agents.specs import PROJECT, agent_spec, counted_entropy
from tests.standins.convoai import QUOTA

pytestmark = pytest.mark.real

SEAT = agent_spec().agora
"""Where the agent is to be. Its token is of the time of collecting, and not used."""
BASIC = {"Authorization": "Basic " + b64encode(":".join(CUSTOMER).encode()).decode()}


def right() -> Mapping[str, Any]:
    """The properties of a join that nothing is wrong with now."""
    return {
        **TEMPLATE["properties"],  # type: ignore[dict-item]
        "channel": SEAT.channel,
        "token": agent_spec().agora.token,
        "agent_rtc_uid": str(SEAT.uid),
        "remote_rtc_uids": ["1"],
    }


@pytest.fixture(scope="module")
def hosted() -> Iterator[Hosted]:
    """The project's API, which takes Basic authentication and tokens; its clock stands still."""
    with Hosted(customer=CUSTOMER) as running:
        yield running


def caller(hosted: Hosted) -> httpx2.Client:
    """Who calls it, with Basic authentication."""
    base = f"{hosted.url}/v2/projects/{PROJECT.app_id}"
    return httpx2.Client(base_url=base, headers=BASIC, timeout=60, trust_env=False)


@pytest.fixture(scope="module")
def client(hosted: Hosted) -> Iterator[httpx2.Client]:
    """A caller of the module's own stand-in."""
    with caller(hosted) as made:
        yield made


def token(at: float, project: Project = PROJECT, channel: str = SEAT.channel) -> dict[str, str]:
    """The header of a token for the session's channel and agent, minted at that instant."""
    header = agora_token(project, lambda: at, counted_entropy())
    return {"Authorization": header(channel, str(SEAT.uid))}


def join(client: httpx2.Client, changes: Mapping[str, Any], **more: Any) -> httpx2.Response:
    """What is right, with changes; None takes a property away."""
    properties = {key: value for key, value in {**right(), **changes}.items() if value is not None}
    return client.post("/join", json={"name": "s-1", "properties": properties} | more.pop("top", {}), **more)


@pytest.mark.parametrize(
    "changes",
    [
        {"channel": None},
        {"token": None},
        {"agent_rtc_uid": None},
        {"remote_rtc_uids": None},
        {"llm": None},
        {"channel": 7},
        {"agent_rtc_uid": 7},
        {"agent_rtc_uid": "1"},
        {"remote_rtc_uids": "1"},
        {"remote_rtc_uids": ["*"]},
        {"remote_rtc_uids": ["1", "2"]},
        {"idle_timeout": 259_201},
        {"idle_timeout": "60"},
        {"labels": {"session_id": 7}},
        {"token": "007"},
        {"channel": "another"},
        {"unknown": 1},
        {"tts": {"vendor": "nobody"}},
        {"rtc": {"encryption_mode": 9, "encryption_key": "k"}},
        {"rtc": {"encryption_mode": 1, "encryption_key": ""}},
        {"rtc": {"encryption_mode": 8, "encryption_key": "k"}},
        {"rtc": {"encryption_mode": 8, "encryption_key": "k", "encryption_salt": b64encode(bytes(32)).decode()}},
        {"rtc": {"encryption_mode": 8, "encryption_key": "k", "encryption_salt": b64encode(b"s" * 31).decode()}},
        {"rtc": {"encryption_mode": "aes_256_gcm2", "encryption_key": "k"}},
    ],
)
def test_a_join_body_that_breaks_a_rule_is_refused(client: httpx2.Client, changes: Mapping[str, Any]) -> None:
    """Missing, of another type, out of range, or known to nobody."""
    answer = join(client, changes)
    assert (answer.status_code, answer.json().keys()) == (400, {"detail", "reason"})


@pytest.mark.parametrize(
    ("made", "status"),
    [
        (lambda now: {"Authorization": ""}, 401),
        (lambda now: {"Authorization": "Basic " + b64encode(b"a:b").decode()}, 401),
        (lambda now: {"Authorization": "agora token=007"}, 401),
        (lambda now: token(now - 700), 401),
        (lambda now: token(now + 700), 401),
        (lambda now: token(now, Project(PROJECT.app_id, "0" * 32)), 401),
        (lambda now: token(now, Project("0" * 32, PROJECT.certificate)), 401),
        (lambda now: {"Authorization": f"agora token={agent_spec(now=now).agora.token}"}, 401),
        (lambda now: token(now, channel="another"), 403),
    ],
)
def test_a_call_that_nothing_authenticates_is_refused(
    hosted: Hosted, client: httpx2.Client, made: Callable[[float], dict[str, str]], status: int
) -> None:
    """Also a token without RTM, and one that is for somewhere else."""
    assert join(client, {}, headers=made(hosted.api.now)).status_code == status


def test_a_name_is_unique_among_what_runs_and_free_again_after_it() -> None:
    """The second is told of the first; when that is idle for too long, Agora ends it."""
    with Hosted(customer=CUSTOMER) as hosted, caller(hosted) as client:
        first = join(client, {"idle_timeout": 60}, headers=token(hosted.api.now)).json()["agent_id"]
        second = join(client, {})
        assert (second.status_code, second.json()["agent_id"]) == (409, first)
        hosted.api.tasks[first].tester_left = hosted.api.now
        hosted.api.now += 59
        assert client.get(f"/agents/{first}").json()["status"] == "RUNNING"
        hosted.api.now += 1
        assert client.get(f"/agents/{first}").json()["status"] == "STOPPED"
        assert client.post(f"/agents/{first}/leave").status_code == 404
        assert join(client, {}).status_code == 200


def test_no_more_agents_run_at_once_than_the_quota_allows() -> None:
    """The next is told that there are too many, until one of them has ended."""
    with Hosted(customer=CUSTOMER) as hosted, caller(hosted) as client:
        running = [join(client, {}, top={"name": f"s-{number}"}).json()["agent_id"] for number in range(QUOTA)]
        refused = join(client, {}, top={"name": "one-more"})
        assert (refused.status_code, refused.json()["reason"]) == (429, "ConcurrencyLimitExceeded")
        hosted.api.tasks[running[0]].status = "STOPPED"
        assert join(client, {}, top={"name": "one-more"}).status_code == 200


@pytest.mark.parametrize("query", [{"state": "7"}, {"state": "5"}, {"name": "s-1"}, {"cursor": "A0"}])
def test_a_list_takes_what_is_documented(client: httpx2.Client, query: dict[str, str]) -> None:
    """No search by name, and no state that the page does not have."""
    assert client.get("/agents", params=query).status_code == 400


def test_an_agent_that_never_was_is_not_found(client: httpx2.Client) -> None:
    """Neither to query nor to stop."""
    assert client.get("/agents/A0").json()["reason"] == "TaskNotFound"
    assert client.post("/agents/A0/leave").status_code == 404
