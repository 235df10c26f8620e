"""The service and the network between it and whoever runs the agents: every failure is told in time, and none leaks.

The whole service as a process, with one slot and its sessions in SQLite; a real toxiproxy; the stand-ins.
"""

import itertools
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import httpx2
import orjson
import pytest

from tests.agents.agent_servers import SECRET as SIGNING_SECRET
from tests.agents.agent_servers import TEMPLATE as TEN_TEMPLATE
from tests.agents.agent_servers import HostedAgents, HostedTen
from tests.agents.convoai import TEMPLATE, Hosted
from tests.commands import Command, command
from tests.settings.given import RIGHT, SECRET
from tests.standins.toxiproxy import Network, Toxic, toxiproxy

pytestmark = [pytest.mark.real, pytest.mark.timeout(600)]

STOP = 8
"""Seconds that the operator's port waits for an agent's end."""
BUDGET = 3
"""Seconds within which the service has to answer."""
TRAVEL = 20
"""Seconds that the call's own way takes at most, on a machine that is busy with other things."""
LATE = 120
"""Seconds after which what is late would come, if the network were not back before."""
AHEAD = 300
"""Seconds by which the stand-in for Agora, whose clock stands still, is ahead of the service."""

LATER_THAN_THE_BUDGET = {"latency": 1000 * LATE}
KILOBYTES_PER_SECOND = {"rate": 1}
TEN_BYTES_A_SECOND = {"average_size": 10, "size_variation": 0, "delay": 1_000_000}
PROMPT = "Greet. " * 2_000
FOREVER = {"timeout": 0}
NOT_SENT = {
    "the request is late": Toxic("latency", "upstream", LATER_THAN_THE_BUDGET),
    "the request is reset": Toxic("reset_peer", "upstream", FOREVER),
    "the request is swallowed": Toxic("timeout", "upstream", FOREVER),
    "the request trickles": Toxic("slicer", "upstream", TEN_BYTES_A_SECOND),
}
ENDS_SUFFER = {
    "half-open": (Toxic("timeout", "upstream", FOREVER), Toxic("timeout", "downstream", FOREVER)),
    "reset": (Toxic("reset_peer", "downstream", FOREVER),),
    "late": (Toxic("latency", "downstream", LATER_THAN_THE_BUDGET),),
    "ten bytes a second": (Toxic("slicer", "downstream", TEN_BYTES_A_SECOND),),
}
NOT_HEARD = {
    "the answer is late": Toxic("latency", "downstream", LATER_THAN_THE_BUDGET),
    "the answer is reset": Toxic("reset_peer", "downstream", FOREVER),
    "the answer is swallowed": Toxic("timeout", "downstream", FOREVER),
}


class Remote(Protocol):
    """Whoever runs agents, and what it runs."""

    url: str

    def settings(self, folder: Path, url: str) -> Mapping[str, str]:
        """What tells the service to start its agents there, by way of `url`."""
        ...

    def agents(self) -> list[str]:
        """The sessions whose agents run."""
        ...

    def ever(self) -> list[str]:
        """The sessions whose agents run or ran."""
        ...


class Agora(Hosted):
    """The stand-in for Agora's API."""

    def settings(self, folder: Path, url: str) -> Mapping[str, str]:
        self.api.now += AHEAD
        template = orjson.loads(orjson.dumps(TEMPLATE))
        template["properties"]["llm"]["system_messages"] = [{"role": "system", "content": PROMPT}]
        (folder / "template.json").write_bytes(orjson.dumps(template))
        return {
            "SESSION_LAUNCHER": "convoai",
            "SESSION_CONVOAI_TEMPLATE": "template.json",
            "SESSION_CONVOAI_URL": url,
        }

    def agents(self) -> list[str]:
        return [task.name for task in self.api.alive]

    def ever(self) -> list[str]:
        return [task.name for task in self.api.tasks.values()]


class Own(HostedAgents):
    """The stand-in for a customer's agent server."""

    def settings(self, folder: Path, url: str) -> Mapping[str, str]:
        return {"SESSION_LAUNCHER": "http", "SESSION_HTTP_URL": url, "SESSION_HTTP_SECRETS": SIGNING_SECRET}

    def agents(self) -> list[str]:
        return list(self.api.running)

    def ever(self) -> list[str]:
        return [*self.api.running, *(self.api.stopped if "start" in self.api.arrived else ())]


class Ten(HostedTen):
    """The stand-in for a TEN agents server."""

    def settings(self, folder: Path, url: str) -> Mapping[str, str]:
        (folder / "ten.json").write_bytes(orjson.dumps(TEN_TEMPLATE))
        return {"SESSION_LAUNCHER": "ten", "SESSION_TEN_URL": url, "SESSION_TEN_TEMPLATE": "ten.json"}

    def agents(self) -> list[str]:
        return list(self.channels)

    def ever(self) -> list[str]:
        return ["started"] * self.api.calls.count("start")  # it keeps none that has ended


LAUNCHERS: tuple[type[Agora | Own | Ten], ...] = (Agora, Own, Ten)


class Place:
    """A service, the network that its launcher uses, and what is at the other end."""

    def __init__(self, serve: Command, network: Network, remote: Remote) -> None:
        self.serve = serve
        self.network = network
        self.remote = remote
        listening = json.loads(serve.until("service.listening"))
        self._port, self._ops_port = listening["port"], listening["ops_port"]

    def call(self) -> httpx2.Response:
        """Ask for a session. Nobody waits longer than the budget, whatever the network does."""
        began = time.monotonic()
        answer = httpx2.post(
            f"http://127.0.0.1:{self._port}/cekura/v1/sessions",
            headers={"X-Cekura-Secret": SECRET},
            json={"client_id": RIGHT["SESSION_CLIENT_ID"]},
            timeout=LATE,
            trust_env=False,
        )
        assert time.monotonic() - began < BUDGET + TRAVEL
        return answer

    def ends(self) -> int:
        """The operator ends the only session; nobody is kept waiting longer than that port promises."""
        with httpx2.Client(base_url=f"http://127.0.0.1:{self._ops_port}", timeout=LATE, trust_env=False) as client:
            (live,) = [one for one in client.get("/sessions").json()["sessions"] if one["state"] != "ended"]
            began = time.monotonic()
            status = client.delete(f"/sessions/{live['session_id']}").status_code
        assert time.monotonic() - began < STOP + TRAVEL
        return status

    def recovers(self) -> None:
        """The network is back: the session ends, no agent is left, and its slot, the only one, is free."""
        self.network.is_back()
        self.serve.until("session.ended")
        assert self.remote.agents() == []
        assert self.call().status_code == 200
        assert len(self.remote.agents()) == 1


def each_somewhere(faults: Mapping[str, object], always: str) -> list[object]:
    """Each fault between the service and one launcher's server, in turn; `always` between it and every one's.

    The launchers have one way out (`agents.outgoing`), and each of these tests takes about ten seconds of waiting.
    """
    launchers = itertools.cycle(LAUNCHERS)
    return [
        pytest.param(launcher, fault, id=f"{launcher.__name__}-{name}")
        for name, fault in faults.items()
        for launcher in (LAUNCHERS if name == always else (next(launchers),))
    ]


@pytest.fixture(scope="module")
def control() -> Iterator[httpx2.Client]:
    """A toxiproxy for all tests of this file, which have a proxy of their own each."""
    with toxiproxy() as running:
        yield running


@contextmanager
def served(folder: Path, remote: Remote, control: httpx2.Client) -> Iterator[Place]:
    """One slot, in a file."""
    network = Network(control, remote.url)
    own = {
        "SESSION_STORE": f"sqlite:{folder / 'sessions.db'}",
        "SESSION_ANSWER_BUDGET": str(BUDGET),
        "SESSION_MAX_SESSIONS": "1",
    }
    with command(folder, "serve", {**RIGHT, **remote.settings(folder, network.url), **own}) as running:
        yield Place(running, network, remote)
        network.is_back()  # or the service would wait for agents that it cannot end


@pytest.fixture(params=LAUNCHERS)
def place(request: pytest.FixtureRequest, tmp_path: Path, control: httpx2.Client) -> Iterator[Place]:
    """The launcher `convoai` before Agora's API, `http` before a customer's own server, `ten` before a TEN server."""
    with request.param() as remote, served(tmp_path, remote, control) as made:
        yield made


@pytest.mark.parametrize(
    ("place", "toxic"), each_somewhere(NOT_SENT, always="the request is swallowed"), indirect=["place"]
)
def test_a_start_that_does_not_get_through_is_told_in_time_and_leaves_nothing(place: Place, toxic: Toxic) -> None:
    """Some of it may get through later, when nobody waits for it any more."""
    place.network.suffers(toxic)
    assert place.call().status_code in (502, 503, 504)
    place.recovers()


@pytest.mark.parametrize(
    ("place", "toxic"), each_somewhere(NOT_HEARD, always="the answer is swallowed"), indirect=["place"]
)
def test_an_agent_whose_acceptance_is_not_heard_is_stopped_by_name(place: Place, toxic: Toxic) -> None:
    """It was started, and nobody here knows more of it than the name that it was to have."""
    place.network.suffers(toxic)
    assert place.call().status_code in (502, 503, 504)
    assert len(place.remote.ever()) == 1
    place.recovers()


@pytest.mark.parametrize(("place", "toxics"), each_somewhere(ENDS_SUFFER, always="half-open"), indirect=["place"])
def test_an_end_that_the_network_loses_is_told_in_time_and_asked_for_until_it_is_done(
    place: Place, toxics: tuple[Toxic, ...]
) -> None:
    """202: the agent is not known to be gone, so its slot stays taken until it is. All launchers have one way out."""
    assert place.call().status_code == 200
    place.network.suffers(*toxics)
    assert place.ends() == 202
    assert place.call().status_code == 429
    place.recovers()


@pytest.mark.parametrize("place", [Agora], indirect=True)
def test_a_long_prompt_on_a_narrow_line_is_given_up_in_time_and_leaves_nothing(place: Place) -> None:
    """Fourteen kilobytes at one a second: what is left of a request that was given up gets through later."""
    place.network.suffers(Toxic("bandwidth", "upstream", KILOBYTES_PER_SECOND))
    assert place.call().status_code in (502, 503, 504)
    place.recovers()


def test_a_network_that_is_down_is_told_in_time_and_takes_no_slot_for_good(place: Place) -> None:
    """Nothing was started; that there is nothing is asked for until somebody answers."""
    place.network.goes_down()
    assert place.call().status_code == 503
    assert place.remote.ever() == []
    place.recovers()
